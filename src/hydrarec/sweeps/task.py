"""Task that Hydra's launchers call for each job of a sweep: run the job if needed and log how it ended."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import filelock
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from hydrarec.config.composition import plain
from hydrarec.config.judge import judge
from hydrarec.core import console
from hydrarec.core.errors import (
    CheckpointError,
    EnvironmentFault,
    HydrarecError,
    InterruptedRun,
    LostJobError,
    PrunedRun,
)
from hydrarec.runs import folder as runs
from hydrarec.runs.reader import RunReader
from hydrarec.sweeps import devices
from hydrarec.sweeps.journal import Journal
from hydrarec.training.job import execute_as_command
from hydrarec.training.processes import GRACE, LOG, ChildProcess

if TYPE_CHECKING:
    from hydrarec.training.fit import Parts

SEARCH = "search.journal"  # Optuna's studies, in the sweep's folder
TRIAL = "sweep.trial="
FINISHED = "finished"  # reason for skipping a job
PATIENCE = 2 * GRACE  # seconds for a job of a just killed sweep to release its folder


class SweepStopped(BaseException):
    """Ends a sweep through Hydra, which treats any ``Exception`` as the failure of one job; ``__cause__`` is the reason."""


@dataclass(frozen=True)
class SweepTask:
    """Task that a launcher calls, in this process or another; it raises only on an interruption.

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
            event, fields = self._attempt(path, plain(config), about, trial)
        except InterruptedRun as error:
            raise SweepStopped from error
        except PrunedRun as error:
            event, fields = "pruned", {"reason": error.what}
        except HydrarecError as error:
            event, fields = "failed", {"reason": error.what, "code": error.code}
        if fields.get("reason") != FINISHED:
            fields["seconds"] = round(time.monotonic() - started, 3)
        self.journal.write({"event": event, **about, **fields})
        console.write(line_of({"event": event, **about, **fields}, self.swept) + "\n")
        sys.stdout.flush()
        return float(fields.get("value", "nan"))

    def _attempt(
        self, path: Path, config: dict[str, Any], about: dict[str, Any], trial: dict[str, Any] | None
    ) -> tuple[str, dict[str, Any]]:
        """Run the job unless it is finished or runs elsewhere; return the name and fields of its final event."""
        folder = _opened(path)
        if folder is None:
            return "skipped", {"reason": "in use by another live run"}
        try:
            if folder.finished:
                return "skipped", {"reason": FINISHED, **figures(folder, config)}
            resume = _prepared(folder)
        finally:
            folder.release()
        self.journal.write({"event": "running", **about})
        config = {**config, "resume": str(path) if resume else None}
        try:
            self._run(config, path, about["overrides"], trial)
        except InterruptedRun:
            raise
        except HydrarecError as error:
            _write_error(path, error)
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
            in_time = process.wait(self.timeout)
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


def _with_pruning(parts: Parts, trial: dict[str, Any]) -> Parts:
    from hydrarec.sweeps.pruning import pruned  # needs torch, imported only in the job's process

    return pruned(parts, trial)


def _opened(path: Path) -> runs.RunFolder | None:
    """Open and lock the run folder; None if another live run holds the lock."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return runs.RunFolder(path)
        except EnvironmentFault as error:
            if not isinstance(error.__cause__, filelock.Timeout):
                raise
            if time.monotonic() > deadline:
                return None
            time.sleep(0.1)


def _write_error(path: Path, error: HydrarecError) -> None:
    """Write an error that the run could not write itself: a crash or a timeout."""
    folder = _opened(path)
    if folder is not None:
        try:
            folder.write_error(error)
        finally:
            folder.release()


def _prepared(folder: runs.RunFolder) -> bool:
    """Prepare the folder for a new attempt; return whether to resume from a checkpoint. If not, clear the folder.

    An interrupted attempt is resumed. A failed one starts from scratch: the cause may have been fixed in the meantime, and
    a result must not mix epochs from before and after the fix.
    """
    if folder.last_checkpoint.exists() and not _failed_by_itself(folder):
        folder.forget_error()
        return True
    folder.start_over()
    return False


def _failed_by_itself(folder: runs.RunFolder) -> bool:
    try:
        code = folder.read_error().get("code")
    except CheckpointError:
        code = "unknown"
    return code not in (None, LostJobError.code) and folder.read_record().get("status") == HydrarecError.status


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
