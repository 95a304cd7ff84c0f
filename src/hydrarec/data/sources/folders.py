"""Folders that are whole or absent, and the cache folder they lie in.

A folder is filled under a temporary name beside its final one, then renamed. What a kill leaves behind is swept by
the next process that fills a folder there; a live one protects its own by a lock that dies with it.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pooch

from hydrarec.core.errors import EnvironmentFault
from hydrarec.core.files import TEMPORARY_SUFFIX, sync_folder, umask

try:
    import fcntl
except ImportError:  # Windows: no locks, so work may be done twice; renames keep it correct
    fcntl = None  # type: ignore[assignment]

YOUNG = 60.0  # seconds in which a temporary folder is left alone: its owner may not have locked it yet
ABANDONED = 86_400.0  # seconds after which one goes where locks cannot tell


def cache_root() -> Path:
    """``$HYDRAREC_CACHE_DIR``, or the user's own cache folder; it may not exist yet."""
    return Path(os.environ.get("HYDRAREC_CACHE_DIR") or pooch.os_cache("hydrarec")).expanduser().absolute()


@contextlib.contextmanager
def whole_folder(final: Path) -> Iterator[Path]:
    """Yield an empty temporary folder beside ``final``; it becomes ``final`` when the block ends without an error.

    An existing ``final`` is replaced. The files reach the disk first, so that not even a power cut leaves
    half a folder.
    """
    final.parent.mkdir(parents=True, exist_ok=True)
    sweep(final.parent)
    temporary = _temporary(final)
    try:
        with _held(temporary):
            yield temporary
            for path in [*temporary.rglob("*"), temporary]:
                if path.is_dir():
                    sync_folder(path)
                else:
                    _sync(path)
            _replace(temporary, final)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)  # gone already if all went well
    sync_folder(final.parent)


@contextlib.contextmanager
def scratch_folder(parent: Path) -> Iterator[Path]:
    """Yield an empty folder in ``parent`` that is gone afterwards, if need be by the next process's sweep."""
    parent.mkdir(parents=True, exist_ok=True)
    sweep(parent)
    temporary = _temporary(parent / "scratch")
    try:
        with _held(temporary):
            yield temporary
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


@contextlib.contextmanager
def locked(file: Path) -> Iterator[None]:
    """Hold an exclusive lock on ``file``, waiting for it; it ends with the process, however that ends.

    It only spares work: everything done under it is correct without, so that a file system that has no locks will do.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("ab") as stream:
        if fcntl is not None:
            with contextlib.suppress(OSError):
                fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def sweep(parent: Path) -> None:
    """Remove temporary files and folders in ``parent`` that no live process holds."""
    for path in parent.glob(f".*{TEMPORARY_SUFFIX}"):
        with contextlib.suppress(OSError):  # another process may sweep the same
            age = time.time() - path.stat().st_mtime
            if age > ABANDONED or (age > YOUNG and not _is_held(path)):
                shutil.rmtree(path) if path.is_dir() else path.unlink()


def require_space(folder: Path, needed: int) -> None:
    """Raise unless the disk under ``folder`` has ``needed`` bytes free.

    Raises:
        EnvironmentFault: it has not; names both.
    """
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise EnvironmentFault(
            f"not enough space: {needed / 1e6:,.0f} MB needed, {free / 1e6:,.0f} MB free",
            fix="free some space, or set HYDRAREC_CACHE_DIR to a folder on another disk",
            file=folder,
        )


def storage_fault(error: OSError, folder: Path) -> EnvironmentFault:
    """The error to show when the cache cannot be written."""
    if error.errno == errno.ENOSPC:
        free = shutil.disk_usage(folder if folder.is_dir() else folder.anchor).free
        what = f"the disk is full ({free / 1e6:,.0f} MB free)"
    else:
        what = f"cannot be written: {error.strerror or error}"
    fix = "set HYDRAREC_CACHE_DIR to a folder that can be written and has space"
    return EnvironmentFault(what, expected="a writable cache folder", fix=fix, file=folder)


def _temporary(final: Path) -> Path:
    return Path(tempfile.mkdtemp(prefix=f".{final.name}.", suffix=TEMPORARY_SUFFIX, dir=final.parent))


def _replace(temporary: Path, final: Path) -> None:
    """Rename onto ``final``; what lay there before moves aside first, since only empty folders are replaced."""
    for _ in range(100):  # another process may put its own folder there at any moment
        try:
            temporary.chmod(0o777 & ~umask())
            temporary.rename(final)
            return
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
                raise
        aside = _temporary(final)
        with contextlib.suppress(FileNotFoundError):
            final.rename(aside / "replaced")
        shutil.rmtree(aside, ignore_errors=True)
    raise EnvironmentFault("the folder is replaced by others all the time", file=final, fix="start fewer processes")


@contextlib.contextmanager
def _held(folder: Path) -> Iterator[None]:
    if fcntl is None:
        yield
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)


def _is_held(path: Path) -> bool:
    if fcntl is None:
        return True
    descriptor = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False


def _sync(file: Path) -> None:
    with file.open("rb") as stream:
        os.fsync(stream.fileno())
