"""What Hydra's launchers call for each job of a sweep: run it if needed, and write down how it ended."""

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

SEARCH = "search.journal"  # in the sweep's folder: Optuna's studies
TRIAL = "sweep.trial="
FINISHED = "finished"  # why a job is skipped
PATIENCE = 2 * GRACE  # seconds for a job of a sweep that was just killed to let go of its folder


class SweepStopped(BaseException):
    """Ends a sweep through Hydra, which takes any ``Exception`` for the failure of one job; its cause is the reason."""


@dataclass(frozen=True)
class SweepTask:
    """The task that a launcher calls, in this process or elsewhere; it raises nothing but an interruption.

    Attributes:
        folder: of the sweep.
        session: of this start of the command.
        conf: the fingerprint of the YAML files that jobs are composed from.
        timeout: seconds that a job may take; None: any number.
        swept: the keys that differ between jobs; only these are shown.
        searchpath: the user's own folders of YAML files, beside ``conf/``.
    """

    folder: Path
    session: str
    conf: str
    timeout: float | None
    swept: frozenset[str]
    searchpath: tuple[str, ...] = ()

    @property
    def journal(self) -> Journal:
        return Journal(self.folder, self.session)

    def __call__(self, config: DictConfig) -> float:
        """The monitored metric, for sweepers that ask for one; NaN where there is none."""
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
        sys.stdout.write(line_of({"event": event, **about, **fields}, self.swept) + "\n")
        sys.stdout.flush()
        return float(fields.get("value", "nan"))

    def _attempt(
        self, path: Path, config: dict[str, Any], about: dict[str, Any], trial: dict[str, Any] | None
    ) -> tuple[str, dict[str, Any]]:
        """Run a job that is not finished and runs nowhere else; the event of its end, and the event's fields."""
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
        """The run in a process of its own, where no other job's state, memory or crash can touch it.

        Raises:
            HydrarecError: why it has no result.
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
    from hydrarec.sweeps.pruning import pruned  # needs torch, which only the job's own process has imported

    return pruned(parts, trial)


def _opened(path: Path) -> runs.RunFolder | None:
    """The run folder, locked by this process; None if another live run keeps it locked."""
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
    """What the run itself could not write: a crash, a timeout."""
    folder = _opened(path)
    if folder is not None:
        try:
            folder.write_error(error)
        finally:
            folder.release()


def _prepared(folder: runs.RunFolder) -> bool:
    """Whether the run goes on from a checkpoint; if not, clear its folder.

    An attempt that was cut off goes on. One that failed by itself starts again: its cause may have been fixed since, and
    a result must not be half of one and half of the other.
    """
    if folder.last_checkpoint.is_file() and not _failed_by_itself(folder):
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
    """The metric that a job is ranked by: the validation metric that its task names, if the run has it."""
    monitor = config["task"]["monitor"]
    value = folder.read_result()["metrics"].get(monitor) if monitor else None
    return {} if value is None else {"monitor": monitor, "mode": config["task"]["mode"], "value": value}


def line_of(event: dict[str, Any], swept: Collection[str]) -> str:
    """The line that is printed for the end of a job."""
    words = [f"{event['event']:7}", event["run"], what_differs(event["overrides"], swept)]
    if event.get("reason"):
        words.append(f"({event['reason']})")
    if event.get("value") is not None:
        words.append(f"{event['monitor']} {event['value']:.4f}")
    if event.get("seconds") is not None:
        words.append(f"{event['seconds']:.1f} s")
    return "  ".join(words)


def what_differs(overrides: Sequence[str], swept: Collection[str]) -> str:
    """The overrides that differ between jobs; for a trial also what the search chose, after the trial's number."""
    trial = next((place for place, override in enumerate(overrides) if override.startswith(TRIAL)), len(overrides))
    differs = [override for override in overrides[:trial] if override.split("=")[0] in swept]
    return shortened(" ".join(differs + list(overrides[trial + 1 :]))) or " ".join(overrides)


def shortened(text: str) -> str:
    """``text`` with long numbers rounded to four digits, for reading only."""
    return re.sub(r"\d\.\d{5,}(?:e[-+]?\d+)?|\d+\.\d{5,}", lambda number: f"{float(number[0]):.4g}", text)
