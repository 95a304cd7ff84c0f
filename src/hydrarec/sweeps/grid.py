"""Jobs of a grid: all unfinished combinations, passed to a launcher in batches."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

from hydra.core.override_parser.types import Override

from hydrarec.core import console
from hydrarec.core.errors import HydrarecError, InterruptedRun
from hydrarec.runs.reader import RunReader
from hydrarec.sweeps.journal import ENDS, Job, Journal
from hydrarec.sweeps.task import FINISHED, SweepTask, line_of

Launch = Callable[[list[Job], int], Any]
Compose = Callable[[Job], Any]


def combinations(overrides: Sequence[Override]) -> list[Job]:
    """All combinations of the swept values, in the order of Hydra's own sweeper."""
    choices = []
    for override in overrides:
        key = override.get_key_element()
        values = override.sweep_string_iterator() if override.is_sweep_override() else None
        choices.append([str(override.input_line)] if values is None else [f"{key}={value}" for value in values])
    return list(itertools.product(*choices))


def unfinished(jobs: list[Job], task: SweepTask) -> list[Job]:
    """Write the plan to the journal and skip finished jobs, one printed line each, without composing them again.

    Overrides identify a finished job as long as the YAML files are unchanged. All other jobs are returned; their task
    composes them and checks their folders.
    """
    journal = task.journal
    ends = journal.last_events(*ENDS, all_starts=True)
    planned = journal.last_events("planned", all_starts=True)
    journal.write(*({"event": "planned", "overrides": job} for job in dict.fromkeys(jobs) if job not in planned))
    left, skipped = [], []
    for job in jobs:
        end = ends.get(job, {})
        known = end.get("conf") == task.conf and end.get("reason") in (None, FINISHED) and "value" in end
        if known and RunReader(task.folder / end["run"]).finished:
            kept = {name: value for name, value in end.items() if name not in ("time", "session", "seconds")}
            skipped.append({**kept, "event": "skipped", "reason": FINISHED})
        else:
            left.append(job)
    journal.write(*skipped)
    console.write("".join(f"{line_of(event, task.swept)}\n" for event in skipped))
    return left


def launch_all(jobs: list[Job], batch: int, launch: Launch, compose: Compose, task: SweepTask) -> None:
    """Run every job once, in batches, since a launcher keeps the configurations of a whole batch in memory.

    Tasks do not raise. If Hydra or a launcher raises, only the job that it was processing fails.
    """
    for first in range(0, len(jobs), batch):
        left = jobs[first : first + batch]
        while left:
            before = len(left)
            problem = _launched(left, first, launch)
            left = _without_impossible(_without_ended(left, task.journal), compose, task)
            if len(left) == before:  # no progress: the launcher fails at the first job, or does nothing
                alone, left = left[:1], left[1:]
                problem = _launched(alone, first, launch) if before > 1 else problem
                if _without_ended(alone, task.journal):
                    _give_up(alone[0], problem, task)


def _launched(jobs: list[Job], first: int, launch: Launch) -> Exception | None:
    """Launch a batch; return the launcher's error, if any."""
    try:
        launch(jobs, first)
    except Exception as error:
        if isinstance(error, InterruptedRun | MemoryError):
            raise
        return error
    return None


def _without_ended(jobs: list[Job], journal: Journal) -> list[Job]:
    ended = journal.last_events(*ENDS)
    return [job for job in jobs if job not in ended]


def _without_impossible(jobs: list[Job], compose: Compose, task: SweepTask) -> list[Job]:
    """Return the jobs that Hydra can compose; log the others, whose values conflict, as failed."""
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
    reason = (str(error).splitlines() or [type(error).__name__])[0][:200] if error else "no reason given"
    begun = job in task.journal.last_events("running")
    _fail(job, f"its launcher {'ended with it' if begun else 'could not start it'}: {reason}", task)


def _fail(job: Job, reason: str, task: SweepTask) -> None:
    event = {"event": "failed", "overrides": job, "run": "-" * 8, "reason": reason}
    task.journal.write(event)
    console.write(f"{line_of(event, task.swept)}\n")
