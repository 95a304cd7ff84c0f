"""Additions to Hydra's joblib launcher for its worker processes."""

from __future__ import annotations

import os
import signal
from typing import Any

from hydrarec.training.processes import end_with_parent


def prepare_joblib() -> None:
    """Make joblib's workers leave signals to this process, and exit when it is killed.

    Otherwise they wait for work for five more minutes, and one that dies of a signal to the whole process group has joblib
    kill all others with their jobs.
    """
    import joblib
    from joblib._parallel_backends import LokyBackend

    class Workers(LokyBackend):
        def configure(self, *arguments: Any, **settings: Any) -> Any:
            return super().configure(*arguments, **settings, initializer=_begin_worker, initargs=(os.getpid(),))

    joblib.register_parallel_backend("loky", Workers)


def _begin_worker(sweep: int) -> None:
    end_with_parent(sweep)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
