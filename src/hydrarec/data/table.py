"""The table that a reader returns: raw ids, one row per rating, in file order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from hydrarec.core.errors import DataError
from hydrarec.core.kinds import Finite

Place = tuple[Path, int]  # a file and a line in it, counted from 1 and including the header

TimeUnit = Literal["s", "ms", "us", "ns"]
DECIMALS: dict[TimeUnit, int] = {"s": 0, "ms": 3, "us": 6, "ns": 9}  # of a second
COLUMNS = ("users", "items", "ratings", "timestamps", "part")

TRAIN, VALIDATION, TEST = 0, 1, 2  # the parts of a split, also for sources that are already split


@dataclass(frozen=True, kw_only=True, eq=False)
class Columns:
    """Ratings as columns of equal length.

    Attributes:
        users, items: raw ids, int64 [N] or object (str) [N]; or their indices, int32 [N].
        ratings: float32 [N].
        timestamps: int64 [N], unix time in ``time_unit``; None if the source has none.
        part: int8 [N], :data:`TRAIN`, :data:`VALIDATION` or :data:`TEST`; None if the source is not split.
        time_unit: the finest unit that occurs in the source, so that only equal times are ties.
    """

    users: NDArray
    items: NDArray
    ratings: NDArray[np.float32]
    timestamps: NDArray[np.int64] | None = None
    part: NDArray[np.int8] | None = None
    time_unit: TimeUnit = "s"

    def __len__(self) -> int:
        return len(self.ratings)

    @property
    def columns(self) -> dict[str, Any]:
        """All columns, by name."""
        return {name: getattr(self, name) for name in COLUMNS}

    @property
    def seconds(self) -> NDArray[np.int64] | None:
        """The timestamps in whole unix seconds, int64 [N]; None if there are none."""
        if self.timestamps is None or self.time_unit == "s":
            return self.timestamps
        return self.timestamps // 10 ** DECIMALS[self.time_unit]

    def at(self, rows: NDArray, **changed: Any) -> Self:
        """A copy with only the given rows and with ``changed`` attributes."""
        columns = {name: None if column is None else column[rows] for name, column in self.columns.items()}
        return replace(self, **{**columns, **changed})


@dataclass(frozen=True, kw_only=True, eq=False)
class RatingTable(Columns):
    """Ratings as read from the files.

    Attributes:
        places: maps row numbers to places in the files; called only to write an error message.
    """

    places: Callable[[Sequence[int]], list[Place]]

    def at(self, rows: NDArray, **changed: Any) -> Self:
        """A copy with only the given rows; their places are kept."""
        return super().at(rows, places=lambda numbers: self.places(rows[list(numbers)].tolist()), **changed)


@dataclass(frozen=True)
class ItemTexts:
    """Titles and genres by raw item id, as a catalogue file lists them; genres read ``Action|Comedy``."""

    titles: dict[int | str, str]
    genres: dict[int | str, str]


@dataclass(frozen=True)
class Scale:
    """The rating scale of a dataset; None: taken from the data.

    Args:
        low, high: lowest and highest rating allowed.
        step: distance between neighbouring ratings; a rating between two steps is read with a warning.
    """

    low: Finite | None
    high: Finite | None
    step: Finite | None

    def ends(self, ratings: NDArray[np.float32]) -> tuple[float, float]:
        """Lowest and highest rating allowed; an end that is not declared is taken from the ratings, float32 [n]."""
        low = float(ratings.min()) if self.low is None else float(self.low)
        high = float(ratings.max()) if self.high is None else float(self.high)
        return low, high

    def __str__(self) -> str:
        return f"{'(-∞' if self.low is None else f'[{self.low}'}, {'∞)' if self.high is None else f'{self.high}]'}"


def joined(tables: Sequence[RatingTable], parts: Sequence[int]) -> RatingTable:
    """Concatenate the tables of several files; each row gets the part of its file.

    Ids stay integers only if they are integers in every file; timestamps are kept only if every file has them.
    """
    starts = np.cumsum([0, *map(len, tables)])

    def places(rows: Sequence[int]) -> list[Place]:
        owners = np.searchsorted(starts, rows, side="right") - 1
        return [tables[k].places([row - int(starts[k])])[0] for k, row in zip(owners, rows, strict=True)]

    unit = max((table.time_unit for table in tables), key=DECIMALS.__getitem__)
    times = [in_unit(table, unit) for table in tables if table.timestamps is not None]
    return RatingTable(
        users=_stacked([table.users for table in tables]),
        items=_stacked([table.items for table in tables]),
        ratings=np.concatenate([table.ratings for table in tables]),
        timestamps=np.concatenate(times) if len(times) == len(tables) else None,
        time_unit=unit,
        part=np.repeat(np.array(parts, np.int8), [len(table) for table in tables]),
        places=places,
    )


def in_unit(table: Columns, unit: TimeUnit) -> NDArray[np.int64]:
    """The timestamps in a unit as fine as their own or finer: int64 [N].

    Raises:
        DataError: a time lies too far in the future for this unit.
    """
    assert table.timestamps is not None
    factor = 10 ** (DECIMALS[unit] - DECIMALS[table.time_unit])
    if factor > 1 and len(table) and table.timestamps.max() > np.iinfo(np.int64).max // factor:
        what = f"a time lies too far in the future to be kept in {unit}, the unit of another file"
        raise DataError(what, expected="times before the year 2262", fix="correct the times", file=None)
    return table.timestamps * factor if factor > 1 else table.timestamps


def coarsest(timestamps: NDArray[np.int64], unit: TimeUnit) -> tuple[NDArray[np.int64], TimeUnit]:
    """The same times in the coarsest unit that holds all of them, which does not depend on how they were written."""
    units = list(DECIMALS)
    while unit != "s" and not (timestamps % 1000).any():
        timestamps, unit = timestamps // 1000, units[units.index(unit) - 1]
    return timestamps, unit


def _stacked(columns: Sequence[NDArray]) -> NDArray:
    if all(column.dtype == np.int64 for column in columns):
        return np.concatenate(columns)
    return np.concatenate([np.array([str(raw) for raw in column.tolist()], dtype=object) for column in columns])
