"""Atomic file writes: to a temporary file in the same folder, flushed to disk, then renamed."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from hydrarec.core.errors import EnvironmentFault

TEMPORARY_SUFFIX = ".part"  # remains only after a kill; removed at the next start


@contextlib.contextmanager
def atomic_write(path: Path, mode: str = "wb") -> Iterator[IO[Any]]:
    """Open a temporary file next to ``path``; rename it to ``path`` if the block ends without an error.

    The temporary file is in the target's folder (a rename across file systems is not atomic) and is flushed to disk
    before the rename, so a kill or power cut leaves either the old or the new content.
    """
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=TEMPORARY_SUFFIX, dir=path.parent)
    try:
        with os.fdopen(handle, mode, encoding=None if "b" in mode else "utf-8") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o666 & ~umask())
        Path(name).replace(path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            Path(name).unlink()
        raise
    sync_folder(path.parent)


def make_folder(folder: Path, what: str, fix: str = "output_dir=<another folder>") -> None:
    """Make a folder and its parents, unless it exists; ``what`` names it in the error.

    Raises:
        EnvironmentFault: it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise EnvironmentFault(
            f"cannot make {what} {folder}: {error.strerror}",
            expected="a folder that may be written",
            fix=fix,
            value=str(folder),
        ) from error


def write_json(path: Path, content: object) -> None:
    """Atomically write ``content`` as readable JSON; reject NaN and infinities, which JSON does not have."""
    with atomic_write(path, "w") as file:
        json.dump(content, file, indent=2, allow_nan=False, ensure_ascii=False)
        file.write("\n")


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file's content, as hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sync_folder(folder: Path) -> None:
    """Flush a folder's entries to disk, so that a rename in it survives a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def umask() -> int:
    """The umask of this process: the permission bits withheld from new files."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
