"""What the fork server does beyond multiprocessing's: it imports this file once, before it is forked the first time."""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import os
import time
from multiprocessing import forkserver
from pathlib import Path
from typing import Any

from hydrarec.training.processes import GRACE


def _end(server: int) -> None:
    """When the starter has ended: give the processes time for a checkpoint; then the kernel kills those that are left."""
    if os.getpid() != server:
        return
    deadline = time.monotonic() + GRACE + 1
    with contextlib.suppress(ChildProcessError):
        while time.monotonic() < deadline:
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                time.sleep(0.05)
    state: Any = forkserver._forkserver
    with contextlib.suppress(OSError, TypeError, ValueError):  # the starter removes it, unless it was killed
        Path(state._forkserver_address).unlink()
        Path(state._forkserver_address).parent.rmdir()


atexit.register(_end, os.getpid())
for _name in ("assembly", "ddp_workers", "fit", "job"):
    importlib.import_module(f"hydrarec.training.{_name}")
for _name in ("runs.provenance", "figures.curves"):
    importlib.import_module(f"hydrarec.{_name}")
gc.collect()
gc.freeze()  # a process's collector then neither visits the objects of torch nor copies their pages
