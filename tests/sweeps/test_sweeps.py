"""Sweeps from the command line: isolation of jobs from each other, and rerunning the same command."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import TIME_LIMIT, TINY, Train, processes_marked, small_ratings, wait_until

SWEEP = Path("outputs/rating-csv/sweep")
SMALL = ("-m", *TINY, "trainer.epochs=1", "trainer.steps_per_call=50")
# Runs in the fork server, before anything else: seeds stand for what can go wrong.
FAULTS = """
import os, sys, time
if any("multiprocessing.forkserver" in word for word in sys.orig_argv):
    import hydrarec.training.job
    original = hydrarec.training.job.execute
    def execute(config, *arguments):
        match config["seed"]:
            case 1: raise RuntimeError("boom")
            case 2: os._exit(3)
            case 3: time.sleep(1000)
            case 4: config["optimizer"]["learning_rate"] = 1e12
            case 5: os.kill(os.getpid(), 11)
            case 6: sys.exit("that is it")
            case 8: raise OSError(28, "No space left on device", "predictions.npz")
        return original(config, *arguments)
    hydrarec.training.job.execute = execute
"""


@pytest.fixture
def faults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "faults"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(FAULTS)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(folder), os.environ["PYTHONPATH"]]))


def journal(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "sweep.jsonl").read_text().splitlines()]


def events(folder: Path, name: str) -> dict[str, dict[str, Any]]:
    """Last event with this name, by the last override of its job."""
    return {event["overrides"][-1]: event for event in journal(folder) if event["event"] == name}


def results(folder: Path) -> dict[str, Any]:
    """Results of finished runs by folder, without their cost."""
    found = {}
    for path in sorted(folder.glob("*/result.json")):
        result = json.loads(path.read_text())
        del result["seconds"]
        predictions = path.with_name("predictions.npz")
        found[path.parent.name] = result, predictions.read_bytes() if predictions.exists() else b""
    return found


@pytest.mark.e2e
@pytest.mark.parametrize("launcher", ["basic", "joblib"])
def test_job_that_goes_wrong_costs_itself_only(train: Train, faults: None, workplace: Path, launcher: str) -> None:
    seeds = "seed=0,1,2,3,4,5,6,7"
    # optimizer=sgd, or no learning rate is large enough to diverge
    ended = train(*SMALL, f"hydra/launcher={launcher}", "sweep.timeout=15", "optimizer=sgd", "model=dot", seeds)
    assert ended.returncode == 5, ended.stderr
    assert "Traceback" not in ended.stdout
    folder = workplace / SWEEP
    assert set(events(folder, "done")) == {"seed=0", "seed=7"}
    reasons = {key: event["reason"] for key, event in events(folder, "failed").items()}
    for key, reason in {
        "seed=1": "RuntimeError: boom",
        "seed=2": "exited with code 3",
        "seed=3": "outlived sweep.timeout=15 s",
        "seed=4": "the training loss became",
        "seed=5": "SIGSEGV",
        "seed=6": "exited with code 1",
    }.items():
        assert reason in reasons[key]
        assert f"failed: {reasons[key]}" in ended.stdout  # in the summary too
        run = folder / events(folder, "failed")[key]["run"]
        assert json.loads((run / "error.json").read_text())["what"] == reasons[key]
        assert json.loads((run / "run.json").read_text())["status"] == "failed"
        assert re.search(rf"{run.name}/  alone: hydrarec-train .*{key}$", ended.stdout, re.MULTILINE)
    assert "2 done, 6 failed, 0 skipped" in ended.stdout
    assert "that is it" in (folder / events(folder, "failed")["seed=6"]["run"] / "train.log").read_text()


def test_same_command_again_runs_what_is_missing_or_failed(train: Train, workplace: Path) -> None:
    first = train(*SMALL, "model=bias,popularity", "seed=0,1")
    assert first.returncode == 5, first.stderr  # popularity has no ratings to predict
    assert "2 done, 2 failed, 0 skipped" in first.stdout
    before = results(workplace / SWEEP)
    grown = train(*SMALL, "model=bias,dot", "seed=0,1")
    assert grown.returncode == 0, grown.stderr
    assert len(re.findall(r"^skipped  [0-9a-f]{8}  model=bias seed=\d  \(finished\)  val/rmse \d\.\d{4}$", grown.stdout, re.M)) == 2  # fmt: skip
    assert "2 done, 0 failed, 2 skipped" in grown.stdout
    assert {name: found for name, found in results(workplace / SWEEP).items() if name in before} == before
    assert "hydrarec-report runs=outputs/rating-csv/sweep" in grown.stdout
    started = Counter(event["run"] for event in journal(workplace / SWEEP) if event["event"] == "running")
    assert set(started.values()) == {1}


@pytest.mark.e2e
def test_order_of_the_words_and_the_launcher_are_not_the_jobs(train: Train, workplace: Path) -> None:
    """A job is known by what it computes: here its task composes it and finds it finished."""
    train(*SMALL, "model=bias", "seed=0,1")
    again = train(*SMALL, "hydra/launcher=joblib", "seed=1,0", "model=bias", "logger=none", "sweep.timeout=100")
    assert "0 done, 0 failed, 2 skipped" in again.stdout


@pytest.mark.e2e
def test_results_are_those_of_single_runs(train: Train, workplace: Path) -> None:
    train(*SMALL, "model=dot", "seed=0,1")
    train(*SMALL[1:], "model=dot", "seed=1", "hydra.run.dir=alone")
    alone = json.loads((workplace / "alone" / "result.json").read_text())
    run = events(workplace / SWEEP, "done")["seed=1"]["run"]
    assert json.loads((workplace / SWEEP / run / "result.json").read_text())["metrics"] == alone["metrics"]


@pytest.mark.e2e
def test_several_tasks_share_a_folder_that_none_of_them_names(train: Train, workplace: Path) -> None:
    ended = train(*SMALL, "model=popularity", "task=ranking,rating")
    assert "sweep folder: outputs/mixed/sweep/" in ended.stdout
    assert (workplace / "outputs/mixed/sweep/sweep.jsonl").is_file()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("sweep.timeout=0",), "sweep.timeout=0"),
        (("sweep.timeout=1,2",), "a sweep has one sweep.timeout"),
        (("sweep.tmeout=1",), "unknown key 'sweep.tmeout'"),
        (("resume=x",), "drop -m"),
        (("replay=x",), "drop -m"),
        (("hydra/sweeper=optuna", "model=popularity"), "nothing to search"),
        (("hydra/sweeper=optuna", "optimizer.learning_rate=interval(-1.0,0.1)"), "optimizer.learning_rate=-1.0"),
    ],
)
def test_sweep_that_cannot_work_is_refused_before_its_first_job(
    train: Train, workplace: Path, words: tuple[str, ...], says: str
) -> None:
    if "hydra/sweeper=optuna" in words:
        pytest.importorskip("optuna")
    ended = train(*SMALL, *words)
    assert ended.returncode == 2, ended.stderr
    assert says in ended.stderr
    assert "Traceback" not in ended.stderr
    assert not list(workplace.rglob("result.json"))


@pytest.mark.e2e
@pytest.mark.parametrize("words", [("hydra/sweeper=basic", "seed=0,1"), ("hydra/sweeper=optuna", "sweep.trials=2")])
def test_other_sweepers_with_options_of_the_users_own(train: Train, workplace: Path, words: tuple[str, ...]) -> None:
    if "hydra/sweeper=optuna" in words:
        pytest.importorskip("optuna", reason="the extra [optuna] is not installed")
    (workplace / "own" / "model").mkdir(parents=True)
    (workplace / "own" / "search").mkdir()
    (workplace / "own" / "model" / "mine.yaml").write_text("defaults: [dot]\nembedding_dim: 4\n")
    space = "# @package sweep\nspace: {model.embedding_dim: 'choice(4,8)'}\n"
    (workplace / "own" / "search" / "mine.yaml").write_text(space)
    ended = train("--config-dir", "own", *SMALL, "model=mine", *words)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "2 done, 0 failed, 0 skipped" in ended.stdout or "2 of 2 trials" in ended.stdout


def test_interrupted_sweep_goes_on(
    started: Callable[..., subprocess.Popen[str]], train: Train, workplace: Path
) -> None:
    command = ("-m", *TINY, "trainer.epochs=100000", "model=dot", "seed=0,1")
    process = started(*command)
    wait_until(lambda: bool(list((workplace / SWEEP).glob("*/history.csv"))), "the first epoch")
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 143, errors
    assert "run the same command again" in errors
    (folder,) = (workplace / SWEEP).glob("*/")
    assert json.loads((folder / "run.json").read_text())["status"] == "interrupted"
    assert (folder / "checkpoints" / "last.ckpt").is_file()


@pytest.mark.e2e
def test_sigterm_to_a_joblib_sweep_leaves_checkpoints(
    started: Callable[..., subprocess.Popen[str]], workplace: Path
) -> None:
    launch = ("hydra/launcher=joblib", "hydra.launcher.n_jobs=2", "trainer.checkpoint_seconds=100000")
    process = started("-m", *TINY, *launch, "trainer.epochs=100000", "model=dot", "seed=0,1,2", MARK=str(workplace))
    wait_until(lambda: len(list((workplace / SWEEP).glob("*/history.csv"))) == 2, "the first epoch of both")
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 143, errors
    assert "run the same command again" in errors
    wait_until(lambda: not processes_marked(str(workplace)), "the end of all processes")
    folders = [path.parent for path in (workplace / SWEEP).glob("*/run.json")]
    assert len(folders) == 2
    for folder in folders:
        assert json.loads((folder / "run.json").read_text())["status"] == "interrupted"
        assert (folder / "checkpoints" / "last.ckpt").is_file()
    assert not list((workplace / SWEEP).glob(".stop-*"))


@pytest.mark.e2e
@pytest.mark.parametrize("launcher", ["basic", "joblib"])
def test_full_disk_ends_the_sweep_and_finished_jobs_stand(
    train: Train, faults: None, workplace: Path, launcher: str
) -> None:
    launch = (f"hydra/launcher={launcher}", *(["hydra.launcher.n_jobs=1"] if launcher == "joblib" else []))
    ended = train(*SMALL, *launch, "model=dot", "seed=0,8,7,1")
    assert ended.returncode == 6, ended.stdout + ended.stderr
    assert ended.stderr.splitlines()[-3].startswith("predictions.npz: the disk is full")
    assert "Traceback" not in ended.stderr
    assert set(events(workplace / SWEEP, "done")) == {"seed=0"}
    assert set(events(workplace / SWEEP, "running")) == {"seed=0", "seed=8"}  # the others were not even begun
    again = train(*SMALL, *launch, "model=dot", "seed=0,7")
    assert "1 done, 0 failed, 1 skipped" in again.stdout


@pytest.mark.e2e
def test_same_sweep_twice_at_once(train: Train, workplace: Path) -> None:
    from hydrarec.sweeps.start import _alone

    words = [*SMALL[1:], "model=bias", "seed=0,1"]
    (workplace / SWEEP).mkdir(parents=True)
    with _alone(workplace / SWEEP, words):
        second = train("-m", "hydra/launcher=joblib", *reversed(words))
        assert second.returncode == 6, second.stdout + second.stderr
        assert "the same sweep runs already" in second.stderr and "sweep.name=" in second.stderr
        assert not (workplace / SWEEP / "sweep.jsonl").exists()
        other = train("-m", *words[:-1], "seed=0")
        assert other.returncode == 0, other.stderr
    assert train("-m", *words).returncode == 0


@pytest.mark.e2e
@pytest.mark.parametrize("launcher", ["basic", "joblib"])
def test_killed_sweep_leaves_no_process(
    started: Callable[..., subprocess.Popen[str]], workplace: Path, launcher: str
) -> None:
    """Its job writes a last checkpoint; of four joblib workers, two never had a job."""
    launch = (f"hydra/launcher={launcher}", *(["hydra.launcher.n_jobs=4"] if launcher == "joblib" else []))
    process = started("-m", *TINY, *launch, "trainer.epochs=100000", "model=dot", "seed=0,1", MARK=str(workplace))
    wait_until(lambda: bool(list((workplace / SWEEP).glob("*/history.csv"))), "the first epoch")
    process.kill()
    process.wait()
    killed = time.monotonic()
    wait_until(lambda: not processes_marked(str(workplace)), "the end of all processes")
    assert time.monotonic() - killed < 20
    stopped = [json.loads(path.read_text())["status"] for path in (workplace / SWEEP).glob("*/run.json")]
    assert "interrupted" in stopped


def kill_at(process: subprocess.Popen, moment: float) -> bool:
    """Whether it was still running by then."""
    try:
        process.wait(moment)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return True
    return False


@pytest.mark.slow
@pytest.mark.timeout(1800)  # thirty starts, and most of thirty sweeps
@pytest.mark.parametrize("launcher", ["basic", "joblib"])
def test_sweep_killed_at_random_ends_as_one_that_was_not(tmp_path: Path, launcher: str) -> None:
    """Thirty kills; every time the same command again, to its end, and then in a fresh folder."""
    command = [sys.executable, "-m", "hydrarec.cli.train", "-m", *TINY, f"hydra/launcher={launcher}"]
    command += ["model=bias,dot,mlp", "seed=0,1,2,3", "trainer.epochs=6"]
    streams = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}

    def fresh(name: str) -> Path:
        (tmp_path / name).mkdir()
        (tmp_path / name / "ratings.csv").write_text(small_ratings())
        return tmp_path / name

    began = time.monotonic()
    whole = fresh("whole")
    subprocess.run(command, cwd=whole, check=True, timeout=10 * TIME_LIMIT, **streams)
    length, chance, kills = time.monotonic() - began, random.Random(7), 0
    start = length - sum(event["seconds"] for event in journal(whole / SWEEP) if event["event"] == "done") * 11 / 12
    while kills < 30:
        place = fresh(f"killed after {kills}")
        # The start takes several seconds, a job one: most kills hit jobs, some the start.
        while kill_at(
            process := subprocess.Popen(command, cwd=place, **streams), chance.uniform(1, start + length / 5)
        ):
            kills += 1
        assert process.returncode == 0
        assert results(place / SWEEP) == results(whole / SWEEP)
        finished: set[str] = set()
        for event in journal(place / SWEEP):
            assert not (event["event"] == "running" and event["run"] in finished), "a finished job ran again"
            if event["event"] == "done":
                finished.add(event["run"])


@pytest.mark.slow
def test_search_shared_by_two_and_killed_ends_with_its_trials(tmp_path: Path) -> None:
    pytest.importorskip("optuna", reason="the extra [optuna] is not installed")
    (tmp_path / "ratings.csv").write_text(small_ratings())
    command = [sys.executable, "-m", "hydrarec.cli.train", "-m", *TINY, "hydra/sweeper=optuna"]
    command += ["model=biased_dot", "sweep.trials=10", "trainer.epochs=6"]
    streams = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    both = [subprocess.Popen(command, cwd=tmp_path, **streams) for _ in range(2)]
    wait_until(lambda: len(list((tmp_path / SWEEP).glob("*/result.json"))) >= 2, "two trials")
    both[0].kill()
    both[0].wait()
    assert both[1].wait(10 * TIME_LIMIT) == 0
    last = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=10 * TIME_LIMIT)
    assert "10 of 10 trials" in last.stdout, last.stdout + last.stderr
    again = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=10 * TIME_LIMIT)
    assert "0 done, 0 failed, 0 skipped" in again.stdout
    ended = [event for event in journal(tmp_path / SWEEP) if event["event"] in ("done", "pruned", "skipped")]
    assert {event["trial"]["number"] for event in ended} == set(range(10))
    run = Counter(
        event["run"] for event in ended if event["event"] == "done"
    )  # skipped: the killed one's job had ended
    assert set(run.values()) == {1}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("package", "extra", "words"),
    [
        ("hydra_plugins.hydra_submitit_launcher", "slurm", ("hydra/launcher=submitit_local",)),
        ("hydra_plugins.hydra_ray_launcher", "ray", ("hydra/launcher=ray", "+hydra.launcher.ray.init.num_cpus=2")),
    ],
)
def test_launchers_of_many_machines(
    train: Train, faults: None, workplace: Path, package: str, extra: str, words: tuple[str, ...]
) -> None:
    pytest.importorskip(package, reason=f"the extra [{extra}] is not installed")
    ended = train(*SMALL, *words, "model=dot", "seed=0,2,7")
    assert ended.returncode == 5, ended.stdout + ended.stderr
    assert set(events(workplace / SWEEP, "done")) == {"seed=0", "seed=7"}
    assert "exited with code 3" in events(workplace / SWEEP, "failed")["seed=2"]["reason"]


def test_preset_of_slurm_is_one_of_the_plugins() -> None:
    pytest.importorskip("hydra_plugins.hydra_submitit_launcher", reason="the extra [slurm] is not installed")
    from hydrarec.config.composition import compose_config

    launcher = compose_config(
        ["hydra/launcher=slurm", "hydra.launcher.partition=short"], with_hydra=True
    ).hydra.launcher
    assert launcher._target_.endswith(".SlurmLauncher")
    assert (launcher.partition, launcher.cpus_per_task) == ("short", 1)


def test_search_without_optuna_names_the_extra(workplace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment without it is made by hiding it from a Python that is started anew."""
    (workplace / "sitecustomize.py").write_text(
        "import sys, importlib.machinery as machinery\n"
        "found = machinery.PathFinder.find_spec\n"
        "class Hiding:\n"
        "    @classmethod\n"
        "    def find_spec(cls, name, path=None, target=None):\n"
        "        return None if name == 'optuna' else found(name, path, target)\n"
        "sys.meta_path = [Hiding if finder is machinery.PathFinder else finder for finder in sys.meta_path]\n"
    )
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(workplace), os.environ["PYTHONPATH"]]))
    command = [sys.executable, "-m", "hydrarec.cli.train", *SMALL, "hydra/sweeper=optuna", "model=dot"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=TIME_LIMIT)
    assert ended.returncode == 6
    assert "hydrarec[optuna]" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_launcher_of_a_missing_plugin_names_the_extra() -> None:
    from hydrarec.config.hydra_errors import _no_such_option

    assert "hydrarec[slurm]" in str(_no_such_option("hydra/launcher", "submitit_slurm", ["basic", "joblib"]).fix)


@pytest.mark.e2e
def test_sweep_of_options_that_the_default_lacks_a_key_of(train: Train, workplace: Path) -> None:
    """With the sweep in a file, a value twice, and options after the settings."""
    experiment = workplace / "my conf" / "experiment" / "rates.yaml"
    experiment.parent.mkdir(parents=True)
    experiment.write_text("# @package _global_\nhydra: {sweeper: {params: {optimizer.learning_rate: '0.001,1e-3'}}}\n")
    model = ("model=mlp,ncf_mlp", "model.hidden_dims=[8]", "model.dropout=[0.0]")
    ended = train(*SMALL[1:], *model, "experiment=rates", "-m", "--config-dir", "my conf")
    assert ended.returncode == 0, ended.stderr
    assert "2 done, 0 failed, 0 skipped" in ended.stdout
    assert "optimizer.learning_rate=0.001 is given twice" in ended.stderr
