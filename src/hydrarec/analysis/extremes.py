"""Item selection: the most rated items, and those at both ends of a scale."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]


class Extremes(NamedTuple):
    """Item indices, int64 [k] each: ``lowest`` in ascending order of value, ``highest`` in descending order."""

    lowest: Indices
    highest: Indices


def most_rated(counts: NDArray, top_n: int) -> Indices:
    """The ``top_n`` items with the most ratings (``counts``: integer [n]), most first, ties by index: int64 [≤ top_n].

    Items without ratings are never included.
    """
    order = np.argsort(-np.asarray(counts, np.int64), kind="stable")[:top_n]
    found: Indices = order[np.asarray(counts)[order] > 0]
    return found


def extremes(values: Floats, counts: NDArray, *, k: int, min_ratings: int) -> Extremes:
    """The ``k`` lowest and ``k`` highest items by ``values``, float64 [n], among those with at least ``min_ratings``.

    ``counts``: ratings per item, integer [n]. Ties go by index, the smaller first in either list. Items with value NaN
    are excluded. If fewer than 2k are eligible, each list gets half of them, so that no item is in both.
    """
    eligible = np.flatnonzero((np.asarray(counts) >= min_ratings) & ~np.isnan(values))
    k = min(k, len(eligible) // 2)
    upwards = eligible[np.argsort(values[eligible], kind="stable")]
    downwards = eligible[np.argsort(-values[eligible], kind="stable")]
    return Extremes(lowest=_first_not_in(upwards, k), highest=_first_not_in(downwards, k, upwards[:k]))


def _first_not_in(order: Indices, k: int, taken: Indices | None = None) -> Indices:
    """The first ``k`` of ``order`` not in ``taken``; with equal values both lists would otherwise start alike."""
    return order[:k] if taken is None else order[~np.isin(order, taken)][:k]
