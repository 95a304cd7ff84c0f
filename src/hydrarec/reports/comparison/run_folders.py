"""Find run folders below a folder or behind a glob."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from hydrarec.core.errors import ConfigError

# What only a run folder holds; a damaged one may lack any of them.
MARKS = frozenset({"config.yaml", "run.json", "result.json", "error.json"})


def find(patterns: str | Sequence[str]) -> list[str]:
    """The run folders in or below ``patterns`` (folders or globs), absolute, sorted, each once.

    A run folder's own subfolders are not searched, hidden folders neither.

    Raises:
        ConfigError: a pattern names no folder, or there is no run folder in any.
    """
    wanted = [patterns] if isinstance(patterns, str) else list(patterns)
    found: set[str] = set()
    for pattern in wanted:
        folders = [path for path in _expanded(pattern) if Path(path).is_dir()]
        if not folders:
            raise ConfigError(
                f"runs={pattern}: there is no such folder",
                expected="a folder of run folders, or a glob such as outputs/*/sweep",
                fix="runs=outputs",
                value=pattern,
            )
        found.update(run for folder in folders for run in _below(str(Path(folder).resolve())))
    if not found:
        raise ConfigError(
            f"runs={', '.join(wanted)}: there are no run folders",
            expected="folders with a config.yaml, as hydrarec-train leaves them",
            fix="hydrarec-train, then this command again",
            value=wanted[0] if wanted else None,
        )
    return sorted(found)


def _expanded(pattern: str) -> list[str]:
    return [pattern] if Path(pattern).is_dir() else glob.glob(pattern, recursive=True)  # noqa: PTH207  (absolute ones too)


def _below(folder: str) -> Iterator[str]:
    try:
        with os.scandir(folder) as entries:
            inside = list(entries)
    except PermissionError:
        return  # of somebody else; what it holds cannot be told
    if any(entry.name in MARKS for entry in inside):
        yield folder
        return
    for entry in inside:
        if entry.is_dir(follow_symlinks=False) and not entry.name.startswith("."):
            yield from _below(entry.path)
