"""Preload module of multiprocessing's fork server, imported once before the first fork."""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import os
import threading
import time
from multiprocessing import forkserver
from pathlib import Path
from typing import Any

from hydrarec.training.processes import GRACE, STARTER


def _end_with_starter(starter: int, done: threading.Event) -> None:
    """Exit if the starter ends during the imports, which take seconds: until then the server does not look for it."""
    while not done.wait(0.1):
        if os.getppid() != starter:
            os._exit(1)


def _end(server: int) -> None:
    """At exit of the server (its starter has ended): wait for children to write checkpoints; the kernel kills the rest."""
    if os.getpid() != server:
        return
    deadline = time.monotonic() + GRACE + 1
    with contextlib.suppress(ChildProcessError):
        while time.monotonic() < deadline:
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                time.sleep(0.05)
    state: Any = forkserver._forkserver
    with contextlib.suppress(OSError, TypeError, ValueError):  # the starter normally removes it, unless killed
        Path(state._forkserver_address).unlink()
        Path(state._forkserver_address).parent.rmdir()


_imported = threading.Event()
_watch = threading.Thread(
    target=_end_with_starter, args=(int(os.environ.get(STARTER, os.getppid())), _imported), daemon=True
)
_watch.start()
atexit.register(_end, os.getpid())
for _name in ("assembly", "ddp_workers", "fit", "job"):
    importlib.import_module(f"hydrarec.training.{_name}")
for _name in ("runs.provenance", "figures.curves"):
    importlib.import_module(f"hydrarec.{_name}")
_imported.set()
_watch.join()  # a fork must not copy a thread's locks
gc.collect()
gc.freeze()  # children's garbage collectors then skip torch's objects and do not copy their pages
