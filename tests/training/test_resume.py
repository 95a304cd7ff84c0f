"""Interrupted and resumed is bit-equal to uninterrupted; the same seed twice is bit-equal."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from tests.conftest import TINY, Execute, Train, history_of, killed_after, wait_until

from hydrarec.runs.checkpoint import load
from hydrarec.runs.folder import RunFolder

SAVES_PER_EPOCH = 8  # 15 steps, 2 per call
Start = Callable[..., "subprocess.Popen[str]"]

RUNS = {
    "biased_dot, cosine_restarts": ("model=biased_dot", "scheduler=cosine_restarts"),
    "biased_dot, stages, sgd": ("model=biased_dot", "scheduler=stages", "optimizer=sgd", "scheduler.stages=[{epochs:1,learning_rate:0.01},{epochs:1,learning_rate:0.1}]"),
    "mlp with dropout, one_cycle": ("model=mlp", "scheduler=one_cycle", "optimizer=adamw"),
    "svdpp, plateau": ("model=svdpp", "scheduler=plateau", "scheduler.patience=0", "scheduler.threshold=0.5", "optimizer=adagrad"),
    "bias": ("model=bias",),
    "bayesian_svdpp": ("model=bayesian_svdpp", "model.burn_in=0", "model.thin=1"),
    # 30 items, two at a time
    "i_autorec with dropout, one_cycle": ("model=i_autorec", "model.hidden_dim=8", "task.datamodule.batch_size=2"),
    # 520 positives and four negatives each: again 15 steps of 35 positives
    "neumf with dropout, ranking": ("task=ranking", "model=neumf", "model.dropout=[0.1,0.1,0.1]", "task.datamodule.batch_size=175", "task.datamodule.num_candidates=9"),
}  # fmt: skip
PLACES = {"after the first call": 1, "at the end of an epoch": SAVES_PER_EPOCH, "within the second epoch": SAVES_PER_EPOCH + 3,
          "after the last epoch": 2 * SAVES_PER_EPOCH}  # fmt: skip


def history(folder: Path) -> list[dict[str, str]]:
    wall = ("seconds", "samples_per_second")
    return [{name: value for name, value in row.items() if name not in wall} for row in history_of(folder)]


def assert_bit_equal(actual: object, expected: object, place: str = "") -> None:
    assert type(actual) is type(expected), place
    if isinstance(expected, torch.Tensor):
        assert torch.equal(actual, expected), place
    elif isinstance(expected, dict):
        assert actual.keys() == expected.keys(), place
        for key in expected:
            assert_bit_equal(actual[key], expected[key], f"{place}.{key}")
    elif isinstance(expected, list | tuple):
        assert len(actual) == len(expected), place
        for index, pair in enumerate(zip(actual, expected, strict=True)):
            assert_bit_equal(*pair, f"{place}[{index}]")
    else:
        assert actual == expected, place


def assert_same_run(actual: Path, expected: Path) -> None:
    """Weights, optimiser, schedule, history, predictions and metrics, bit for bit."""
    for name in ("best.ckpt", "last.ckpt"):
        one, other = (load(folder / "checkpoints" / name) for folder in (actual, expected))
        for part in ("epoch", "global_step", "state_dict", "optimizer_states", "lr_schedulers"):
            assert_bit_equal(one.get(part), other.get(part), f"{name} {part}")
    assert history(actual) == history(expected)
    one, other = (RunFolder(folder).read_result() for folder in (actual, expected))
    assert {**one, "seconds": None} == {**other, "seconds": None}
    (found,) = (path.name for path in expected.glob("*.npz") if path.name != "data.npz")  # predictions or ranks
    assert (actual / found).read_bytes() == (expected / found).read_bytes()


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Execute, tuple[str, ...]], Path]:
    """Folder of an uninterrupted run; each configuration is run once for all tests."""
    folders: dict[tuple[str, ...], Path] = {}

    def reference(execute: Execute, overrides: tuple[str, ...]) -> Path:
        if overrides not in folders:
            folder = tmp_path_factory.mktemp("uninterrupted")
            execute(folder, *overrides)
            folders[overrides] = folder
        return folders[overrides]

    return reference


@pytest.mark.parametrize("saves", PLACES.values(), ids=PLACES.keys())
@pytest.mark.parametrize("overrides", RUNS.values(), ids=RUNS.keys())
def test_run_that_died_after_a_checkpoint_goes_on_bit_for_bit(
    execute: Execute, uninterrupted: Callable[..., Path], tmp_path: Path, overrides: tuple[str, ...], saves: int
) -> None:
    folder = tmp_path / "run"
    with killed_after(saves):
        execute(folder, *overrides)
    execute(folder, *overrides)
    assert_same_run(folder, uninterrupted(execute, overrides))


def test_run_that_died_five_times(execute: Execute, uninterrupted: Callable[..., Path], tmp_path: Path) -> None:
    overrides = RUNS["mlp with dropout, one_cycle"]
    folder = tmp_path / "run"
    for saves in (2, 1, 6, 4, 2):
        with killed_after(saves):
            execute(folder, *overrides)
    execute(folder, *overrides)
    assert_same_run(folder, uninterrupted(execute, overrides))


@pytest.mark.parametrize("hook", ["on_validation_epoch_start", "on_validation_epoch_end", "on_test_epoch_start"])
def test_run_that_died_during_evaluation(
    execute: Execute, uninterrupted: Callable[..., Path], tmp_path: Path, hook: str
) -> None:
    from hydrarec.core.errors import HydrarecError
    from hydrarec.models.dot import BiasedDot

    def die(model: BiasedDot) -> None:
        if model.current_epoch > 0:
            raise KeyboardInterrupt

    overrides = RUNS["biased_dot, cosine_restarts"]
    folder = tmp_path / "run"
    with pytest.MonkeyPatch.context() as patch, pytest.raises(HydrarecError):
        patch.setattr(BiasedDot, hook, die)
        execute(folder, *overrides)
    execute(folder, *overrides)
    assert_same_run(folder, uninterrupted(execute, overrides))


def test_run_that_died_before_its_first_checkpoint(
    execute: Execute, uninterrupted: Callable[..., Path], tmp_path: Path
) -> None:
    overrides = RUNS["biased_dot, cosine_restarts"]
    folder = tmp_path / "run"
    with killed_after(saves=1):
        execute(folder, *overrides)
    for file in (folder / "checkpoints").iterdir():
        file.unlink()
    execute(folder, *overrides)
    assert_same_run(folder, uninterrupted(execute, overrides))


def test_run_that_stopped_early_stays_stopped(
    execute: Execute, uninterrupted: Callable[..., Path], tmp_path: Path
) -> None:
    # No epoch improves by 100 stars: the first counts as best, the second ends the run.
    overrides = (
        "callbacks=early_stopping",
        "callbacks.early_stopping.patience=1",
        "callbacks.early_stopping.min_delta=100",
        "trainer.epochs=5",
    )
    folder = tmp_path / "run"
    reference = uninterrupted(execute, overrides)
    assert len(history(reference)) == 2
    with killed_after(saves=2 * SAVES_PER_EPOCH):
        execute(folder, *overrides)
    execute(folder, *overrides)
    assert_same_run(folder, reference)


@pytest.mark.parametrize("scheduler", ["constant", "cosine_restarts", "plateau", "stages"])
def test_more_epochs_continue_the_same_run(execute: Execute, tmp_path: Path, scheduler: str) -> None:
    """trainer.epochs may change on resume: what was trained before stays, what follows is appended."""
    folder = tmp_path / "run"
    with killed_after(SAVES_PER_EPOCH):
        execute(folder, f"scheduler={scheduler}")
    (first,) = history(folder)
    result = execute(folder, f"scheduler={scheduler}", "trainer.epochs=4")
    assert result["epochs"] == 4
    assert history(folder)[0] == first


def test_finished_run_gives_its_old_result_and_is_left_alone(
    execute: Execute, uninterrupted: Callable[..., Path]
) -> None:
    overrides = RUNS["bias"]
    folder = uninterrupted(execute, overrides)
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file() and path.name != ".lock"}
    assert execute(folder, *overrides) == RunFolder(folder).read_result()
    assert {path: path.stat().st_mtime_ns for path in before} == before


@pytest.mark.parametrize("overrides", RUNS.values(), ids=RUNS.keys())
def test_same_seed_twice_is_bit_equal(
    execute: Execute, uninterrupted: Callable[..., Path], tmp_path: Path, overrides: tuple[str, ...]
) -> None:
    execute(tmp_path / "again", *overrides)
    assert_same_run(tmp_path / "again", uninterrupted(execute, overrides))


def test_another_seed_is_another_run(execute: Execute, uninterrupted: Callable[..., Path], tmp_path: Path) -> None:
    overrides = RUNS["biased_dot, cosine_restarts"]
    execute(tmp_path / "other", *overrides, "seed=1")
    assert history(tmp_path / "other") != history(uninterrupted(execute, overrides))


# -- kill -9 -----------------------------------------------------------------------------------------------------------


def kill(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGKILL)
    process.communicate()


@pytest.mark.e2e
def test_kill_9_in_the_middle_of_an_epoch(started: Start, train: Train, execute: Execute, workplace: Path) -> None:
    """A real kill, a real resume by the command that the user types, beside a run that nothing disturbed."""
    overrides = (*TINY, "trainer.epochs=30", "model=mlp")
    process = started(*overrides)
    wait_until(lambda: bool(list((workplace / "outputs").rglob("last.ckpt"))), "the first checkpoint")
    kill(process)
    (folder,) = (workplace / "outputs" / "rating-csv").iterdir()
    assert not (folder / "result.json").exists()
    assert load(folder / "checkpoints" / "last.ckpt")["epoch"] < 30

    resumed = train(f"resume={folder}")
    assert resumed.returncode == 0, resumed.stderr
    execute(workplace / "uninterrupted", "trainer.epochs=30", "model=mlp")
    assert_same_run(folder, workplace / "uninterrupted")


def wait_until_saved(checkpoint: Path, times: int, process: subprocess.Popen[str]) -> None:
    """Wait until a checkpoint was replaced so many times, or the process has ended."""
    seen: set[int] = set()

    def enough() -> bool:
        seen.update([checkpoint.stat().st_mtime_ns] if checkpoint.exists() else [])
        return len(seen) > times or process.poll() is not None

    wait_until(enough, f"{times} checkpoints")


def assert_whole(folder: Path) -> None:
    """Check that every file under a final name is readable; temporary files may be incomplete."""
    for path in folder.rglob("*"):
        if path.name.startswith(".") or not path.is_file():
            continue
        if path.suffix == ".ckpt":
            load(path)
        elif path.suffix == ".json":
            json.loads(path.read_text())
    if (folder / "config.yaml").exists():
        assert RunFolder(folder).read_config()["seed"] == 0
    history(folder)


@pytest.fixture
def other_file_system(tmp_path: Path) -> Iterator[Path]:
    """A folder on another file system than the run's: renaming out of it is not atomic."""
    shared = Path("/dev/shm")
    if not shared.is_dir() or shared.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is no second file system here")
    folder = shared / f"hydrarec-test-{os.getpid()}"
    folder.mkdir()
    yield folder
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_twenty_kills_at_random_moments(
    started: Start, execute: Execute, workplace: Path, other_file_system: Path
) -> None:
    moments = random.Random(20)
    epochs = "trainer.epochs=200"
    process = started(*TINY, epochs, "hydra.run.dir=outputs/run", TMPDIR=str(other_file_system))
    folder = workplace / "outputs" / "run"
    wait_until(lambda: (folder / "config.yaml").exists(), "the run folder")
    killed = 0
    for _ in range(20):
        wait_until_saved(folder / "checkpoints" / "last.ckpt", moments.randrange(1, 60), process)
        moment = time.monotonic() + moments.uniform(0, 0.05)  # a checkpoint is written every 0.01 s or so
        wait_until(lambda moment=moment: time.monotonic() >= moment, "the moment")
        if process.poll() is None:
            killed += 1
            kill(process)
        assert_whole(folder)
        process = started(f"resume={folder}", TMPDIR=str(other_file_system))
    _, errors = process.communicate()
    assert process.returncode == 0, errors
    assert killed >= 15
    execute(workplace / "uninterrupted", epochs)
    assert_same_run(folder, workplace / "uninterrupted")
