"""Hyper-parameters in a checkpoint, checked against the model's signature before it is built from them."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hydrarec.config import signatures
from hydrarec.core.errors import CheckpointError


def accepted(model: type, saved: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """The saved hyper-parameters that the model takes; those of an earlier version that it no longer has are left out.

    Raises:
        CheckpointError: a value of another type, or a private name, by which Lightning would import what it names.
    """
    kinds = signatures.parameters(f"{model.__module__}.{model.__qualname__}") or {}
    taken = inspect.signature(model).parameters
    for name, value in saved.items():
        if str(name).startswith("_"):
            raise unfit(path, f"refused: its hyper-parameters name {name}={value}")
        if name in kinds and not kinds[name].admits(value):
            raise unfit(path, f"its hyper-parameter {name}={str(value)[:60]} is not {kinds[name]}")
    return {name: value for name, value in saved.items() if name in taken}


def unfit(path: Path, what: str) -> CheckpointError:
    """The error of a checkpoint that is whole and is not one of this model."""
    return CheckpointError(
        what,
        expected="a checkpoint of the run's model, as the run wrote it",
        fix="restore it from a copy, or train again in a new run",
        file=path,
    )
