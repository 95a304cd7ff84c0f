"""The cache folder, and folders in it that are either complete or absent.

A folder is filled under a temporary name next to the final one, then renamed, while holding the lock of the final name.
The lock ends with its process. So a temporary folder whose lock is free was left by a kill; the next process removes it.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pooch
from filelock import FileLock

from hydrarec.core.errors import EnvironmentFault
from hydrarec.core.files import TEMPORARY_SUFFIX, sync_folder, umask


def cache_root() -> Path:
    """``$HYDRAREC_CACHE_DIR``, or the user's cache folder; it may not exist yet."""
    return Path(os.environ.get("HYDRAREC_CACHE_DIR") or pooch.os_cache("hydrarec")).expanduser().absolute()


@contextlib.contextmanager
def whole_folder(final: Path) -> Iterator[Path]:
    """Yield an empty temporary folder beside ``final``; it becomes ``final`` when the block ends without an error.

    An existing ``final`` is replaced. Files are flushed to disk first, so even a power cut cannot leave half a folder.
    """
    with locked(final):
        temporary = _temporary(final)
        try:
            yield temporary
            for path in [*temporary.rglob("*"), temporary]:
                sync_folder(path)  # works for files too
            _replace(temporary, final)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)  # already renamed if all went well
        sync_folder(final.parent)


@contextlib.contextmanager
def locked(final: Path) -> Iterator[None]:
    """Acquire the exclusive lock of the folder ``final``, waiting if necessary; reentrant within a process.

    The lock only saves work: on a file system without locks, several processes may fill a folder, and the last one wins.
    """
    file = _lock_file(final)
    file.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError):
            stack.enter_context(FileLock(file, is_singleton=True))
        yield


def sweep(parent: Path) -> None:
    """Remove the temporary folders in ``parent`` that no live process is filling."""
    for path in parent.glob(f".*{TEMPORARY_SUFFIX}"):
        final = path.with_name(path.name.removesuffix(TEMPORARY_SUFFIX)[1:].rpartition(".")[0])
        # Another process may hold the lock, or remove the same folder.
        with contextlib.suppress(OSError), FileLock(_lock_file(final), timeout=0):
            shutil.rmtree(path)


def require_space(folder: Path, needed: int) -> None:
    """Raise unless the disk under ``folder`` has ``needed`` bytes free.

    Raises:
        EnvironmentFault: not enough space; gives needed and free bytes.
    """
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise EnvironmentFault(
            f"not enough space: {needed / 1e6:,.0f} MB needed, {free / 1e6:,.0f} MB free",
            fix="free some space, or set HYDRAREC_CACHE_DIR to a folder on another disk",
            file=folder,
        )


def storage_fault(error: OSError, folder: Path) -> EnvironmentFault:
    """The error for a cache that cannot be written."""
    if error.errno == errno.ENOSPC:
        free = shutil.disk_usage(folder if folder.is_dir() else folder.anchor).free
        what = f"the disk is full ({free / 1e6:,.0f} MB free)"
    else:
        what = f"cannot be written: {error.strerror or error}"
    fix = "set HYDRAREC_CACHE_DIR to a folder that can be written and has space"
    return EnvironmentFault(what, expected="a writable cache folder", fix=fix, file=folder)


def _lock_file(final: Path) -> Path:
    return final.parent / ".locks" / final.name


def _temporary(final: Path) -> Path:
    return Path(tempfile.mkdtemp(prefix=f".{final.name}.", suffix=TEMPORARY_SUFFIX, dir=final.parent))


def _replace(temporary: Path, final: Path) -> None:
    """Rename onto ``final``; an old folder is moved aside first, since only empty folders can be replaced."""
    temporary.chmod(0o777 & ~umask())
    try:
        temporary.rename(final)
    except OSError:
        if not final.exists():
            raise
        aside = _temporary(final)
        final.rename(aside / "replaced")
        temporary.rename(final)
        shutil.rmtree(aside, ignore_errors=True)
