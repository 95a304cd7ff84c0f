"""The errors of hydrarec: each states what is wrong and where, what is expected, a fix, and an exit code.

The library raises them; the entry points print at most four lines on stderr and write ``error.json`` into the run
folder. For a misspelt name, the error suggests the nearest valid ones (:func:`nearest`).
"""

from __future__ import annotations

import difflib
import errno
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any, ClassVar

from hydrarec.core.escaping import one_line

BUG = 1  # exit code of any other exception
DISK_FULL = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EFBIG: "the file would exceed the largest size allowed",
}


class HydrarecError(ValueError):
    """Base of all errors that the user can fix.

    Args:
        what: what is wrong, including the bad value.
        expected: what would be accepted.
        fix: the fix, as a command or an action.
        file, line, column, value: the location, if known; ``line`` counts from 1 and includes the header.
    """

    exit_code: ClassVar[int] = BUG
    code: ClassVar[str] = "bug"
    status: ClassVar[str] = "failed"  # status in run.json of a run that ends with this error

    def __init__(
        self,
        what: str,
        *,
        expected: str = "",
        fix: str = "",
        file: str | Path | None = None,
        line: int | None = None,
        column: str | None = None,
        value: object = None,
    ) -> None:
        super().__init__(what)
        self.what, self.expected, self.fix = what, expected, fix
        self.file = None if file is None else str(file)
        self.line, self.column = line, column
        plain = value is None or isinstance(value, str | int) or (isinstance(value, float) and math.isfinite(value))
        self.value = value if plain else str(value)  # JSON has no NaN

    def __reduce__(self) -> tuple[Any, ...]:
        # An exception that cannot be unpickled kills a joblib sweep; keyword-only arguments require this method.
        return _rebuild, (type(self), self.what, {k: v for k, v in self.to_dict().items() if k in _FIELDS})

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.file, self.line) if part is not None)
        lines = [f"{place}: {self.what}" if place else self.what]
        if self.expected:
            lines.append(f"  expected: {self.expected}")
        if self.fix:
            lines.append(f"  fix: {self.fix}")
        return "\n".join(map(one_line, lines))

    def to_dict(self) -> dict[str, Any]:
        """The content of ``error.json``."""
        return {
            "code": self.code,
            "exit_code": self.exit_code,
            "what": self.what,
            **{name: getattr(self, name) for name in _FIELDS},
        }


_FIELDS = ("expected", "fix", "file", "line", "column", "value")


def _rebuild(kind: type[HydrarecError], what: str, fields: dict[str, Any]) -> HydrarecError:
    return kind(what, **fields)


class ConfigError(HydrarecError):
    """An unknown key, a wrong type, or an invalid value or combination, detected before any data is read."""

    exit_code, code = 2, "config"


class DataError(HydrarecError):
    """A ratings file that cannot be read, or data that cannot be split as requested."""

    exit_code, code = 3, "data"


class CheckpointError(HydrarecError):
    """A checkpoint or run folder that cannot be loaded or resumed."""

    exit_code, code = 4, "checkpoint"


class EnvironmentFault(HydrarecError):
    """A fault of disk, permissions, memory, network or device."""

    exit_code, code = 6, "environment"


class DiskFullError(EnvironmentFault):
    """No room left on a disk, or in a quota: whatever writes there next fails too."""

    code = "disk_full"

    @classmethod
    def of(cls, error: OSError) -> DiskFullError:
        return cls(
            f"{DISK_FULL.get(error.errno or 0, 'no room')}: {error.filename or 'an open file or stream'}",
            expected="room to write",
            fix="free some space, or output_dir=<another folder>",
            file=error.filename,
        )


class DivergedError(HydrarecError):
    """The training loss became NaN or infinite, or exploded."""

    exit_code, code = 7, "diverged"


class UserCodeError(HydrarecError):
    """An exception in a class of the user's own.

    Attributes:
        traceback: the part of it that is the user's, as text.
    """

    code = "user_code"
    traceback: str = ""

    def to_dict(self) -> dict[str, Any]:
        return {**super().to_dict(), "traceback": self.traceback}


class LostJobError(HydrarecError):
    """A sweep job whose process exited with no error message, or had to be killed."""

    code = "lost"


class PrunedRun(HydrarecError):
    """A search trial that was pruned because of its validation metric; its test part was not evaluated."""

    exit_code, code, status = 0, "pruned", "pruned"


class InterruptedRun(HydrarecError):
    """A run stopped by SIGINT, SIGTERM or SIGHUP, after its state was saved."""

    code, status = "interrupted", "interrupted"

    def __init__(self, what: str, *, signal_number: int = 2, **fields: Any) -> None:
        super().__init__(what, **fields)
        self.exit_code = 128 + signal_number  # type: ignore[misc]

    def __reduce__(self) -> tuple[Any, ...]:
        fields = {name: getattr(self, name) for name in _FIELDS}
        return _rebuild, (type(self), self.what, {**fields, "signal_number": self.exit_code - 128})


def from_dict(content: dict[str, Any]) -> HydrarecError:
    """Rebuild an error of another process from its :meth:`HydrarecError.to_dict`."""
    fields = {name: content[name] for name in _FIELDS}
    if content["code"] == InterruptedRun.code:
        return InterruptedRun(content["what"], signal_number=content["exit_code"] - 128, **fields)
    kinds = {kind.code: kind for kind in (*HydrarecError.__subclasses__(), *EnvironmentFault.__subclasses__())}
    return kinds.get(content["code"], HydrarecError)(content["what"], **fields)


def nearest(name: str, valid: Iterable[str], count: int = 3) -> list[str]:
    """The valid names closest to a misspelt one, closest first; all of them if none is close and they are few."""
    names = sorted(set(valid))
    close = difflib.get_close_matches(name, names, n=count, cutoff=0.6)
    return close or (names if len(names) <= 24 else [])


def did_you_mean(name: str, valid: Iterable[str]) -> str:
    """``one of a, b, c`` for an error's *expected* line, nearest first."""
    names = list(valid)
    close = nearest(name, names)
    if not close:
        return f"one of {len(names)} names, none of them close to '{name}'"
    return ("one of " if len(close) > 1 else "") + ", ".join(close)
