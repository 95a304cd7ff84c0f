"""The routes by which a run folder of somebody else once ran code or wrote elsewhere, as whole commands."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from tests import commands
from tests.attacks import corpus
from tests.conftest import TIME_LIMIT

from hydrarec.runs import checkpoint

OLD = Path(__file__).parents[1] / "golden" / "old_runs" / "rating"
CALL = "+hydra.callbacks={x:{_target_:hydra.utils.call,config:'${sweep.space.evil}'}}"


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A working folder with a finished run; at the end there is no canary."""
    home = tmp_path / "home"
    home.mkdir()
    corpus.prepare(home)
    shutil.copytree(OLD, home / "run")
    yield home
    assert not list(tmp_path.rglob("canary*"))


def run(home: Path, command: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return commands.run(f"hydrarec.cli.{command}", *arguments, cwd=home, timeout=TIME_LIMIT)


def plant(home: Path, *overrides: str, finished: bool = True) -> None:
    path = home / "run" / "run.json"
    record = json.loads(path.read_text())
    path.write_text(json.dumps({**record, "overrides": [*record["overrides"], *overrides]}))
    if not finished:
        (home / "run" / "result.json").unlink()


def assert_refused(done: subprocess.CompletedProcess[str], exit_code: int, *says: str) -> None:
    assert done.returncode == exit_code, done.stderr
    assert len(done.stderr.splitlines()) <= 4, done.stderr
    assert "  expected: " in done.stderr and "  fix: " in done.stderr
    assert "Traceback" not in done.stderr and "weights_only" not in done.stderr
    assert done.stdout == ""
    for part in says:
        assert part in done.stderr


def test_resume_with_a_callback_of_hydra(home: Path) -> None:
    payload = home / "payload.pkl"
    plant(
        home, f"+hydra.callbacks={{x:{{_target_:pandas.read_pickle,filepath_or_buffer:'{payload}'}}}}", finished=False
    )
    assert_refused(run(home, "train", "resume=run"), 4, "run.json", "hydra.callbacks")


def test_replay_with_a_call_behind_an_interpolation(home: Path) -> None:
    evil = {"_target_": "joblib.load", "filename": str(home / "payload.pkl")}
    plant(home, CALL, f"+sweep.space={corpus.typed({'evil': evil})}")
    assert_refused(run(home, "train", "replay=run"), 4, "run.json", "hydra.callbacks")


def test_replay_with_a_searchpath_and_its_log(home: Path) -> None:
    folder = home / "evil" / "hydra" / "job_logging"
    folder.mkdir(parents=True)
    call = {"()": "pandas.read_pickle", "filepath_or_buffer": str(home / "payload.pkl")}
    (folder / "evil.yaml").write_text(json.dumps({"version": 1, "formatters": {"x": call}, "root": {}}))
    plant(home, f"hydra.searchpath=[{(home / 'evil').as_uri()}]", "hydra/job_logging=evil")
    assert_refused(run(home, "train", "replay=run"), 4, "hydra.searchpath")
    assert_refused(run(home, "train", "--config-dir", "evil", "hydra/job_logging=evil"), 2, "formatters.x.()")


@pytest.mark.parametrize("verb", ["resume", "replay"])
def test_a_log_file_elsewhere(home: Path, verb: str) -> None:
    plant(
        home,
        "hydra/job_logging=default",
        f"hydra.job_logging.handlers.file.filename={home / 'canary'}",
        finished=verb == "replay",
    )
    assert_refused(run(home, "train", f"{verb}=run"), 4, "hydra/job_logging=default")


def test_an_experiment_of_a_config_folder(home: Path) -> None:
    evil = {"_target_": "joblib.load", "filename": str(home / "payload.pkl")}
    content = {
        "sweep": {"space": {"evil": evil}},
        "hydra": {"callbacks": {"x": {"_target_": "hydra.utils.call", "config": "${sweep.space.evil}"}}},
    }
    (home / "evil" / "experiment" / "evil.yaml").write_text(f"# @package _global_\n{json.dumps(content)}\n")
    assert_refused(run(home, "train", "--config-dir", "evil", "experiment=evil"), 2, "hydra.callbacks")
    assert_refused(run(home, "train", CALL, f"+sweep.space={corpus.typed({'evil': evil})}"), 2, "hydra.callbacks")


@pytest.mark.parametrize("command", ["recommend", "analyze"])
def test_a_checkpoint_that_is_a_pickle(home: Path, command: str) -> None:
    path = home / "run" / "checkpoints" / "best.ckpt"
    path.write_bytes(pickle.dumps({"state_dict": corpus.Pickled(Path.touch, home / "canary")}))
    checkpoint.sidecar(path).write_text(f"{checkpoint.sha256_of(path)}\n")
    question = ["user=1"] if command == "recommend" else []
    assert_refused(run(home, command, "run=run", *question), 4, "best.ckpt", "refused")


def test_data_with_other_lengths(home: Path) -> None:
    path = home / "run" / "data.npz"
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files}
    np.savez(path, **{**arrays, "ratings": arrays["ratings"][:-1]})
    assert_refused(run(home, "recommend", "run=run", "user=1"), 4, "data.npz", "ratings")


@pytest.mark.parametrize("name", ["../../canary", "/tmp/canary-of-hydrarec"])
def test_names_stay_inside_the_output_folder(home: Path, name: str) -> None:
    assert_refused(run(home, "train", f"name={name}"), 2, "plain folder name")
    assert_refused(run(home, "train", "-m", f"sweep.name={name}", "seed=0,1"), 2, "plain folder name")
    assert not Path(name).exists() or name.startswith("..")


def test_the_environment_is_not_written(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "s3cr3t")
    assert_refused(run(home, "train", "name='x-${oc.env:SECRET}'"), 2, "reads an environment variable")
    assert_refused(
        run(home, "train", "-m", "name='x-${oc.env:SECRET}'", "seed=0,1"), 2, "reads an environment variable"
    )
    plant(home, "name='x-${oc.env:SECRET}'")
    assert_refused(run(home, "train", "replay=run"), 4, "reads an environment variable")
    assert not (home / "outputs").exists()


def test_names_of_others_do_not_reach_the_terminal(home: Path) -> None:
    (home / "run").rename(home / "run\x1b]0;owned\x07")
    done = run(home, "report", "runs=.", "resamples=10")
    assert done.returncode == 0, done.stderr
    pages = [
        path.read_text() for path in (home / "outputs").rglob("*") if path.suffix in (".md", ".html", ".csv", ".tex")
    ]
    assert len(pages) >= 4
    assert not [page for page in [done.stdout, done.stderr, *pages] if "\x1b" in page or "\x07" in page]


def test_a_whole_new_process_refuses_as_well(home: Path) -> None:
    """Not forked from one that has imported everything."""
    plant(home, CALL, f"+sweep.space={corpus.typed({'evil': {'_target_': 'trap.boom'}})}", finished=False)
    command = [sys.executable, "-m", "hydrarec.cli.train", "resume=run"]
    done = subprocess.run(command, cwd=home, env={**os.environ}, capture_output=True, text=True, timeout=TIME_LIMIT)
    assert_refused(done, 4, "run.json", "hydra.callbacks")
