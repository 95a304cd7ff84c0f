"""Item biases against plain mean ratings: what a model adds to the average, and where it disagrees."""

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
    """Items that bias and mean rating place furthest apart, by :func:`rank_gap`.

    Attributes:
        raised: items that their bias ranks above their mean rating, widest gap first, int64 [≤ k].
        lowered: items that it ranks below, widest gap first, int64 [≤ k].
        gap: of every item, float64 [n]; NaN for those not compared.
    """

    raised: Indices
    lowered: Indices
    gap: Floats


def best_and_worst(biases: Floats, counts: NDArray, *, top_n: int, k: int) -> Extremes:
    """The ``k`` items of lowest (worst) and highest (best) bias among the ``top_n`` most rated; ties by index.

    ``biases``: float64 [n], in the scale's unit. ``counts``: ratings per item, integer [n].
    """
    return extremes(_only(biases, most_rated(counts, top_n)), counts, k=k, min_ratings=1)


def rank_gap(biases: Floats, means: Floats, counts: NDArray, *, top_n: int) -> Floats:
    """Percentile rank by bias minus percentile rank by mean rating, both among the ``top_n`` most rated: float64 [n].

    From −1 to 1: +0.3 means that the bias places an item above 30 % more of the others than its mean rating does. Ties
    share their average rank. NaN for items outside, or without a mean (``means``: float64 [n]).
    """
    chosen = most_rated(counts, top_n)
    chosen = chosen[~np.isnan(means[chosen]) & ~np.isnan(biases[chosen])]
    gap = np.full(len(biases), np.nan)
    difference = stats.rankdata(biases[chosen]) - stats.rankdata(means[chosen])
    gap[chosen] = difference / max(1, len(chosen) - 1)
    return gap


def disagreements(biases: Floats, means: Floats, counts: NDArray, *, top_n: int, k: int) -> Disagreements:
    """The ``k`` widest gaps either way; an item that both rank alike is in neither list."""
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
