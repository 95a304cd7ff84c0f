"""What a reader hands on: ratings with raw ids, one row per rating, in the file's own order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Place = tuple[Path, int]  # a file and a line in it, counted from 1 and including the header

TRAIN, VALIDATION, TEST = 0, 1, 2  # the values of a row's part, where the source itself says what is for training


@dataclass(frozen=True)
class RatingTable:
    """Ratings as they were read.

    Attributes:
        users, items: raw ids, int64 [N] or object (str) [N].
        ratings: float32 [N].
        timestamps: int64 [N], unix seconds; None if the file has none.
        part: int8 [N], :data:`TRAIN`, :data:`VALIDATION` or :data:`TEST`; None if the source does not say.
        places: tells for some row numbers where in the files they stand; called only to word an error.
    """

    users: NDArray
    items: NDArray
    ratings: NDArray[np.float32]
    timestamps: NDArray[np.int64] | None
    part: NDArray[np.int8] | None
    places: Callable[[Sequence[int]], list[Place]]

    def __len__(self) -> int:
        return len(self.ratings)


@dataclass(frozen=True)
class ItemTexts:
    """Titles and genres by raw item id, as a catalogue file gives them; genres read ``Action|Comedy``."""

    titles: dict[int | str, str]
    genres: dict[int | str, str]


@dataclass(frozen=True)
class Scale:
    """The ratings that a dataset allows; None where it is taken from the data.

    Args:
        low, high: the ends, both allowed.
        step: the distance between two neighbouring ratings, for the record.
    """

    low: float | None
    high: float | None
    step: float | None

    def __str__(self) -> str:
        low, high = ("-∞" if self.low is None else self.low), ("∞" if self.high is None else self.high)
        return f"[{low}, {high}]"


def joined(tables: Sequence[RatingTable], parts: Sequence[int]) -> RatingTable:
    """Several files of one dataset as one table; each row remembers which part its file was.

    Ids stay integers only if they are integers in every file; timestamps survive only if every file has them.
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
        part=np.concatenate([np.full(len(t), part, np.int8) for t, part in zip(tables, parts, strict=True)]),
        places=places,
    )


def _stacked(columns: Sequence[NDArray]) -> NDArray:
    if all(column.dtype == np.int64 for column in columns):
        return np.concatenate(columns)
    return np.concatenate([np.array([str(raw) for raw in column.tolist()], dtype=object) for column in columns])
