"""Item biases compared with plain mean ratings, and the items on which they disagree."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from hydrarec.analysis.extremes import Extremes, extremes, most_rated

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Disagreements:
    """Items whose ranks by bias and by mean rating differ most, by :func:`rank_gap`.

    Attributes:
        raised: items ranked higher by bias than by mean rating, widest gap first, int64 [≤ k].
        lowered: items ranked lower by bias, widest gap first, int64 [≤ k].
        gap: rank gap of every item, float64 [n]; NaN for those not compared.
    """

    raised: Indices
    lowered: Indices
    gap: Floats


def best_and_worst(biases: Floats, counts: NDArray, *, top_n: int, k: int) -> Extremes:
    """The ``k`` items with the lowest (worst) and highest (best) bias among the ``top_n`` most rated; ties by index.

    ``biases``: float64 [n], in the scale's unit. ``counts``: ratings per item, integer [n].
    """
    return extremes(_only(biases, most_rated(counts, top_n)), counts, k=k, min_ratings=1)


def rank_gap(biases: Floats, means: Floats, counts: NDArray, *, top_n: int) -> Floats:
    """Percentile rank by bias minus percentile rank by mean rating, both among the ``top_n`` most rated: float64 [n].

    From −1 to 1: +0.3 means that the bias ranks an item above 30 % more of the others than its mean rating does. Ties
    share their average rank. NaN for items outside the ``top_n`` or without a mean (``means``: float64 [n]).
    """
    chosen = most_rated(counts, top_n)
    chosen = chosen[~np.isnan(means[chosen]) & ~np.isnan(biases[chosen])]
    gap = np.full(len(biases), np.nan)
    difference = stats.rankdata(biases[chosen]) - stats.rankdata(means[chosen])
    gap[chosen] = difference / max(1, len(chosen) - 1)
    return gap


def disagreements(biases: Floats, means: Floats, counts: NDArray, *, top_n: int, k: int) -> Disagreements:
    """The items with the ``k`` widest gaps in each direction; an item with equal ranks is in neither list."""
    gap = rank_gap(biases, means, counts, top_n=top_n)
    upwards = np.flatnonzero(gap > 0)
    downwards = np.flatnonzero(gap < 0)
    return Disagreements(
        raised=upwards[np.argsort(-gap[upwards], kind="stable")][:k],
        lowered=downwards[np.argsort(gap[downwards], kind="stable")][:k],
        gap=gap,
    )


def _only(values: Floats, chosen: Indices) -> Floats:
    """``values``, NaN outside ``chosen``."""
    kept = np.full(len(values), np.nan)
    kept[chosen] = values[chosen]
    return kept
