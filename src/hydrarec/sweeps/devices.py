"""One GPU per worker where a machine has several, chosen before the worker's first job and so before CUDA starts."""

from __future__ import annotations

import itertools
import os
from pathlib import Path

import filelock

VISIBLE = "CUDA_VISIBLE_DEVICES"
_DRIVER = Path("/proc/driver/nvidia/gpus")
_held: list[filelock.FileLock] = []  # until this process ends: its place among the workers


def choose(sweep: Path) -> None:
    """Let this process and its jobs see one of the machine's GPUs, the next in turn; once per process.

    The place is a lock, which a worker that dies gives back: the next one gets the same GPU, whoever starts it.
    """
    present = gpus()
    if _held or len(present) < 2:
        return
    places = sweep / ".workers"
    places.mkdir(exist_ok=True)
    for place in itertools.count():
        lock = filelock.FileLock(places / f"{place}.lock")
        try:
            lock.acquire(blocking=False)
        except filelock.Timeout:
            continue
        _held.append(lock)
        os.environ[VISIBLE] = present[place % len(present)]
        return


def gpus() -> list[str]:
    """The GPUs that this process may use, without importing torch."""
    if VISIBLE in os.environ:
        return [name for name in os.environ[VISIBLE].split(",") if name.strip()]
    return [str(number) for number in range(len(list(_DRIVER.iterdir())))] if _DRIVER.is_dir() else []
