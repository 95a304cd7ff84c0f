"""Child processes: errors reported to the caller, and clean-up after kills."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from multiprocessing import forkserver
from pathlib import Path

import pytest
from tests.conftest import processes_marked, wait_until

from hydrarec.core.errors import ConfigError, HydrarecError, LostJobError, UserCodeError
from hydrarec.training.processes import ChildProcess, end_all, first_to_end


def succeed() -> None:
    print("printed")


def fail(what: str) -> None:
    raise ConfigError(what, fix="another value")


def break_down() -> None:
    raise RuntimeError("boom")


def die(number: int) -> None:
    os.kill(os.getpid(), number)


def list_state(file: Path) -> None:
    state = [str("torch" in sys.modules), os.environ["MARK"], os.environ.get("HOME", ""), *sys.argv]
    file.write_text("\n".join(state))


def wait_for_sigterm(file: Path, stubborn: bool) -> None:
    def note(*_: object) -> None:
        file.write_text("asked")
        if not stubborn:
            sys.exit(0)

    signal.signal(signal.SIGTERM, note)
    file.write_text("ready")
    while True:
        time.sleep(0.05)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., ChildProcess]]:
    """``start(function, …)`` in a process whose log is ``log`` in the test's folder; those that still run are ended."""
    children: list[ChildProcess] = []

    def begin(*call: object, **settings: object) -> ChildProcess:
        children.append(ChildProcess(*call, log=tmp_path / "log", **settings))
        return children[-1]

    yield begin
    end_all(children)


@pytest.mark.parametrize(
    ("call", "kind", "reason"),
    [
        ((fail, "x=1"), ConfigError, "x=1"),
        ((fail, "x" * 200_000), ConfigError, "x" * 200_000),  # more than a pipe holds
        ((break_down,), UserCodeError, f"error in {__name__}.break_down: RuntimeError: boom"),
        ((os._exit, 3), LostJobError, "the job's process exited with code 3 and no error message"),
        ((sys.exit, "a text"), LostJobError, "the job's process exited with code 1 and no error message"),
        ((die, signal.SIGSEGV), LostJobError, "the job's process was ended by SIGSEGV"),
        ((die, signal.SIGKILL), LostJobError, "the job's process was ended by SIGKILL (out of memory?)"),
    ],
    ids=["error", "long error", "unforeseen error", "exit", "exit with text", "segmentation fault", "kill"],
)
def test_every_bad_end_is_an_error_of_the_contract(
    start: Callable[..., ChildProcess], call: tuple[object, ...], kind: type[HydrarecError], reason: str
) -> None:
    process = start(*call)
    assert process.wait(60)
    error = process.failure()
    assert type(error) is kind
    assert error.what == reason


def test_good_end_prints_into_the_log(start: Callable[..., ChildProcess], tmp_path: Path) -> None:
    process = start(succeed)
    assert process.wait(60)
    assert process.failure() is None
    assert (tmp_path / "log").read_text() == "printed\n"


def test_process_has_torch_and_exactly_the_given_environment(
    start: Callable[..., ChildProcess], tmp_path: Path
) -> None:
    process = start(list_state, tmp_path / "state", variables={"MARK": "given"})
    assert process.wait(60)
    assert (tmp_path / "state").read_text().splitlines()[:3] == ["True", "given", ""]


@pytest.mark.parametrize("stubborn", [False, True])
def test_end_asks_before_it_kills(start: Callable[..., ChildProcess], tmp_path: Path, stubborn: bool) -> None:
    process = start(wait_for_sigterm, tmp_path / "note", stubborn, grace=0.5)
    wait_until((tmp_path / "note").exists, "the process's start")
    assert not process.wait(0.05)
    began = time.monotonic()
    process.end()
    assert (tmp_path / "note").read_text() == "asked"
    assert process.code == (-signal.SIGKILL if stubborn else 0)
    assert (time.monotonic() - began > 0.5) == stubborn


def test_first_to_end_is_the_shortest(start: Callable[..., ChildProcess], tmp_path: Path) -> None:
    long, short = start(time.sleep, 1000, grace=0), start(succeed)
    assert first_to_end([long, short]) is short


@pytest.mark.e2e
def test_killed_fork_server_costs_the_processes_of_its_time(start: Callable[..., ChildProcess], tmp_path: Path) -> None:
    process = start(wait_for_sigterm, tmp_path / "note", True)
    wait_until((tmp_path / "note").exists, "the process's start")
    orphan = Path("/proc", str(process._process.pid), "exe")
    os.kill(forkserver._forkserver._forkserver_pid, signal.SIGKILL)
    assert process.wait(10)
    assert isinstance(process.failure(), LostJobError)
    wait_until(lambda: not orphan.exists(), "the orphan's end")
    after = start(succeed)
    assert after.wait(60)
    assert after.failure() is None


SCRIPT = """
import re, time
from pathlib import Path
from hydrarec.training.processes import ChildProcess
print("script", flush=True)
process = ChildProcess(*{call}, log=Path("log"), grace=0.2)
print("started", flush=True)
process.wait()
"""


@pytest.mark.e2e
@pytest.mark.parametrize(
    "call",
    ["(time.sleep, 1000)", pytest.param("(re.match, '(a+)+$', 'a' * 40 + 'b')", marks=pytest.mark.e2e)],
    ids=["asleep", "computing without giving other threads a turn"],
)
def test_script_runs_once_and_its_processes_end_when_it_is_killed(call: str, tmp_path: Path) -> None:
    """Also without ``if __name__ == "__main__"``, which multiprocessing asks for."""
    (tmp_path / "script.py").write_text(SCRIPT.format(call=call))
    environment = {**os.environ, "MARK": str(tmp_path), "TMPDIR": str(tmp_path)}
    script = subprocess.Popen([sys.executable, "script.py"], cwd=tmp_path, env=environment, stdout=subprocess.PIPE)
    with script:
        assert [script.stdout.readline(), script.stdout.readline()] == [b"script\n", b"started\n"]
        wait_until((tmp_path / "log").exists, "the process's start")
        assert len(processes_marked(str(tmp_path))) >= 3  # script, fork server, process
        script.kill()
    wait_until(lambda: not processes_marked(str(tmp_path)), "the end of all")
    assert (tmp_path / "log").read_text() == ""
    assert not list(tmp_path.glob("pymp-*"))  # multiprocessing's sockets


def test_fork_server_ends_when_its_starter_is_killed_during_the_imports(tmp_path: Path) -> None:
    """They take seconds, in which the server does not yet look for its starter."""
    (tmp_path / "script.py").write_text(SCRIPT.format(call="(time.sleep, 1000)"))
    slow = "import sys, time\nif 'forkserver' in str(sys.orig_argv): sys.meta_path.insert(0, type('', (), {'find_spec': lambda self, name, *_: time.sleep(1000) if name.endswith('.assembly') else None})())\n"
    (tmp_path / "sitecustomize.py").write_text(slow)
    paths = os.pathsep.join([str(tmp_path), os.environ["PYTHONPATH"]])
    environment = {**os.environ, "MARK": str(tmp_path), "TMPDIR": str(tmp_path), "PYTHONPATH": paths}
    script = subprocess.Popen([sys.executable, "script.py"], cwd=tmp_path, env=environment, stdout=subprocess.PIPE)
    with script:
        wait_until(lambda: len(processes_marked(str(tmp_path))) >= 3, "the fork server's start")  # and a tracker
        script.kill()
    wait_until(lambda: not processes_marked(str(tmp_path)), "the end of all")
