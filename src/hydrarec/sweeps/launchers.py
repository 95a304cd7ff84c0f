"""What the launchers' own workers need beyond Hydra's launcher plugins."""

from __future__ import annotations

import os
from typing import Any

from hydrarec.training.processes import end_with_parent


def end_joblib_workers_with_sweep() -> None:
    """Let joblib's workers end when this process is killed: by themselves they wait for work for five more minutes."""
    import joblib
    from joblib._parallel_backends import LokyBackend

    class Workers(LokyBackend):
        def configure(self, *arguments: Any, **settings: Any) -> Any:
            return super().configure(*arguments, **settings, initializer=end_with_parent, initargs=(os.getpid(),))

    joblib.register_parallel_backend("loky", Workers)
