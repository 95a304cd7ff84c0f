"""Paths as people copy them into the next command."""

from __future__ import annotations

from pathlib import Path


def shown(path: Path) -> Path:
    """Relative to the current folder where it lies in it."""
    path = path.resolve()
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
