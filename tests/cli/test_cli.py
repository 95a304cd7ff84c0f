"""Start and exit of a command: fast ``--help``, exit codes, a closed output pipe."""

from __future__ import annotations

import errno
import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest
from tests.conftest import TIME_LIMIT, TINY, Train

from hydrarec.cli import entry_point as cli
from hydrarec.core.errors import (
    CheckpointError,
    ConfigError,
    DataError,
    DivergedError,
    EnvironmentFault,
    HydrarecError,
    InterruptedRun,
    did_you_mean,
    nearest,
)
from hydrarec.core.kinds import Bounds

EXIT_CODES = {ConfigError: 2, DataError: 3, CheckpointError: 4, EnvironmentFault: 6, DivergedError: 7, HydrarecError: 1}
FULL = {
    "file": "ratings.csv",
    "line": 4812,
    "column": "rating",
    "value": "good",
    "expected": "a number",
    "fix": "correct the line",
}


# -- errors ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "exit_code"), EXIT_CODES.items())
def test_error_keeps_its_exit_code_and_its_three_parts(kind: type[HydrarecError], exit_code: int) -> None:
    error = cli.as_contract(kind("'good' is not a number", **FULL))
    assert error.exit_code == exit_code
    assert str(error) == "ratings.csv:4812: 'good' is not a number\n  expected: a number\n  fix: correct the line"


@pytest.mark.parametrize(("number", "exit_code"), [(2, 130), (15, 143)])
def test_interruption_tells_its_signal(number: int, exit_code: int) -> None:
    assert InterruptedRun("stopped", signal_number=number).exit_code == exit_code


@pytest.mark.parametrize(
    "error", [*(kind("what", **FULL) for kind in EXIT_CODES), InterruptedRun("what", signal_number=15)]
)
def test_error_survives_the_way_from_a_worker_process(error: HydrarecError) -> None:
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes, as joblib sends them
    assert type(copy) is type(error)
    assert copy.to_dict() == error.to_dict()
    assert str(copy) == str(error)


@pytest.mark.parametrize(
    ("raised", "exit_code", "says"),
    [
        (KeyboardInterrupt(), 130, "interrupted"),
        (MemoryError(), 6, "memory"),
        (RuntimeError("[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to allocate 4 bytes."), 6, "memory"),
        (OSError(errno.ENOSPC, "No space left on device", "/x/last.ckpt"), 6, "/x/last.ckpt"),
        (OSError(errno.EDQUOT, "Quota exceeded", "/x"), 6, "quota"),
        (OSError(errno.EROFS, "Read-only file system", "/x"), 6, "read-only"),
        (PermissionError(errno.EACCES, "Permission denied", "/x"), 6, "permission denied"),
        (FileNotFoundError(errno.ENOENT, "No such file", "/x"), 1, "FileNotFoundError"),
        (KeyError("model"), 1, "KeyError: 'model'"),
        (AssertionError(), 1, "AssertionError"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else "",
)  # fmt: skip
def test_any_exception_keeps_the_contract(raised: BaseException, exit_code: int, says: str) -> None:
    error = cli.as_contract(raised)
    assert error.exit_code == exit_code
    assert says in str(error)
    assert 1 <= len(str(error).splitlines()) <= 4


def test_what_was_meant_is_found_behind_what_wrapped_it() -> None:
    meant = DataError("meant")
    wrapper = RuntimeError("Lightning's")
    wrapper.__cause__ = ValueError("Hydra's")
    wrapper.__cause__.__cause__ = meant
    assert cli.as_contract(wrapper) is meant


def test_bug_of_ours_says_where() -> None:
    with pytest.raises(TypeError) as caught:
        Bounds(above=0).admit("a number\nand a second line")
    caught.value.__traceback__ = caught.value.__traceback__.tb_next  # this test's own frame is no code of ours
    caught.value.args = ("must be real number\nand a second line",)
    text = str(cli.as_contract(caught.value))
    assert text.startswith("kinds.py:")
    assert "internal error: TypeError: must be real number" in text
    assert "second line" not in text
    assert "HYDRA_FULL_ERROR=1" in text


@pytest.mark.parametrize(
    ("name", "valid", "answer"),
    [
        ("biased_dto", ["bias", "biased_dot", "mlp"], "biased_dot"),
        ("x", ["b", "a"], "one of a, b"),
        ("x", [f"name{number}" for number in range(25)], "one of 25 names, none of them close to 'x'"),
    ],
)
def test_misspelt_name_is_answered_with_the_nearest(name: str, valid: list[str], answer: str) -> None:
    assert did_you_mean(name, valid) == answer


def test_nearest_comes_first() -> None:
    assert nearest("embeding_dim", ["embedding", "embedding_dim", "dropout"]) == ["embedding_dim", "embedding"]


@pytest.mark.parametrize("body_code", [0, 5])
def test_entry_point_exits_with_the_code_of_its_body(body_code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(cli.FULL_ERROR, "0")
    with pytest.raises(SystemExit) as ended:
        cli.entry_point(lambda: body_code)
    assert ended.value.code == body_code


@pytest.mark.parametrize("full", [False, True])
def test_traceback_is_shown_where_it_is_asked_for(
    full: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def body() -> int:
        raise DataError("meant")

    monkeypatch.setenv(cli.FULL_ERROR, "1" if full else "0")
    with pytest.raises(SystemExit) as ended:
        cli.entry_point(body)
    assert ended.value.code == 3
    written = capsys.readouterr().err
    assert ("Traceback" in written) is full
    assert written.endswith("meant\n")


# -- commands ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("module", ["hydrarec.cli.train", "hydrarec.cli.reproduce", "hydrarec.cli.describe"])
@pytest.mark.parametrize("argument", ["--help", "--hydra-help", "--cfg=job", "--info=defaults"])
def test_question_is_answered_without_torch(workplace: Path, module: str, argument: str) -> None:
    answer = run_and_list_modules(module, argument)
    assert answer.returncode == 0, answer.stderr
    assert len(answer.stdout.splitlines()) >= 4
    assert answer.stderr == ""


@pytest.mark.parametrize(
    "arguments",
    [("modl=x",), ("model=x",), ("seed=x",), ("-m", "seed=1,x"), ("--hepl",), ("resume=nowhere",), ("replay=nowhere",)],
)
def test_mistake_is_answered_without_torch(workplace: Path, arguments: tuple[str, ...]) -> None:
    answer = run_and_list_modules("hydrarec.cli.train", *arguments)
    assert answer.returncode in (2, 4), answer.stderr


def run_and_list_modules(module: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a module as a command; fail if it imported torch or pandas."""
    code = f"""
import atexit, os, sys
def heavy():
    found = {{"torch", "pytorch_lightning", "pandas"}} & set(sys.modules)
    if found:
        sys.stderr.write(f"imported {{found}}")
        sys.stderr.flush()
        os._exit(99)
atexit.register(heavy)
sys.argv = [{module!r}, *{list(arguments)!r}]
from {module} import main
main()
"""
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=TIME_LIMIT)


@pytest.mark.parametrize(
    "arguments",
    [("--hepl",), ("--cfg", "jobb"), ("--resolve",), ("modl=x", "--cfg", "job"), ("seed=[", "--cfg", "job")],
)
def test_misspelt_option_keeps_the_contract(train: Train, arguments: tuple[str, ...]) -> None:
    completed = train(*arguments)
    assert completed.returncode == 2, completed.stderr
    assert len(completed.stderr.splitlines()) <= 4, completed.stderr
    assert "Traceback" not in completed.stderr
    assert completed.stdout == ""


SHORT_ANSWER = (
    "import sys; from hydrarec.cli.entry_point import entry_point; entry_point(lambda: sys.stdout.write('short') and 0)"
)


@pytest.mark.parametrize(
    "command",
    [("-m", "hydrarec.cli.train", "--help"), ("-m", "hydrarec.cli.train", *TINY, "--cfg", "job"), ("-c", SHORT_ANSWER)],
    ids=["--help", "--cfg job", "less than a buffer"],
)
def test_reader_that_leaves_early_sees_no_traceback(workplace: Path, command: tuple[str, ...]) -> None:
    reader, writer = os.pipe()
    os.close(reader)  # as `| true` does
    try:
        completed = subprocess.run(
            [sys.executable, *command], stdout=writer, stderr=subprocess.PIPE, text=True, timeout=TIME_LIMIT
        )
    finally:
        os.close(writer)
    assert completed.stderr == ""
    assert completed.returncode in (0, 141)  # 128 + SIGPIPE


def test_question_changes_nothing(train: Train, workplace: Path) -> None:
    assert train(*TINY, "--cfg", "job").returncode == 0
    assert sorted(path.name for path in workplace.iterdir()) == ["ratings.csv"]


def test_paths_of_data_do_not_depend_on_hydras_change_of_folder(train: Train, workplace: Path) -> None:
    completed = train(*TINY, "trainer.epochs=1", "hydra.job.chdir=true")
    assert completed.returncode == 0, completed.stderr
    assert "run folder: outputs" in completed.stdout
