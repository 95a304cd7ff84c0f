"""The distribution and inequality of the numbers of ratings per user or per item."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BINS_PER_DECADE = 8


@dataclass(frozen=True)
class Activity:
    """Summary of the numbers of ratings per user or per item, with measures of inequality.

    Attributes:
        number: number of users or items.
        least, lower_quartile, median, upper_quartile, most, mean: ratings per user, or per item.
        top_1, top_10: share of all ratings held by the 1 % or 10 % (rounded, at least one) with the most ratings.
        gini: Gini coefficient of the counts: 0 if all are equal, 1 − 1/n if one of n has all ratings.
    """

    number: int
    least: int
    lower_quartile: float
    median: float
    upper_quartile: float
    most: int
    mean: float
    top_1: float
    top_10: float
    gini: float

    @classmethod
    def of(cls, counts: NDArray[np.int64]) -> Activity:
        """Summarise ratings per user or per item, int64 [n], n ≥ 1; quantiles between two counts are interpolated."""
        ascending = np.sort(counts)
        lower, median, upper = np.quantile(ascending, [0.25, 0.5, 0.75]).tolist()
        return cls(
            number=len(counts),
            least=int(ascending[0]),
            lower_quartile=lower,
            median=median,
            upper_quartile=upper,
            most=int(ascending[-1]),
            mean=float(counts.mean()),
            top_1=_share_of_top(ascending, 0.01),
            top_10=_share_of_top(ascending, 0.1),
            gini=_gini(ascending),
        )


def frequencies(counts: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The distinct counts, ascending, and how many users (or items) have each: int64 [k], int64 [k]."""
    return np.unique(counts, return_counts=True)


def log_binned(sizes: NDArray[np.int64], numbers: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Frequencies averaged over logarithmic bins: centres and means, float64 [b], without empty bins.

    Bins begin at the smallest size and at the whole numbers ⌊10^(i/8)⌋ beyond it. The mean is per
    whole number in the bin, which preserves the slope of a power law (Newman, "Power laws, Pareto distributions and
    Zipf's law", 2005, section 2); the centre is the geometric one.

    Args:
        sizes, numbers: as returned by :func:`frequencies`, sizes ≥ 1.
    """
    decades = len(str(int(sizes[-1])))  # 10^decades is beyond the largest
    powers = np.arange(decades * BINS_PER_DECADE + 1) / BINS_PER_DECADE
    edges = np.unique(np.maximum(np.floor(10**powers + 1e-9), sizes[0]))  # smaller sizes may be impossible
    sums, _ = np.histogram(sizes, edges, weights=numbers)
    centres, widths = np.sqrt(edges[:-1] * (edges[1:] - 1)), np.diff(edges)
    return centres[sums > 0], (sums / widths)[sums > 0]


def _share_of_top(ascending: NDArray[np.int64], share: float) -> float:
    top = max(1, round(share * len(ascending)))
    return float(ascending[-top:].sum() / ascending.sum())


def _gini(ascending: NDArray[np.int64]) -> float:
    """Σ_i (2i − n − 1) x_i / (n Σ x) over ascending x_1 … x_n, half the relative mean difference; in whole numbers."""
    size = len(ascending)
    weighted = int((np.arange(1 - size, size, 2) * ascending).sum())
    return weighted / (size * int(ascending.sum()))
