"""Converts any exception to a :class:`HydrarecError`."""

from __future__ import annotations

import errno
import traceback
from pathlib import Path

from hydrarec.core.errors import BUG, EnvironmentFault, HydrarecError, InterruptedRun

FULL_ERROR = "HYDRA_FULL_ERROR"
_ENVIRONMENT = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EROFS: "the file system is read-only",
    errno.EACCES: "permission denied",
    errno.EPERM: "permission denied",
}


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
    if isinstance(raised, MemoryError) or "out of memory" in str(raised) or "can't allocate memory" in str(raised):
        return EnvironmentFault("out of memory", expected="more memory, or a smaller model, batch or data set")
    if isinstance(raised, OSError) and raised.errno in _ENVIRONMENT:
        return EnvironmentFault(
            f"{_ENVIRONMENT[raised.errno]}: {raised.filename or 'unknown file'}",
            expected="room and permission to write",
            fix="free some space, or output_dir=<another folder>",
            file=raised.filename,
        )
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


def is_interrupt(raised: BaseException) -> bool:
    """Whether this is Ctrl-C, which Lightning turns into an exit outside the training steps."""
    return isinstance(raised, KeyboardInterrupt) or (
        isinstance(raised, SystemExit) and isinstance(raised.__context__, KeyboardInterrupt)
    )
