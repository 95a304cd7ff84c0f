"""The table that a reader returns: raw ids, one row per rating, in file order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from hydrarec.core.kinds import Finite

Place = tuple[Path, int]  # a file and a line in it, counted from 1 and including the header

TRAIN, VALIDATION, TEST = 0, 1, 2  # the parts of a split, also for sources that are already split


@dataclass(frozen=True, kw_only=True, eq=False)
class Columns:
    """Ratings as columns of equal length.

    Attributes:
        users, items: raw ids, int64 [N] or object (str) [N]; or their indices, int32 [N].
        ratings: float32 [N].
        timestamps: int64 [N], unix seconds; None if the source has none.
        part: int8 [N], :data:`TRAIN`, :data:`VALIDATION` or :data:`TEST`; None if the source is not split.
    """

    users: NDArray
    items: NDArray
    ratings: NDArray[np.float32]
    timestamps: NDArray[np.int64] | None = None
    part: NDArray[np.int8] | None = None

    def __len__(self) -> int:
        return len(self.ratings)

    @property
    def columns(self) -> dict[str, Any]:
        """All columns, by name."""
        return {field.name: getattr(self, field.name) for field in fields(Columns)}

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
        step: distance between neighbouring ratings; not checked.
    """

    low: Finite | None
    high: Finite | None
    step: Finite | None

    def __str__(self) -> str:
        if self.low is None and self.high is None:
            return "any range"
        return f"{'(-∞' if self.low is None else f'[{self.low}'}, {'∞)' if self.high is None else f'{self.high}]'}"


def joined(tables: Sequence[RatingTable], parts: Sequence[int]) -> RatingTable:
    """Concatenate the tables of several files; each row gets the part of its file.

    Ids stay integers only if they are integers in every file; timestamps are kept only if every file has them.
    """
    starts = np.cumsum([0, *map(len, tables)])

    def places(rows: Sequence[int]) -> list[Place]:
        owners = np.searchsorted(starts, rows, side="right") - 1
        return [tables[k].places([row - int(starts[k])])[0] for k, row in zip(owners, rows, strict=True)]

    times = [table.timestamps for table in tables if table.timestamps is not None]
    return RatingTable(
        users=_stacked([table.users for table in tables]),
        items=_stacked([table.items for table in tables]),
        ratings=np.concatenate([table.ratings for table in tables]),
        timestamps=np.concatenate(times) if len(times) == len(tables) else None,
        part=np.repeat(np.array(parts, np.int8), [len(table) for table in tables]),
        places=places,
    )


def _stacked(columns: Sequence[NDArray]) -> NDArray:
    if all(column.dtype == np.int64 for column in columns):
        return np.concatenate(columns)
    return np.concatenate([np.array([str(raw) for raw in column.tolist()], dtype=object) for column in columns])
