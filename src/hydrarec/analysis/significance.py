"""Tests of paired differences: significance, effect size, and the smallest detectable difference.

Pure functions of arrays. Differences are paired: entry i of ``differences`` is system A minus system B on unit i (a user,
a rating, a seed).
"""

from __future__ import annotations

import functools
import math

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize, stats

Floats = NDArray[np.float64]
CHUNK = 2**21  # numbers drawn at once by the bootstrap: 16 MiB


def paired_t(differences: ArrayLike) -> float:
    """Two-sided p of Student's paired t-test (Student 1908); NaN for fewer than 2 units.

    Differences that are all equal have no noise: p is 1 if they are 0, and 0 otherwise.
    """
    values = _floats(differences)
    if len(values) < 2:
        return math.nan
    if _is_constant(values):
        return 1.0 if values[0] == 0 else 0.0
    return float(stats.ttest_1samp(values, 0.0).pvalue)


def welch_t(first: ArrayLike, second: ArrayLike) -> float:
    """Two-sided p of Welch's t-test for unpaired samples (Welch 1947); NaN if one has fewer than 2 values."""
    a, b = _floats(first), _floats(second)
    if min(len(a), len(b)) < 2:
        return math.nan
    if _is_constant(a) and _is_constant(b):
        return 1.0 if a[0] == b[0] else 0.0
    return float(stats.ttest_ind(a, b, equal_var=False).pvalue)


def wilcoxon(differences: ArrayLike) -> float:
    """Two-sided p of Wilcoxon's signed-rank test (Wilcoxon 1945), zeros excluded; 1 if all are zero.

    Exact for up to 50 units without ties, else by normal approximation, as in scipy.
    """
    values = _floats(differences)
    if len(values) < 2:
        return math.nan
    if not values.any():
        return 1.0
    return float(stats.wilcoxon(values).pvalue)


def bootstrap_interval(differences: ArrayLike, *, level: float, resamples: int, seed: int) -> tuple[float, float]:
    """Percentile interval of the mean over resampled units (Efron & Tibshirani 1993, ch. 13).

    ``level``: coverage, in (0, 1). The same seed gives the same interval.
    """
    values = _floats(differences)
    generator = np.random.default_rng(seed)
    count = len(values)
    step = max(1, CHUNK // count)
    means = np.empty(resamples)
    for start in range(0, resamples, step):
        size = min(step, resamples - start)
        means[start : start + size] = values[generator.integers(0, count, (size, count))].mean(axis=1)
    low, high = np.percentile(means, [50 * (1 - level), 50 * (1 + level)])
    return float(low), float(high)


def random_blocks(differences: ArrayLike, *, most: int, seed: int) -> Floats:
    """Means of at most ``most`` random blocks of equal size; the units themselves if there are no more than that.

    For the bootstrap of the mean, blocks suffice: their smaller variance offsets their smaller number exactly, and
    millions of ratings would take minutes. Less than a block of units, drawn at random, is left out.
    """
    values = _floats(differences)
    if len(values) <= most:
        return values
    size = math.ceil(len(values) / most)
    shuffled = np.random.default_rng(seed).permutation(values)
    blocks: Floats = shuffled[: len(values) // size * size].reshape(-1, size).mean(axis=1)
    return blocks


def effect_size(differences: ArrayLike) -> float:
    """Cohen's d of paired differences, mean / standard deviation (Cohen 1988); NaN if constant."""
    values = _floats(differences)
    if len(values) < 2 or _is_constant(values):
        return math.nan
    return float(values.mean() / values.std(ddof=1))


def smallest_detectable(differences: ArrayLike, *, alpha: float, power: float) -> float:
    """The smallest true mean that a two-sided paired t-test with equal size and noise detects with this ``power``.

    In the unit of the differences; NaN for fewer than 2 units.
    """
    values = _floats(differences)
    if len(values) < 2:
        return math.nan
    return _detectable_effect(len(values), alpha, power) * float(values.std(ddof=1))


@functools.lru_cache(maxsize=1024)
def _detectable_effect(count: int, alpha: float, power: float) -> float:
    upper = 1 / math.sqrt(count)
    while power_of(upper, count, alpha) < power:
        upper *= 2
    return float(optimize.brentq(lambda effect: power_of(effect, count, alpha) - power, 0.0, upper, xtol=1e-13))


def power_of(effect: float, count: int, alpha: float) -> float:
    """The probability that a two-sided paired t-test on ``count`` units detects ``effect`` (Cohen's d)."""
    freedom = count - 1
    critical = stats.t.isf(alpha / 2, freedom)
    shift = effect * math.sqrt(count)
    # Lower tail by symmetry: computed directly, it is NaN far out.
    return float(stats.nct.sf(critical, freedom, shift) + stats.nct.sf(critical, freedom, -shift))


def _is_constant(values: Floats) -> bool:
    """Whether all values are equal up to rounding: rounding errors of equal differences are not noise."""
    return bool(np.ptp(values) <= 1e-14 * max(1.0, float(np.abs(values).max())))


def _floats(values: ArrayLike) -> Floats:
    return np.asarray(values, dtype=np.float64)
