"""Additions to Hydra's launcher plugins for their worker processes."""

from __future__ import annotations

import os
from typing import Any

from hydrarec.training.processes import end_with_parent


def end_joblib_workers_with_sweep() -> None:
    """Make joblib's workers exit when this process is killed; otherwise they wait for work for five more minutes."""
    import joblib
    from joblib._parallel_backends import LokyBackend

    class Workers(LokyBackend):
        def configure(self, *arguments: Any, **settings: Any) -> Any:
            return super().configure(*arguments, **settings, initializer=end_with_parent, initargs=(os.getpid(),))

    joblib.register_parallel_backend("loky", Workers)
