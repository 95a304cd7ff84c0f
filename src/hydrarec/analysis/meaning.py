"""The meaning of components: their correlations with item attributes, with intervals.

All correlations are Pearson's r; with a flag it is the point-biserial correlation. Intervals are percentile bootstrap
intervals over items (Efron & Tibshirani 1993, ch. 13). Every attribute is tested on every component, so the p of all
rows are corrected together (Holm 1979).
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from hydrarec.analysis.attributes import Attributes
from hydrarec.analysis.multiple_testing import holm

Floats = NDArray[np.float64]
CHUNK = 2**22  # bootstrap weights in memory at once: 32 MiB
SENTENCE = 5  # most attributes in a sentence


@dataclass(frozen=True)
class Correlation:
    """The correlation of one component with one attribute.

    Attributes:
        component: index, from 0.
        r: Pearson's, in [−1, 1]. low, high: its bootstrap interval.
        count: number of items with a known attribute.
        p: two-sided, from Student's t with count − 2 degrees of freedom (NaN below 3 items); holm: corrected for all rows.
        level: coverage of the interval.
    """

    component: int
    attribute: str
    r: float
    low: float
    high: float
    count: int
    p: float
    level: float
    holm: float = math.nan

    @property
    def excludes_zero(self) -> bool:
        """Whether the interval excludes 0, without correction for the other rows."""
        return self.low > 0 or self.high < 0

    @property
    def significant(self) -> bool:
        """Whether the interval excludes 0 and the corrected p is significant at the interval's level."""
        return self.excludes_zero and self.holm < 1 - self.level


def correlations(
    scores: Floats, attributes: Attributes, *, level: float, resamples: int, seed: int
) -> list[Correlation]:
    """Correlate every component with every attribute; by component, largest magnitude first.

    Args:
        scores: float64 [n, K]. attributes: of the same n items; NaN if unknown, excluded pairwise.
        level: coverage of the intervals, in (0, 1). resamples: number of bootstrap resamples. seed: their seed.

    An attribute or component that is constant over the items with both known has no correlation and gives no row. A
    resample in which it happens to be constant counts as r = 0, so that an attribute of too few items (a genre of three)
    gets an interval that includes 0.
    """
    groups = list(_groups(scores, attributes.values))
    rows = [row for group in groups for row in group.rows(attributes.names, level)]
    drawn = _bootstrap(groups, len(scores), resamples, seed)
    tails = [50 * (1 - level), 50 * (1 + level)]
    intervals = [np.percentile(part, tails, axis=0) for part in drawn]
    bounds = [
        (float(interval[0, component, place]), float(interval[1, component, place]))
        for group, interval in zip(groups, intervals, strict=True)
        for component, place in group.pairs
    ]
    rows = [dataclasses.replace(row, low=low, high=high) for row, (low, high) in zip(rows, bounds, strict=True)]
    corrected = holm([row.p for row in rows])
    rows = [dataclasses.replace(row, holm=p) for row, p in zip(rows, corrected, strict=True)]
    order = {name: place for place, name in enumerate(attributes.names)}
    return sorted(rows, key=lambda row: (row.component, -abs(row.r), order[row.attribute]))


def sentence(rows: Sequence[Correlation]) -> str:
    """Summarise one component's significant rows, strongest first: ``PC1: Drama +.41, popularity −.38``."""
    if not rows:
        return ""
    said = [f"{row.attribute} {_signed(row.r)}" for row in rows if row.significant][:SENTENCE]
    return f"PC{rows[0].component + 1}: {', '.join(said) or 'nothing beyond chance'}"


def _signed(r: float) -> str:
    """Format r with two decimals and no leading zero: ``+.41``, ``−1.00``."""
    return ("−" if r < 0 else "+") + f"{abs(r):.2f}".removeprefix("0")


@dataclass(frozen=True, eq=False)
class _Group:
    """Attributes that are known for the same items.

    ``members``: those items, int64 [m]; ``scores`` [m, K] and ``values`` [m, a], standardised over them; ``places``: the
    attributes' columns, [a]; ``pairs``: (component, position in ``places``) where both vary.
    """

    members: NDArray[np.int64]
    scores: Floats
    values: Floats
    places: NDArray[np.int64]
    pairs: list[tuple[int, int]]

    def rows(self, names: Sequence[str], level: float) -> Iterator[Correlation]:
        m = len(self.members)
        r = np.clip(self.scores.T @ self.values / m, -1.0, 1.0)
        for component, place in self.pairs:
            value = float(r[component, place])
            name = names[self.places[place]]
            yield Correlation(component, name, value, math.nan, math.nan, m, _p_of(value, m), level)

    def resampled(self, weights: Floats) -> Floats:
        """r in each resample; ``weights`` [B, n] count how often it drew each item: float64 [B, K, a]."""
        weights = weights[:, self.members]
        x, y = self.scores, self.values
        products = (x[:, :, None] * y[:, None, :]).reshape(len(x), -1)
        size = np.maximum(weights.sum(axis=1), 1.0)[:, None]
        mean_x, mean_y = weights @ x / size, weights @ y / size
        square_x, square_y = weights @ x**2 / size - mean_x**2, weights @ y**2 / size - mean_y**2
        covariance = (weights @ products / size).reshape(-1, x.shape[1], y.shape[1])
        covariance -= mean_x[:, :, None] * mean_y[:, None, :]
        spread = square_x[:, :, None] * square_y[:, None, :]
        varies = (square_x > 1e-12)[:, :, None] & (square_y > 1e-12)[:, None, :]  # of 1, as standardised
        return np.where(varies, covariance / np.sqrt(np.where(varies, spread, 1.0)), 0.0)


def _groups(scores: Floats, values: Floats) -> Iterator[_Group]:
    """Group the attributes by the items for which they are known; most are known for all."""
    patterns, group_of = np.unique(~np.isnan(values), axis=1, return_inverse=True)
    for number in range(patterns.shape[1]):
        members = np.flatnonzero(patterns[:, number])
        places = np.flatnonzero(group_of.ravel() == number)
        if len(members) < 2:
            continue
        x, x_varies = _standardised(scores[members])
        y, y_varies = _standardised(values[np.ix_(members, places)])
        pairs = [(int(k), int(a)) for k in np.flatnonzero(x_varies) for a in np.flatnonzero(y_varies)]
        yield _Group(members, x, y, places, pairs)


def _standardised(columns: Floats) -> tuple[Floats, NDArray[np.bool_]]:
    """Columns standardised to mean 0 and mean square 1 (zeros if constant), and which vary: bool [c]."""
    centred = columns - columns.mean(axis=0)
    spread = np.sqrt(np.square(centred).mean(axis=0))
    varies = spread > 1e-12 * np.maximum(np.abs(columns).max(axis=0), np.finfo(np.float64).tiny)
    return np.where(varies, centred / np.where(varies, spread, 1.0), 0.0), varies


def _bootstrap(groups: Sequence[_Group], n: int, resamples: int, seed: int) -> list[Floats]:
    """r of every group in the same resamples of the n items: float64 [resamples, K, a] each."""
    generator = np.random.default_rng(seed)
    step = max(1, CHUNK // n)
    parts: list[list[Floats]] = [[] for _ in groups]
    for start in range(0, resamples, step):
        size = min(step, resamples - start)
        drawn = generator.integers(0, n, (size, n)) + n * np.arange(size)[:, None]
        weights = np.bincount(drawn.ravel(), minlength=size * n).reshape(size, n).astype(np.float64)
        for part, group in zip(parts, groups, strict=True):
            part.append(group.resampled(weights))
    return [np.concatenate(part) for part in parts]


def _p_of(r: float, count: int) -> float:
    """Two-sided p of r over ``count`` pairs under independence (Student's t)."""
    if count < 3:
        return math.nan
    if abs(r) == 1.0:
        return 0.0
    return float(2 * stats.t.sf(abs(r) * math.sqrt((count - 2) / (1 - r * r)), count - 2))
