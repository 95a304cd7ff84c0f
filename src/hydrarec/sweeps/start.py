"""Entry point of a sweep: validate it, launch it through Hydra, and print a summary from its journal."""

from __future__ import annotations

import contextlib
import hashlib
import signal
import sys
import time
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FrameType

import filelock
import hydra
from omegaconf import DictConfig

import hydrarec
from hydrarec.config.composition import environment_hidden, parse_overrides
from hydrarec.config.location import conf_dir
from hydrarec.config.sweep_values import judge_sweep
from hydrarec.core import signals
from hydrarec.core.errors import EnvironmentFault, InterruptedRun
from hydrarec.core.files import make_folder
from hydrarec.core.hints import quoted
from hydrarec.sweeps import summary
from hydrarec.sweeps.job_folder import is_held
from hydrarec.sweeps.journal import ENDS
from hydrarec.sweeps.launchers import prepare_joblib
from hydrarec.sweeps.task import SweepStopped, SweepTask
from hydrarec.training.processes import GRACE, warm_up


def start_sweep(overrides: Sequence[str]) -> int:
    """Run the missing and failed jobs of a sweep; return the exit code: 5 if some jobs failed, else 0.

    Raises:
        HydrarecError: before the first job starts: an invalid value, or a folder that is not writable.
    """
    if not any(override.startswith("hydra/launcher=") for override in overrides):
        warm_up()  # imports torch while this process validates; workers of other launchers import it themselves
    sweep = judge_sweep(overrides)
    first = sweep.first
    with environment_hidden():
        folder = Path(str(first.hydra.sweep.dir)).resolve()
    session = uuid.uuid4().hex[:12]
    make_folder(folder, "the sweep's folder")
    parsed = parse_overrides(sweep.overrides)
    of_jobs = tuple(str(override.input_line) for override in parsed if not override.is_hydra_override())
    swept = frozenset(override.get_key_element() for override in parsed if override.is_sweep_override())
    searchpath = tuple(first.hydra.searchpath)
    task = SweepTask(folder, session, fingerprint(first), first.sweep.timeout, swept, searchpath, of_jobs)
    shared = "SearchSweeper" in first.hydra.sweeper._target_  # a search is shared by all who start it
    with contextlib.nullcontext() if shared else _alone(folder, overrides):
        task.journal.write({"event": "started", "command": sys.argv[1:]})
        # Hydra composes the first job for its own settings, and the sweeper takes the sweep from the task: a setting
        # may belong to a swept option and not to the default one. One folder for all jobs, whatever their names.
        options = [word for word in sys.argv[1:] if word not in overrides]
        sys.argv[1:] = [*options, *sweep.alone, f"hydra.sweep.dir={quoted(str(folder))}"]
        return _run(task, joblib="joblib" in first.hydra.launcher._target_)


def _run(task: SweepTask, *, joblib: bool) -> int:
    def stop(number: int, frame: FrameType | None) -> None:
        signals.handle(signals.STOP, signal.SIG_DFL)  # a second one ends the sweep at once
        if joblib:
            _end_jobs(task)
        raise SweepStopped(
            InterruptedRun(
                f"{signal.Signals(number).name} ended the sweep",
                fix="run the same command again: it goes on with what is missing",
                signal_number=signals.exit_signal(number),
            )
        )

    signals.handle(signals.STOP, stop)
    if joblib:
        prepare_joblib()
    try:
        hydra.main(version_base="1.3", config_path=str(conf_dir()), config_name="train")(task)()
    except SweepStopped as stopped:
        raise stopped.reason from None
    finally:
        task.stop_file.unlink(missing_ok=True)
    return summary.conclude(task)


def fingerprint(config: DictConfig) -> str:
    """Hash of hydrarec's version and of every YAML file that jobs may use, including the user's folders."""
    folders = [conf_dir(), *(Path(path.removeprefix("file://")) for path in config.hydra.searchpath)]
    digest = hashlib.sha256(hydrarec.__version__.encode())
    for folder in folders:
        for path in sorted(folder.rglob("*.yaml")):
            digest.update(str(path.relative_to(folder)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:12]


@contextlib.contextmanager
def _alone(folder: Path, overrides: Sequence[str]) -> Iterator[None]:
    """Hold the lock of this command in the sweep's folder; other sweeps may use the folder at the same time.

    Raises:
        EnvironmentFault: the same sweep runs already.
    """
    jobs = sorted(word for word in overrides if not word.startswith(("hydra/launcher=", "hydra.launcher.", "sweep.")))
    lock = filelock.FileLock(folder / f".sweep-{hashlib.sha256(repr(jobs).encode()).hexdigest()[:12]}.lock")
    try:
        lock.acquire(blocking=False)
    except filelock.Timeout as error:
        raise EnvironmentFault(
            f"the same sweep runs already, in {folder}",
            expected="one process per sweep",
            fix="wait for it to end, or sweep.name=<another folder>",
            value=str(folder),
        ) from error
    try:
        yield
    finally:
        lock.release()


def _end_jobs(task: SweepTask) -> None:
    """Have the workers end their jobs with a checkpoint, before joblib kills both; return once no job holds its folder."""
    task.stop_file.touch()
    ended = task.journal.last_events(*ENDS)
    begun = [event["run"] for job, event in task.journal.last_events("running").items() if job not in ended]
    deadline = time.monotonic() + GRACE + 1
    while any(is_held(task.folder / run) for run in begun) and time.monotonic() < deadline:
        time.sleep(0.05)
