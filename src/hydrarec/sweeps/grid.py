"""The jobs of a grid: all combinations, without those that are finished, handed to a launcher in batches."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from hydra.core.override_parser.types import Override

from hydrarec.core.errors import HydrarecError, InterruptedRun
from hydrarec.runs.reader import RunReader
from hydrarec.sweeps.journal import Journal, key_of, last_ends
from hydrarec.sweeps.task import FINISHED, SweepTask, line_of

Job = list[str]
Launch = Callable[[list[Job], int], Any]
Compose = Callable[[Job], Any]


def combinations(overrides: Sequence[Override]) -> list[Job]:
    """Each combination of the swept values, in the order of Hydra's own sweeper."""
    choices = []
    for override in overrides:
        key = override.get_key_element()
        values = override.sweep_string_iterator() if override.is_sweep_override() else None
        choices.append([str(override.input_line)] if values is None else [f"{key}={value}" for value in values])
    return [list(job) for job in itertools.product(*choices)]


def unfinished(jobs: list[Job], task: SweepTask) -> list[Job]:
    """Write what is planned and skip what is finished: in one line each, without composing it again.

    A job is known by its overrides as long as the YAML files are those that it was composed from; any other job is left
    to its task, which composes it and looks into its folder.
    """
    journal = task.journal
    events = journal.read()
    ends = last_ends(events)
    planned = {key_of(event["overrides"]) for event in events if event["event"] == "planned"}
    new = dict.fromkeys(key_of(job) for job in jobs if key_of(job) not in planned)
    journal.write_all([{"event": "planned", "overrides": list(key)} for key in new])
    left, skipped = [], []
    for job in jobs:
        end = ends.get(key_of(job), {})
        known = end.get("conf") == task.conf and end.get("reason") in (None, FINISHED) and "value" in end
        if known and RunReader(task.folder / end["run"]).finished:
            kept = {name: value for name, value in end.items() if name not in ("time", "session", "seconds")}
            skipped.append({**kept, "event": "skipped", "reason": FINISHED})
        else:
            left.append(job)
    journal.write_all(skipped)
    sys.stdout.writelines(f"{line_of(event, task.swept)}\n" for event in skipped)
    return left


def launch_all(jobs: list[Job], batch: int, launch: Launch, compose: Compose, task: SweepTask) -> None:
    """Every job once, in batches: a launcher keeps whole configurations of all that it was given until it is done.

    Tasks do not raise; what Hydra or a launcher raises around them costs the job that it is about, and nothing else.
    """
    first = 0
    for jobs_at_once in _batches(jobs, batch):
        left = list(jobs_at_once)
        while left:
            before = len(left)
            problem = _launched(left, first, launch)
            left = _without_impossible(_without_ended(left, task.journal), compose, task)
            if len(left) == before:  # the launcher breaks at the first of them, or does nothing
                alone, left = left[:1], left[1:]
                problem = _launched(alone, first, launch) if before > 1 else problem
                if _without_ended(alone, task.journal):
                    _give_up(alone[0], problem, task)
        first += len(jobs_at_once)


def _launched(jobs: list[Job], first: int, launch: Launch) -> Exception | None:
    """What the launcher broke with, if it did."""
    try:
        launch(jobs, first)
    except Exception as error:
        if isinstance(error, InterruptedRun | MemoryError):
            raise
        return error
    return None


def _batches(jobs: list[Job], size: int) -> Iterator[list[Job]]:
    for start in range(0, len(jobs), size):
        yield jobs[start : start + size]


def _without_ended(jobs: list[Job], journal: Journal) -> list[Job]:
    ended = last_ends(journal.of_this_start())
    return [job for job in jobs if key_of(job) not in ended]


def _without_impossible(jobs: list[Job], compose: Compose, task: SweepTask) -> list[Job]:
    """Combinations that Hydra cannot even compose, each of whose values can be: written as failed."""
    left = []
    for job in jobs:
        try:
            compose(job)
        except HydrarecError as error:
            _fail(job, error.what, task)
        else:
            left.append(job)
    return left


def _give_up(job: Job, error: Exception | None, task: SweepTask) -> None:
    reason = (str(error).splitlines() or [type(error).__name__])[0][:200] if error else "without a word"
    begun = {key_of(event["overrides"]) for event in task.journal.of_this_start() if event["event"] == "running"}
    _fail(job, f"its launcher {'ended with it' if key_of(job) in begun else 'could not start it'}: {reason}", task)


def _fail(job: Job, reason: str, task: SweepTask) -> None:
    event = {"event": "failed", "overrides": job, "run": "-" * 8, "reason": reason}
    task.journal.write_all([event])
    sys.stdout.write(f"{line_of(event, task.swept)}\n")
