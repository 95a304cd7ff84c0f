"""What Hydra's launchers call for each job of a sweep: decide whether it has to run, have it run, write what became of it."""

from __future__ import annotations

import os
import platform
import re
import sys
import threading
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

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
from hydrarec.sweeps import devices
from hydrarec.sweeps.journal import Journal
from hydrarec.sweeps.server import GRACE
from hydrarec.sweeps.supervisor import supervise

SEARCH = "search.journal"  # in the sweep's folder: the studies of its searches
TRIAL = "sweep.trial="
FINISHED = "finished"  # why a job is skipped
PATIENCE = 2 * GRACE  # seconds for a job of a sweep that was just killed to let go of its folder


class SweepStopped(BaseException):
    """Ends a sweep through Hydra, which takes every ``Exception`` for the failure of one job; its cause says why."""


@dataclass(frozen=True)
class SweepTask:
    """Called by a launcher, here or in another process or machine; never raises but for an interruption.

    Attributes:
        folder: of the sweep.
        session: of this start of the command.
        conf: the fingerprint of the YAML files that jobs are composed from.
        timeout: seconds that a job may take; None: any number.
        swept: the keys that differ between jobs; only these are shown.
        searchpath: the user's own folders of YAML files, beside ``conf/``.
        process, host: that the sweep was started in.
    """

    folder: Path
    session: str
    conf: str
    timeout: float | None
    swept: frozenset[str]
    searchpath: tuple[str, ...] = ()
    process: int = field(default_factory=os.getpid)
    host: str = field(default_factory=platform.node)

    @property
    def journal(self) -> Journal:
        return Journal(self.folder, self.session)

    def __call__(self, config: DictConfig) -> float:
        """The monitored metric, for sweepers that ask for one; NaN where there is none."""
        self._end_with_the_sweep()
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
        """Run what is neither finished nor run by somebody else; the event that tells its end, and its fields."""
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
        self._run(config, folder, about["overrides"], trial, resume)
        return "done", figures(folder, config)

    def _run(
        self,
        config: dict[str, Any],
        folder: runs.RunFolder,
        overrides: list[str],
        trial: dict[str, Any] | None,
        resume: bool,
    ) -> None:
        """Raise what the run ended with, after it was written into its folder, whoever found it."""
        try:
            judge(config)
            devices.choose(self.folder)
            order = {
                "config": {**config, "resume": str(folder.path) if resume else None},
                "path": str(folder.path),
                "overrides": overrides,
                "trial": trial,
                "timeout": self.timeout,
            }
            error = supervise(order)
            if error is not None:
                raise error
            if not folder.finished:
                raise HydrarecError("the job ended well and left no result", fix="please report it")
        except InterruptedRun:
            raise
        except HydrarecError as error:
            locked = runs.RunFolder(folder.path)
            try:
                locked.write_error(error)
            finally:
                locked.release()
            raise

    def _end_with_the_sweep(self) -> None:
        """A worker that the sweep's own process started ends when that one is killed; a cluster's goes on."""
        if os.getppid() == self.process and platform.node() == self.host and _watched.acquire(blocking=False):
            threading.Thread(target=_wait_for_another_parent, args=(self.process,), daemon=True).start()


_watched = threading.Lock()  # taken once per process, never given back


def _wait_for_another_parent(process: int) -> None:
    while os.getppid() == process:
        time.sleep(0.1)
    os._exit(1)


def _opened(path: Path) -> runs.RunFolder | None:
    """The run folder, held by this process; None if another live run goes on holding it."""
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


def _prepared(folder: runs.RunFolder) -> bool:
    """Whether the run goes on from a checkpoint; else its folder is as if it had never begun.

    An attempt that was cut off goes on. One that failed by itself begins anew: what failed may have been mended since,
    and half a run of each would be neither.
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
    """What a job is ranked by: the validation metric that its task names, if the run has it."""
    monitor = config["task"]["monitor"]
    value = folder.read_result()["metrics"].get(monitor) if monitor else None
    return {} if value is None else {"monitor": monitor, "mode": config["task"]["mode"], "value": value}


def line_of(event: dict[str, Any], swept: Collection[str]) -> str:
    """One line for a person: what became of which job."""
    words = [f"{event['event']:7}", event["run"], what_differs(event["overrides"], swept)]
    if event.get("reason"):
        words.append(f"({event['reason']})")
    if event.get("value") is not None:
        words.append(f"{event['monitor']} {event['value']:.4f}")
    if event.get("seconds") is not None:
        words.append(f"{event['seconds']:.1f} s")
    return "  ".join(words)


def what_differs(overrides: Sequence[str], swept: Collection[str]) -> str:
    """Of a trial, also what a search chose: it stands behind the trial's number."""
    trial = next((place for place, override in enumerate(overrides) if override.startswith(TRIAL)), len(overrides))
    differs = [override for override in overrides[:trial] if override.split("=")[0] in swept]
    return shortened(" ".join(differs + list(overrides[trial + 1 :]))) or " ".join(overrides)


def shortened(text: str) -> str:
    """Numbers of many digits with four of them, to be read and not to be used."""
    return re.sub(r"\d\.\d{5,}(?:e[-+]?\d+)?|\d+\.\d{5,}", lambda number: f"{float(number[0]):.4g}", text)
