"""The private names of other libraries that processes and sweeps need: each is used in one file, and exists in what is installed."""

from __future__ import annotations

import importlib
import inspect
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[2] / "src"


@pytest.mark.parametrize(
    ("module", "owner", "name", "file"),
    [
        ("multiprocessing.forkserver", "ForkServer", "_forkserver_alive_fd", "hydrarec/training/processes.py"),
        ("multiprocessing.forkserver", "ForkServer", "_forkserver_address", "hydrarec/training/fork_server.py"),
        ("joblib._parallel_backends", "", "LokyBackend", "hydrarec/sweeps/launchers.py"),
        ("optuna.trial", "FrozenTrial", "_trial_id", "hydrarec/sweeps/studies.py"),
    ],
)
def test_private_name_is_used_in_one_file(module: str, owner: str, name: str, file: str) -> None:
    users = [path.relative_to(SOURCE) for path in SOURCE.rglob("*.py") if name in path.read_text(encoding="utf-8")]
    assert users == [Path(file)]
    pytest.importorskip(module.partition(".")[0])
    found = importlib.import_module(module)
    assert name in inspect.getsource(getattr(found, owner) if owner else found)
