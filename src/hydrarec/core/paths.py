"""User-facing paths: paths for display, and paths given as settings."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

from hydrarec.core.errors import ConfigError
from hydrarec.core.kinds import FolderName


def shown(path: Path) -> Path:
    """The path relative to the current folder if it lies inside it, else the absolute path."""
    path = path.resolve()
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def folder_in(output_dir: str, name: str) -> Path:
    """``<output_dir>/<name>``, absolute.

    Raises:
        ConfigError: ``name`` is not a valid folder name.
    """
    (rule,) = get_args(FolderName)[1:]
    if not rule.admits(name):
        raise ConfigError(
            f"name={name} cannot be the name of a folder",
            expected=rule.words,
            fix="name=<a plain name>, and output_dir=<where>",
            value=name,
        )
    return Path(output_dir, name).resolve()


def two_folders(setting: str, given: str | list[str] | None, expected: str) -> list[str]:
    """The two folders that ``setting=a,b`` or a list names.

    Raises:
        ConfigError: not exactly two folders are given; the error shows ``expected``.
    """
    folders = given.split(",") if isinstance(given, str) else list(given or [])
    if len(folders) != 2:
        raise ConfigError(
            f"{setting} names {len(folders)} folder{'s' * (len(folders) != 1)}",
            expected=expected,
            fix=f"{setting}=<run folder>,<run folder>",
            value=str(given),
        )
    return [folder.strip() for folder in folders]
