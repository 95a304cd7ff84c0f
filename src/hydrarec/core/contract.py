"""Converts any exception to a :class:`HydrarecError`."""

from __future__ import annotations

import errno
import traceback
from pathlib import Path

from hydrarec.core.errors import (
    BUG,
    DISK_FULL,
    ConfigError,
    DiskFullError,
    EnvironmentFault,
    HydrarecError,
    InterruptedRun,
)
from hydrarec.core.memory import available_bytes, shown
from hydrarec.core.origin import user_error

FULL_ERROR = "HYDRA_FULL_ERROR"
_ENVIRONMENT = {
    errno.EROFS: "the file system is read-only",
    errno.EACCES: "permission denied",
    errno.EPERM: "permission denied",
    errno.EIO: "the disk cannot be read or written",
    errno.ESTALE: "the network file system lost the file",
    errno.ENOTCONN: "the network file system is not connected",
    errno.EMFILE: "too many open files",
    errno.ENFILE: "too many open files",
}
_NO_MEMORY = (  # texts of torch, CUDA, C++ and the dynamic linker, which have no exception of their own
    "out of memory",
    "allocate memory",
    "not enough memory",
    "bad_alloc",
    "alloc_failed",
    "failed to map segment",
)


def as_contract(raised: BaseException) -> HydrarecError:
    """Convert any exception to a :class:`HydrarecError`; an unexpected one becomes an internal error (exit 1)."""
    cause: BaseException | None = raised
    while cause is not None:  # Hydra and Lightning may wrap our errors
        if isinstance(cause, HydrarecError):
            return cause
        raised, cause = cause, cause.__cause__
    if is_interrupt(raised):
        return InterruptedRun(
            "interrupted", fix="run the same command again, or resume=<run folder> where there is one"
        )
    if isinstance(raised, OSError) and raised.errno == errno.ENAMETOOLONG:
        return _too_long(str(raised.filename))
    known = _environment_fault(raised) or user_error(raised)
    if known is not None:
        return known
    place = traceback.extract_tb(raised.__traceback__)[-1] if raised.__traceback__ else None
    first = (str(raised).splitlines() or [""])[0]
    bug = HydrarecError(
        f"internal error: {type(raised).__name__}: {first[:200]}",
        fix=f"{FULL_ERROR}=1 shows the traceback; please report it",
        file=Path(place.filename).name if place else None,
        line=place.lineno if place else None,
    )
    assert bug.exit_code == BUG
    return bug


def _too_long(path: str) -> ConfigError:
    """The error for an option, a folder or a file with a name that no file can have: whoever looks for it, it was typed."""
    name = max(Path(path).parts, key=len)
    return ConfigError(
        f"{name[:20]}… is too long for the name of a file",
        expected="at most 255 bytes, and 4,095 with all folders above",
        fix="a name that exists, or a shorter one",
        value=name,
    )


def _environment_fault(raised: BaseException) -> EnvironmentFault | None:
    text, number = str(raised).lower(), getattr(raised, "errno", None)
    if isinstance(raised, MemoryError) or number == errno.ENOMEM or any(words in text for words in _NO_MEMORY):
        return EnvironmentFault(
            f"out of memory; {shown(available_bytes())} are free now",
            expected="more memory, or a smaller model, batch or data set",
            fix="end other programs, raise the limit (ulimit -v), or choose a smaller task.datamodule.batch_size",
        )
    if "can't start new thread" in text or isinstance(raised, BlockingIOError):
        return EnvironmentFault(
            "the system allows no more threads or processes",
            expected="a limit above what this run needs",
            fix="end other programs, or raise the limit: ulimit -u",
        )
    if not isinstance(raised, OSError):
        return None
    if number in DISK_FULL:
        return DiskFullError.of(raised)
    if number not in _ENVIRONMENT:
        return None
    return EnvironmentFault(
        f"{_ENVIRONMENT[number]}: {raised.filename or 'unknown file'}",
        expected="a place that can be read and written",
        fix="correct the permission or the limit, or output_dir=<another folder>",
        file=raised.filename,
    )


def is_interrupt(raised: BaseException) -> bool:
    """Whether this is Ctrl-C, which Lightning turns into an exit outside the training steps."""
    return isinstance(raised, KeyboardInterrupt) or (
        isinstance(raised, SystemExit) and isinstance(raised.__context__, KeyboardInterrupt)
    )
