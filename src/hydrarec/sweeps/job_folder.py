"""The run folder of a sweep's job: opened, prepared for an attempt, and given the error that the job could not write."""

from __future__ import annotations

import time
from pathlib import Path

import filelock

from hydrarec.core.errors import CheckpointError, EnvironmentFault, HydrarecError, LostJobError
from hydrarec.runs import folder as runs
from hydrarec.training.processes import GRACE

PATIENCE = 2 * GRACE  # seconds for a job of a just killed sweep to release its folder


def open_folder(path: Path) -> runs.RunFolder | None:
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


def is_held(path: Path) -> bool:
    """Whether a live process, such as the run itself, holds the lock of a run folder."""
    try:
        runs.RunFolder(path).release()
    except EnvironmentFault as error:
        return isinstance(error.__cause__, filelock.Timeout)
    return False


def write_error(path: Path, error: HydrarecError) -> None:
    """Write an error that the run could not write itself: a crash or a timeout."""
    folder = open_folder(path)
    if folder is not None:
        try:
            folder.write_error(error)
        finally:
            folder.release()


def prepare_folder(folder: runs.RunFolder) -> bool:
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
