"""Which items may be recommended, by genre, year and number of ratings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hydrarec.core.errors import DataError, did_you_mean
from hydrarec.data.titles import release_year
from hydrarec.runs.run_data import RunData

SEPARATOR = "|"  # between an item's genres
Mask = NDArray[np.bool_]


class Selection(NamedTuple):
    """``allowed``: bool [num_items]. ``notes``: remarks for the reader, a sentence each."""

    allowed: Mask
    notes: tuple[str, ...]

    @property
    def excluded(self) -> NDArray[np.int64]:
        """Item indices, int64 [m]."""
        return np.flatnonzero(~self.allowed)


def select_items(
    data: RunData,
    *,
    genres: Sequence[str] | None,
    not_genres: Sequence[str] | None,
    years: tuple[int, int] | None,
    min_ratings: int,
) -> Selection:
    """Items of any of ``genres`` and none of ``not_genres``, from ``years`` (inclusive), with enough ratings.

    Genres ignore case. Years come from titles, ``(1995)``; ratings are those of the training part.

    Raises:
        DataError: a genre does not occur, or the data have no genres or no titles.
    """
    allowed = data.item_counts >= min_ratings if min_ratings else np.ones(data.num_items, np.bool_)
    notes: list[str] = []
    if genres:
        allowed &= _has_any(data, genres, "genres")
    if not_genres:
        allowed &= ~_has_any(data, not_genres, "not_genres")
    if years is not None:
        stated = _years(data)
        allowed &= (stated >= years[0]) & (stated <= years[1])
        undated = int((stated == 0).sum())
        if undated:
            notes.append(f"left out, since their titles give no year: {undated:,} items")
    if not allowed.all():
        notes.insert(0, f"the filters keep {int(allowed.sum()):,} of {data.num_items:,} items")
    return Selection(allowed, tuple(notes))


def _has_any(data: RunData, names: Sequence[str], setting: str) -> Mask:
    if data.genres is None:
        raise DataError(f"{setting}: the items of {data.name} have no genres", fix=f"leave out {setting}")
    of_items = [{genre.casefold() for genre in text.split(SEPARATOR)} for text in data.genres]
    known = {genre.casefold(): genre for text in data.genres for genre in text.split(SEPARATOR) if genre}
    for name in names:
        if name.casefold() not in known:
            raise DataError(
                f"{setting}: there is no genre '{name}' in {data.name}",
                expected=did_you_mean(name.capitalize(), known.values()),
                fix=f"{setting}=[<one of these>]",
                value=name,
            )
    asked = {name.casefold() for name in names}
    return np.array([not asked.isdisjoint(own) for own in of_items])


def _years(data: RunData) -> NDArray[np.int64]:
    """int64 [num_items]; 0 where a title gives none."""
    if data.titles is None:
        raise DataError(f"years: the items of {data.name} have no titles to take years from", fix="leave out years")
    return np.array([release_year(title) or 0 for title in data.titles])
