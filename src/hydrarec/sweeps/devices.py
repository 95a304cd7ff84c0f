"""Assignment of one GPU per sweep worker, made before the worker's first job and so before CUDA is initialised."""

from __future__ import annotations

import itertools
import os
from pathlib import Path

import filelock

VISIBLE = "CUDA_VISIBLE_DEVICES"
_DRIVER = Path("/proc/driver/nvidia/gpus")
_held: list[filelock.FileLock] = []  # held until exit: this worker's place among the workers


def choose(sweep: Path) -> None:
    """Restrict this process and its jobs to one of the machine's GPUs, assigned round-robin; once per process.

    The place is a file lock: when a worker dies, the lock is released and the next worker gets the same GPU.
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
    """List the GPUs that this process may use, without importing torch."""
    if VISIBLE in os.environ:
        return [name for name in os.environ[VISIBLE].split(",") if name.strip()]
    return [str(number) for number in range(len(list(_DRIVER.iterdir())))] if _DRIVER.is_dir() else []
