"""Task that Hydra's launchers call for each job of a sweep: run the job if needed and log how it ended."""

from __future__ import annotations

import math
import re
import sys
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from hydrarec.config.composition import plain
from hydrarec.config.judge import judge
from hydrarec.core import console
from hydrarec.core.contract import as_contract
from hydrarec.core.errors import (
    DISK_FULL,
    DiskFullError,
    EnvironmentFault,
    HydrarecError,
    InterruptedRun,
    LostJobError,
    PrunedRun,
)
from hydrarec.runs import folder as runs
from hydrarec.runs.reader import RunReader
from hydrarec.sweeps import devices, job_folder
from hydrarec.sweeps.journal import Journal
from hydrarec.training.job import execute_as_command
from hydrarec.training.processes import LOG, ChildProcess

if TYPE_CHECKING:
    from hydrarec.training.fit import Parts

SEARCH = "search.journal"  # Optuna's studies, in the sweep's folder
TRIAL = "sweep.trial="
FINISHED = "finished"  # reason for skipping a job
STOP_INTERVAL = 0.2  # seconds between two looks at whether the sweep was told to stop


class SweepStopped(BaseException):
    """Ends a sweep through Hydra, which treats any ``Exception`` as the failure of one job.

    Args:
        reason: why; an argument, because a cause would be lost on the way from a joblib worker.
    """

    def __init__(self, reason: HydrarecError) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class SweepTask:
    """Task that a launcher calls, in this process or another; it raises only to stop the sweep.

    Attributes:
        folder: folder of the sweep.
        session: id of this start of the command.
        conf: fingerprint of the YAML files that jobs are composed from.
        timeout: time limit per job in seconds; None: no limit.
        swept: keys that differ between jobs; only these are printed.
        searchpath: the user's own folders of YAML files, in addition to ``conf/``.
        overrides: the sweep, without Hydra's own settings.
    """

    folder: Path
    session: str
    conf: str
    timeout: float | None
    swept: frozenset[str]
    searchpath: tuple[str, ...] = ()
    overrides: tuple[str, ...] = ()

    @property
    def journal(self) -> Journal:
        return Journal(self.folder, self.session)

    @property
    def stop_file(self) -> Path:
        """Exists once the sweep has been told to stop; workers in other processes look for it."""
        return self.folder / f".stop-{self.session}"

    def __call__(self, config: DictConfig) -> float:
        """Run the job and return its monitored metric, for sweepers that need one; NaN if there is none."""
        hydra = HydraConfig.get()
        path, overrides = Path(hydra.runtime.output_dir), list(hydra.overrides.task)
        trial = None if config.sweep.trial is None else dict(config.sweep.trial)
        about: dict[str, Any] = {"overrides": overrides, "run": path.name, "conf": self.conf}
        if trial is not None:
            about["trial"] = dict(trial)
            trial["storage"] = str(self.folder / SEARCH)
        started = time.monotonic()
        try:
            event, fields = self._outcome(path, plain(config), about, trial)
            if fields.get("reason") != FINISHED:
                fields["seconds"] = round(time.monotonic() - started, 3)
            self.journal.write({"event": event, **about, **fields})
        except InterruptedRun as error:
            raise SweepStopped(error) from error
        except (OSError, EnvironmentFault) as error:
            if not is_disk_full(error):
                raise
            raise SweepStopped(as_contract(error)) from error  # the next job would fail like this one
        console.write(line_of({"event": event, **about, **fields}, self.swept) + "\n")
        sys.stdout.flush()
        return float(fields.get("value", "nan"))

    def _outcome(
        self, path: Path, config: dict[str, Any], about: dict[str, Any], trial: dict[str, Any] | None
    ) -> tuple[str, dict[str, Any]]:
        """The name and fields of the job's final event; a job that fails costs itself only."""
        try:
            return self._attempt(path, config, about, trial)
        except PrunedRun as error:
            return "pruned", {"reason": error.what}
        except HydrarecError as error:
            if isinstance(error, InterruptedRun) or is_disk_full(error):
                raise
            return "failed", {"reason": error.what, "code": error.code}

    def _attempt(
        self, path: Path, config: dict[str, Any], about: dict[str, Any], trial: dict[str, Any] | None
    ) -> tuple[str, dict[str, Any]]:
        """Run the job unless it is finished or runs elsewhere; return the name and fields of its final event."""
        self._check_stop()
        folder = job_folder.open_folder(path)
        if folder is None:
            return "skipped", {"reason": "in use by another live run"}
        try:
            if folder.finished:
                return "skipped", {"reason": FINISHED, **figures(folder, config)}
            resume = job_folder.prepare_folder(folder)
        finally:
            folder.release()
        self.journal.write({"event": "running", **about})
        config = {**config, "resume": str(path) if resume else None}
        try:
            self._run(config, path, about["overrides"], trial)
        except InterruptedRun:
            raise
        except HydrarecError as error:
            if not is_disk_full(error):
                job_folder.write_error(path, error)
            raise
        return "done", figures(folder, config)

    def _run(self, config: dict[str, Any], path: Path, overrides: list[str], trial: dict[str, Any] | None) -> None:
        """Execute the run in a child process, isolated from the state, memory and crashes of other jobs.

        Raises:
            HydrarecError: the run has no result.
        """
        judge(config)
        devices.choose(self.folder)
        prepare = None if trial is None else partial(_with_pruning, trial=trial)
        cwd = Path(HydraConfig.get().runtime.cwd)
        process = ChildProcess(execute_as_command, config, path, overrides, cwd, prepare, log=path / LOG)
        try:
            in_time = self._wait(process)
        finally:
            process.end()
        error = process.failure()
        if not in_time:
            error = LostJobError(
                f"the job outlived sweep.timeout={self.timeout:g} s and was stopped",
                expected=f"an end within {self.timeout:g} s",
                fix="sweep.timeout=<more seconds>: the same command goes on from its last checkpoint",
                value=self.timeout,
            )
        elif error is None and not RunReader(path).finished:
            error = HydrarecError("internal error: the job ended well and left no result", fix="please report it")
        if error is not None:
            raise error

    def _wait(self, process: ChildProcess) -> bool:
        """Wait for a job; return whether it ended within the time limit.

        Raises:
            InterruptedRun: the sweep is to stop.
        """
        deadline = time.monotonic() + (math.inf if self.timeout is None else self.timeout)
        while not process.wait(min(STOP_INTERVAL, max(0.0, deadline - time.monotonic()))):
            self._check_stop()
            if time.monotonic() >= deadline:
                return False
        return True

    def _check_stop(self) -> None:
        if self.stop_file.exists():
            raise InterruptedRun("the sweep was told to stop", fix="run the same command again")


def is_disk_full(error: Exception) -> bool:
    """Whether no job can go on: there is no room for what it writes."""
    cause = error if isinstance(error, OSError) else error.__cause__
    return isinstance(error, DiskFullError) or (isinstance(cause, OSError) and cause.errno in DISK_FULL)


def _with_pruning(parts: Parts, trial: dict[str, Any]) -> Parts:
    from hydrarec.sweeps.pruning import pruned  # needs torch, imported only in the job's process

    return pruned(parts, trial)


def figures(folder: runs.RunFolder, config: dict[str, Any]) -> dict[str, Any]:
    """Metric that jobs are ranked by: the task's monitored validation metric, if the run has it."""
    monitor = config["task"]["monitor"]
    value = folder.read_result()["metrics"].get(monitor) if monitor else None
    return {} if value is None else {"monitor": monitor, "mode": config["task"]["mode"], "value": value}


def line_of(event: dict[str, Any], swept: Collection[str]) -> str:
    """Format the line printed when a job ends."""
    words = [f"{event['event']:7}", event["run"], what_differs(event["overrides"], swept)]
    if event.get("reason"):
        words.append(f"({event['reason']})")
    if event.get("value") is not None:
        words.append(f"{event['monitor']} {event['value']:.4f}")
    if event.get("seconds") is not None:
        words.append(f"{event['seconds']:.1f} s")
    return "  ".join(words)


def what_differs(overrides: Sequence[str], swept: Collection[str]) -> str:
    """Overrides that differ between jobs; for a trial also the values chosen by the search."""
    trial = next((place for place, override in enumerate(overrides) if override.startswith(TRIAL)), len(overrides))
    differs = [override for override in overrides[:trial] if override.split("=")[0] in swept]
    return shortened(" ".join(differs + list(overrides[trial + 1 :]))) or " ".join(overrides)


def shortened(text: str) -> str:
    """Round long numbers in ``text`` to four digits, for display only."""
    return re.sub(r"\d\.\d{5,}(?:e[-+]?\d+)?|\d+\.\d{5,}", lambda number: f"{float(number[0]):.4g}", text)
