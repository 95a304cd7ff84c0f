"""Item attributes to correlate with embeddings: genres, release year, popularity, mean rating."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hydrarec.data.titles import release_year

Floats = NDArray[np.float64]
YEAR, POPULARITY, MEAN_RATING = "release year", "popularity", "mean rating"


@dataclass(frozen=True, eq=False)
class Attributes:
    """Item attributes to correlate with components: ``names`` [A] and ``values``, float64 [n, A], NaN if unknown."""

    names: tuple[str, ...]
    values: Floats


def item_attributes(
    titles: Sequence[str] | None, genres: Sequence[str] | None, counts: NDArray, means: Floats
) -> Attributes:
    """The known attributes of n items: genre flags (0 or 1), release year, log(1 + number of ratings), mean rating.

    ``titles``, ``genres`` (``Action|Comedy``): [n] or None. ``counts``: ratings per item, integer [n]; ``means``: float64
    [n], NaN for items without ratings.
    """
    names: list[str] = []
    columns: list[NDArray] = []
    if genres is not None:
        flagged, flags = genre_flags(genres)
        names += flagged
        columns += list(flags.T)
    if titles is not None:
        names.append(YEAR)
        columns.append(release_years(titles))
    names += [POPULARITY, MEAN_RATING]
    columns += [np.log1p(counts), means]
    return Attributes(tuple(names), np.column_stack(columns).astype(np.float64))


def release_years(titles: Sequence[str]) -> Floats:
    """The release year in each title, NaN if there is none: float64 [n]."""
    years = (release_year(title) for title in titles)
    return np.array([np.nan if year is None else year for year in years], np.float64)


def genre_flags(genres: Sequence[str]) -> tuple[tuple[str, ...], NDArray[np.bool_]]:
    """The sorted genres in ``genres`` (each ``Action|Comedy``, empty if unknown), and flags per item: bool [n, G]."""
    parts = [[part.strip() for part in text.split("|") if part.strip()] for text in genres]
    names = sorted({name for named in parts for name in named})
    column = {name: place for place, name in enumerate(names)}
    flags = np.zeros((len(genres), len(names)), np.bool_)
    rows = [row for row, named in enumerate(parts) for _ in named]
    flags[rows, [column[name] for named in parts for name in named]] = True
    return tuple(names), flags
