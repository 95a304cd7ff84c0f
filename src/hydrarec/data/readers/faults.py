"""Rows that cannot be read: collected, then reported in one error, or dropped and counted."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from hydrarec.core.errors import DataError
from hydrarec.data.table import Place

log = logging.getLogger(__name__)

OnBadRows = Literal["error", "drop"]
SHOWN = 3  # places that an error names; the rest is a number


@dataclass(frozen=True)
class Fault:
    """One thing wrong with one row: ``column 'rating' = 'good' is not a number``."""

    row: int
    column: str
    value: str
    complaint: str
    expected: str

    @property
    def what(self) -> str:
        shown = self.value if len(self.value) <= 60 else self.value[:57] + "…"
        return f"column '{self.column}' = {shown!r} {self.complaint}"


@dataclass
class Faults:
    """The faults of one file, first of each column kept in full, all of them as a set of rows.

    Args:
        num_rows: rows of the table they point into.
    """

    num_rows: int
    first: list[Fault] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.bad: NDArray[np.bool_] = np.zeros(self.num_rows, bool)

    def add(self, bad: NDArray[np.bool_], describe: Callable[[int], Fault]) -> None:
        """Mark rows as bad, ``bad`` being bool [num_rows]; ``describe`` words the fault of one of them."""
        rows = np.flatnonzero(bad)
        if len(rows):
            self.bad |= bad
            self.first.append(describe(int(rows[0])))

    def settle(self, policy: OnBadRows, places: Callable[[Sequence[int]], list[Place]]) -> NDArray[np.bool_] | None:
        """The rows to keep, bool [N], or None for all.

        Raises:
            DataError: there are faults and the policy is ``error``.
        """
        rows = np.flatnonzero(self.bad)
        if not len(rows):
            return None
        fault = min(self.first, key=lambda fault: fault.row)
        where = places(rows[:SHOWN].tolist())
        if policy == "error":
            raise bad_rows(fault.what, fault.expected, where, len(rows), column=fault.column, value=fault.value)
        report_dropped(len(rows), where, fault.what)
        return ~self.bad


def report_dropped(count: int, where: Sequence[Place], what: str) -> None:
    file, line = where[0]
    log.warning("%s: %s dropped, the first in line %d: %s", file, counted(count), line, what)


def bad_rows(
    what: str, expected: str, where: Sequence[Place], count: int, *, column: str | None, value: str
) -> DataError:
    """The error for ``count`` bad rows of which ``where`` gives the first few."""
    others = ", ".join(str(line) for _, line in where[1:])
    if others:
        what += f" (also line{'s' if len(where) > 2 else ''} {others}; {counted(count)} in all)"
    return DataError(
        what,
        expected=expected,
        fix=f"correct the line, or dataset.on_bad_rows=drop: {counted(count)} would be dropped",
        file=where[0][0],
        line=where[0][1],
        column=column,
        value=value,
    )


def counted(count: int) -> str:
    return f"{count:,} row{'' if count == 1 else 's'}"
