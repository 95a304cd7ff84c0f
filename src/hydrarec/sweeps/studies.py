"""Optuna studies in a journal file in the sweep's folder, shared by several processes and robust to kills."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import filelock
import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock
from optuna.trial import FrozenTrial, TrialState

_SESSION = "session"  # user attribute: the start of the command that runs a trial


def open_study(storage: str, name: str) -> optuna.Study:
    """Open an existing study with its original pruner."""
    study = optuna.load_study(study_name=name, storage=_storage(storage), sampler=optuna.samplers.RandomSampler())
    study.pruner = _pruner(study.user_attrs["pruner"])
    return study


def make_study(storage: str, name: str, *, mode: str, pruner: dict[str, Any] | None) -> optuna.Study:
    """Open the study, or create it if it does not exist."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    direction = optuna.study.StudyDirection.MINIMIZE if mode == "min" else optuna.study.StudyDirection.MAXIMIZE
    study = optuna.create_study(
        storage=_storage(storage), study_name=name, direction=direction, load_if_exists=True, pruner=_pruner(pruner)
    )
    study.set_user_attr("pruner", pruner)
    return study


def running_trial(study: optuna.Study, trial: FrozenTrial) -> optuna.Trial:
    """Recreate a live trial from its record, to report to; Optuna has no public API for this."""
    return optuna.trial.Trial(study, trial._trial_id)


class Sessions:
    """Registry of the processes that share a search: each holds a lock while it lives.

    Args:
        folder: folder of the sweep.
        session: id of this start of the command.
    """

    def __init__(self, folder: Path, session: str) -> None:
        self.folder, self.session = folder / ".search", session
        self.folder.mkdir(exist_ok=True)
        self._mine = filelock.FileLock(self.folder / f"{session}.lock")
        self._mine.acquire()
        self.choosing = filelock.FileLock(self.folder / "choosing.lock")  # held while counting and asking for trials

    def close(self) -> None:
        self._mine.release()

    def abandoned(self, study: optuna.Study) -> list[FrozenTrial]:
        """Running trials whose process has ended."""
        running = study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
        return [trial for trial in running if not self._is_alive(trial.user_attrs.get(_SESSION))]

    def claim(self, trial: optuna.Trial) -> None:
        trial.set_user_attr(_SESSION, self.session)

    def _is_alive(self, session: str | None) -> bool:
        if session == self.session:
            return True
        if session is None:
            return False
        lock = filelock.FileLock(self.folder / f"{session}.lock")
        try:
            lock.acquire(blocking=False)
        except filelock.Timeout:
            return True
        lock.release()
        return False


class _SystemLock(JournalFileOpenLock):
    """Operating-system lock, released when its process is killed; Optuna's own lock files would remain."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self._lock = filelock.FileLock(f"{path}.lock")

    def acquire(self) -> bool:
        self._lock.acquire()
        return True

    def release(self) -> None:
        self._lock.release()


def _storage(path: str) -> JournalStorage:
    lock = _SystemLock(path)
    lock.acquire()
    try:
        _without_torn_line(Path(path))
    finally:
        lock.release()
    return JournalStorage(JournalFileBackend(path, lock_obj=lock))


def _without_torn_line(journal: Path) -> None:
    """Remove a last line cut off by a kill or a full disk: it would corrupt the next one."""
    if not journal.is_file():
        return
    with journal.open("rb+") as file:
        size = file.seek(0, 2)
        file.seek(max(size - (1 << 20), 0))
        tail = file.read()
        if tail and not tail.endswith(b"\n"):
            file.truncate(size - len(tail) + tail.rfind(b"\n") + 1)


def _pruner(settings: dict[str, Any] | None) -> optuna.pruners.BasePruner:
    return optuna.pruners.NopPruner() if settings is None else optuna.pruners.MedianPruner(**settings)
