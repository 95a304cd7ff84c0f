"""Collects rows that cannot be read, then reports them in one error or drops and counts them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from hydrarec.core.errors import DataError
from hydrarec.data.table import Place, RatingTable, Scale

log = logging.getLogger(__name__)

# How ids are read. "auto": as integers if all of them are, else as strings; "string": as unchanged text;
# "integer": integers only, for published files, in which anything else is an error.
Ids = Literal["auto", "string", "integer"]
OnBadRows = Literal["error", "drop"]
SHOWN = 3  # places listed in an error; further ones are only counted


@dataclass(frozen=True)
class Rules:
    """Validation rules for files: rating scale, kind of ids, and policy for bad rows."""

    scale: Scale
    ids: Ids
    on_bad_rows: OnBadRows


@dataclass(frozen=True)
class Fault:
    """One fault in one row: ``column 'rating' = 'good' is not a number``."""

    row: int
    column: str
    value: str
    complaint: str
    expected: str
    fix: str = "correct the line"

    @property
    def what(self) -> str:
        """The fault in words, for an error message."""
        shown = self.value if len(self.value) <= 60 else self.value[:57] + "…"
        return f"column '{self.column}' = {shown!r} {self.complaint}"

    @property
    def plain_value(self) -> str:
        """The value without bytes that are no text, which no file could hold."""
        return self.value.encode("utf-8", "backslashreplace").decode()


@dataclass
class Faults:
    """The faults in one file: all bad rows, and the first fault of each kind in full.

    Args:
        num_rows: rows of the table.

    Attributes:
        notes: what the user should know of how the file was read; logged if it is read after all.
    """

    num_rows: int
    first: list[Fault] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.bad: NDArray[np.bool_] = np.zeros(self.num_rows, bool)

    def add(self, bad: NDArray[np.bool_], describe: Callable[[int], Fault]) -> None:
        """Mark the rows in the mask ``bad``, bool [num_rows]; ``describe`` returns the fault of one row."""
        rows = np.flatnonzero(bad)
        if len(rows):
            self.bad |= bad
            self.first.append(describe(int(rows[0])))

    def settle(self, table: RatingTable, policy: OnBadRows) -> RatingTable:
        """The table without its bad rows.

        Raises:
            DataError: there are bad rows and the policy is ``error``.
        """
        rows = np.flatnonzero(self.bad)
        if not len(rows):
            self._log_notes()
            return table
        fault = min(self.first, key=lambda fault: fault.row)
        where = table.places(rows[:SHOWN].tolist())
        if policy == "error":
            raise bad_rows(
                fault.what,
                fault.expected,
                where,
                len(rows),
                column=fault.column,
                value=fault.plain_value,
                fix=fault.fix,
            )
        self._log_notes()
        warn_dropped(len(rows), where, fault.what)
        return table.at(np.flatnonzero(~self.bad))

    def _log_notes(self) -> None:
        for note in self.notes:
            log.warning("%s", note)


def warn_dropped(count: int, where: Sequence[Place], what: str) -> None:
    """Log the number of dropped rows, and the first of them."""
    file, line = where[0]
    log.warning("%s: %s dropped, the first in line %d: %s", file, _number_of_rows(count), line, what)


def bad_rows(
    what: str,
    expected: str,
    where: Sequence[Place],
    count: int,
    *,
    column: str | None,
    value: str,
    fix: str = "correct the line",
) -> DataError:
    """The error for ``count`` bad rows; ``where`` holds the places of the first few."""
    others = ", ".join(str(line) for _, line in where[1:])
    if others:
        what += f" (also line{'s' if len(where) > 2 else ''} {others}; {_number_of_rows(count)} in all)"
    return DataError(
        what,
        expected=expected,
        fix=f"{fix}, or dataset.on_bad_rows=drop: {_number_of_rows(count)} would be dropped",
        file=where[0][0],
        line=where[0][1],
        column=column,
        value=value,
    )


def _number_of_rows(count: int) -> str:
    return f"{count:,} row{'' if count == 1 else 's'}"
