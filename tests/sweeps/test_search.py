"""Searches run exactly the requested number of trials, despite kills and with any number of processes."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.conftest import TINY

pytest.importorskip("optuna", reason="the extra [optuna] is not installed")

from optuna.trial import TrialState

from hydrarec.core.errors import ConfigError
from hydrarec.sweeps.journal import Job
from hydrarec.sweeps.search import Search, Settings, run_searches
from hydrarec.sweeps.studies import Sessions, open_study
from hydrarec.sweeps.task import SweepTask

SETTINGS = Settings(seed=0, startup_trials=2, pruning=True, pruning_startup_trials=2, pruning_warmup_epochs=1)
FIXED = (*TINY, "model=dot", "sweep.trials=6")
_sessions = itertools.count()


class Died(BaseException):
    """Simulates the death of the searching process."""


@pytest.fixture
def task(tmp_path: Path) -> SweepTask:
    return start(tmp_path)


def start(folder: Path) -> SweepTask:
    return SweepTask(folder, f"start{next(_sessions)}", "conf", None, frozenset({"model"}))


def runner(task: SweepTask, *, dies_in: int | None = None) -> tuple[list[Job], Callable[[list[Job]], None]]:
    """Trials whose metric is their learning rate; the second is pruned, the third fails."""
    ran: list[Job] = []

    def run(jobs: list[Job]) -> None:
        for job in jobs:
            ran.append(job)
            if len(ran) == dies_in:
                raise Died
            number = int(next(o for o in job if o.startswith("sweep.trial=")).split("number:")[1].rstrip("}"))
            rate = float(next(o for o in job if o.startswith("optimizer.learning_rate=")).split("=")[1])
            event = {1: "pruned", 2: "failed"}.get(number, "done")
            value = {"value": rate} if event == "done" else {}
            task.journal.write({"event": event, "overrides": job, "run": "x", **value})

    return ran, run


def numbers(jobs: list[Job]) -> list[int]:
    return [int(override.split("number:")[1].rstrip("}")) for job in jobs for override in job if "number:" in override]


def search(task: SweepTask, at_once: int = 1, *, fixed: Job = FIXED, dies_in: int | None = None) -> list[Job]:
    ran, run = runner(task, dies_in=dies_in)
    try:
        run_searches([fixed], [], task, SETTINGS, at_once, run)
    except Died:
        assert dies_in is not None
    return ran


@pytest.mark.parametrize("at_once", [1, 2, 4, 10])
def test_search_runs_as_many_trials_as_asked_for(
    task: SweepTask, at_once: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert numbers(search(task, at_once)) == list(range(6))
    assert "6 of 6 trials (4 done, 1 pruned, 1 failed)" in capsys.readouterr().out
    assert search(task, at_once) == []  # and no more when it is asked again


def test_first_trial_is_what_ships(task: SweepTask) -> None:
    first = search(task)[0]
    assert {"model.embedding_dim=64", "model.init_scale=0.05", "optimizer.learning_rate=0.003"} <= set(first)


@pytest.mark.parametrize("dies_in", [1, 2, 4, 6])
def test_killed_search_goes_on_as_if_it_was_not(tmp_path: Path, dies_in: int) -> None:
    (tmp_path / "whole").mkdir()
    (tmp_path / "killed").mkdir()
    whole = search(start(tmp_path / "whole"))
    before = search(start(tmp_path / "killed"), dies_in=dies_in)
    after = search(start(tmp_path / "killed"))
    assert before[:-1] + after == whole  # the trial that was cut off runs again, with the same values
    assert numbers(before) + numbers(after) == [*range(dies_in), *range(dies_in - 1, 6)]


def test_more_trials_of_the_same_study(task: SweepTask) -> None:
    search(task)
    assert numbers(search(task, fixed=(*TINY, "model=dot", "sweep.trials=8"))) == [6, 7]


def test_trials_of_a_live_process_are_its_own(tmp_path: Path) -> None:
    """Two starts run in turns; then one of them dies."""
    tasks = [start(tmp_path), start(tmp_path)]
    searches = [Search(FIXED, [], task, SETTINGS) for task in tasks]
    sessions = [Sessions(tmp_path, task.session) for task in tasks]
    begun = [[*searches[turn % 2].next_trials(1, sessions[turn % 2])] for turn in range(8)]
    assert begun == [[0], [1], [2], [3], [4], [5], [], []]
    sessions[0].close()
    assert sorted(searches[1].next_trials(10, sessions[1])) == [0, 2, 4]
    sessions[1].close()


def test_torn_line_of_a_study_is_left_out(task: SweepTask) -> None:
    search(task, dies_in=3)
    path = task.folder / "search.journal"
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"op_code": 5, "wor')
    assert numbers(search(start(task.folder))) == [2, 3, 4, 5]
    assert path.read_bytes().startswith(whole)


def test_study_prunes_what_is_worse_than_the_median(task: SweepTask) -> None:
    pytest.importorskip("pytorch_lightning")
    made = Search(FIXED, [], task, SETTINGS)
    storage = str(task.folder / "search.journal")
    for value in (1.0, 2.0, 3.0):
        trial = made.study.ask()
        trial.report(value, 2)
        made.study.tell(trial, value)
    study = open_study(storage, made.name)
    for value, hopeless in ((1.5, False), (2.5, True)):
        trial = study.ask()
        trial.report(value, 2)
        assert bool(trial.should_prune()) is hopeless
        study.tell(trial, state=TrialState.PRUNED)


@pytest.mark.parametrize(
    ("fixed", "says"),
    [
        (("model=popularity",), "nothing to search"),
        (("model=dot", "sweep.space={model.user_dropout:'interval(0.2,0.8)'}"), "user_dropout"),
        (("model=dot", "task.monitor=null"), "validation metric"),
    ],
)
def test_search_that_cannot_work_is_refused(task: SweepTask, fixed: Job, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        Search((*TINY, *fixed), [], task, SETTINGS)
