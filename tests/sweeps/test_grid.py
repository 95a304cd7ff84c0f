"""Jobs of a grid, the unfinished ones, and the effect of a failing launcher."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper

from hydrarec.config.composition import parse_overrides
from hydrarec.core.errors import ConfigError
from hydrarec.sweeps import grid
from hydrarec.sweeps.journal import ENDS, Job
from hydrarec.sweeps.task import SweepTask

GRIDS = [
    ["seed=0"],
    ["model=dot,bias", "seed=0,1", "trainer.epochs=3"],
    ["seed=range(3)", "+extra=a", "optimizer.betas=[0.9,0.99],[0.8,0.9]"],
    ["model=choice(dot,bias)", "dataset.path='a b,c'"],
    ["model=glob(b*)"],
]


@pytest.fixture
def task(tmp_path: Path) -> SweepTask:
    return SweepTask(tmp_path, "now", "conf", None, frozenset({"seed"}))


def launcher(task: SweepTask, *, dies_at: str | None = None) -> tuple[list[Job], Callable]:
    """A launcher whose jobs succeed, except one at which the launcher itself fails."""
    launched: list[Job] = []

    def launch(jobs: list[Job], first: int) -> None:
        for job in jobs:
            launched.append(job)
            if job == (dies_at,):
                raise RuntimeError("the worker is gone\nand more")
            task.journal.write({"event": "done", "overrides": job, "run": "x", "conf": task.conf})

    return launched, launch


def ends(task: SweepTask) -> dict[str, str]:
    return {event["overrides"][0]: event["event"] for event in task.journal.last_events(*ENDS).values()}


@pytest.mark.parametrize("overrides", GRIDS, ids=" ".join)
def test_combinations_are_those_of_hydras_sweeper(overrides: list[str]) -> None:
    parsed = parse_overrides(overrides)
    ((*expected,),) = BasicSweeper.split_arguments(parsed, None)
    found = grid.combinations(parsed)
    assert [[str(override.value()) for override in parse_overrides(job)] for job in found] == [
        [str(override.value()) for override in parse_overrides(job)] for job in expected
    ]
    assert [[override.key_or_group for override in parse_overrides(job)] for job in found] == [
        [override.key_or_group for override in parse_overrides(job)] for job in expected
    ]


def test_finished_job_is_skipped_in_one_line(task: SweepTask, capsys: pytest.CaptureFixture[str]) -> None:
    (task.folder / "1a2b3c4d").mkdir()
    (task.folder / "1a2b3c4d" / "result.json").touch()
    figures = {"monitor": "val/rmse", "mode": "min", "value": 0.91234}
    task.journal.write({"event": "done", "overrides": ["seed=0"], "run": "1a2b3c4d", "conf": "conf", **figures})
    assert grid.unfinished([("seed=0",), ("seed=1",)], task) == [("seed=1",)]
    assert capsys.readouterr().out == "skipped  1a2b3c4d  seed=0  (finished)  val/rmse 0.9123\n"
    assert ends(task) == {"seed=0": "skipped"}


@pytest.mark.parametrize("spoilt", ["other conf", "no result", "no metric"])
def test_job_of_which_not_all_is_known_is_left_to_its_task(task: SweepTask, spoilt: str) -> None:
    (task.folder / "x").mkdir()
    if spoilt != "no result":
        (task.folder / "x" / "result.json").touch()
    value = {} if spoilt == "no metric" else {"monitor": "val/rmse", "mode": "min", "value": 1.0}
    conf = "before" if spoilt == "other conf" else "conf"
    task.journal.write({"event": "done", "overrides": ["seed=0"], "run": "x", "conf": conf, **value})
    assert grid.unfinished([("seed=0",)], task) == [("seed=0",)]


def test_job_is_planned_once(task: SweepTask) -> None:
    grid.unfinished([("seed=0",), ("seed=1",)], task)
    grid.unfinished([("seed=0",), ("seed=1",), ("seed=2",)], task)
    planned = [event["overrides"] for event in task.journal.read() if event["event"] == "planned"]
    assert planned == [["seed=0"], ["seed=1"], ["seed=2"]]


@pytest.mark.parametrize("batch", [1, 2, 5, 100])
def test_every_job_is_launched_once(task: SweepTask, batch: int) -> None:
    jobs = [(f"seed={seed}",) for seed in range(5)]
    launched, launch = launcher(task)
    grid.launch_all(jobs, batch, launch, lambda job: None, task)
    assert launched == jobs


@pytest.mark.parametrize("batch", [1, 2, 100])
def test_launcher_that_dies_with_a_job_costs_that_job(task: SweepTask, batch: int) -> None:
    jobs = [(f"seed={seed}",) for seed in range(5)]
    _, launch = launcher(task, dies_at="seed=2")
    grid.launch_all(jobs, batch, launch, lambda job: None, task)
    assert ends(task) == {f"seed={seed}": "failed" if seed == 2 else "done" for seed in range(5)}


def test_combination_that_cannot_be_composed_costs_itself(task: SweepTask) -> None:
    def compose(job: Job) -> None:
        if job == ("seed=2",):
            raise ConfigError("these do not go together")

    _, launch = launcher(task, dies_at="seed=2")
    grid.launch_all([(f"seed={seed}",) for seed in range(4)], 100, launch, compose, task)
    assert ends(task) == {"seed=0": "done", "seed=1": "done", "seed=2": "failed", "seed=3": "done"}
    reasons = [event["reason"] for event in task.journal.read() if event["event"] == "failed"]
    assert reasons == ["these do not go together"]


def test_job_that_its_launcher_never_mentions_is_a_failure(task: SweepTask) -> None:
    grid.launch_all([("seed=0",)], 1, lambda jobs, first: None, lambda job: None, task)
    assert ends(task) == {"seed=0": "failed"}
