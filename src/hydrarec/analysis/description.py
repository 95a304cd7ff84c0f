"""Descriptive statistics of ratings: sizes, inequality, histograms, time, and a cross-tab of the densest part."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hydrarec.data.interactions import Interactions
from hydrarec.data.splits.given import EARLIEST_CLOCK

MOST_VALUES = 50  # most distinct ratings counted one by one; more go into this many bins
MOST_PERIODS = 400  # in a count over time: the finest that stays legible
UNITS = (("second", "s"), ("minute", "m"), ("hour", "h"), ("day", "D"), ("month", "M"), ("year", "Y"))


@dataclass(frozen=True)
class Bars:
    """Histogram of ratings, by value or by interval.

    Attributes:
        low, high: ends of the intervals, float64 [k], high excluded except in the last; equal if counted by value.
        counts: int64 [k].
        logarithmic: whether the intervals grow by a factor instead of being equally wide.
    """

    low: NDArray[np.float64]
    high: NDArray[np.float64]
    counts: NDArray[np.int64]
    logarithmic: bool

    @property
    def are_values(self) -> bool:
        return bool(np.array_equal(self.low, self.high))


@dataclass(frozen=True)
class Timeline:
    """Ratings per period.

    Attributes:
        unit: ``second`` … ``year``.
        starts: starts of consecutive periods without gaps: datetime64 [k] in the unit, UTC.
        counts: int64 [k].
    """

    unit: str
    starts: NDArray[np.datetime64]
    counts: NDArray[np.int64]


@dataclass(frozen=True)
class CrossTab:
    """The ratings of selected users for selected items.

    Attributes:
        users, items: indices, int64 [U] and [I], ascending, which is raw-id order.
        ratings: float32 [U, I], NaN if missing.
    """

    users: NDArray[np.int64]
    items: NDArray[np.int64]
    ratings: NDArray[np.float32]

    @property
    def is_empty(self) -> bool:
        return bool(np.isnan(self.ratings).all())


@dataclass(frozen=True)
class Description:
    """All descriptive statistics of a dataset.

    Attributes:
        interactions: the dataset described.
        mean, sd: mean and population standard deviation of all ratings.
        span: first and last second; None if there are no timestamps, or only row numbers in their place.
        parts: numbers of ratings for training, validation and test if the source is already split.
        per_user, per_item: numbers of ratings, int64.
        user_means, item_means: mean ratings, float64.
        most_active, most_rated: indices, most ratings first (:func:`with_most`).
    """

    interactions: Interactions
    mean: float
    sd: float
    span: tuple[int, int] | None
    parts: tuple[int, int, int] | None
    per_user: NDArray[np.int64]
    per_item: NDArray[np.int64]
    user_means: NDArray[np.float64]
    item_means: NDArray[np.float64]
    bars: Bars
    timeline: Timeline | None
    most_active: NDArray[np.int64]
    most_rated: NDArray[np.int64]
    cross_tab: CrossTab

    @property
    def density(self) -> float:
        """The share of all (user, item) pairs that are rated."""
        found = self.interactions
        return len(found) / (found.num_users * found.num_items)


STEPS = 4  # progress steps of `describe`


def describe(interactions: Interactions, *, users: int, items: int, advance: Callable[[float], None]) -> Description:
    """Compute all statistics; the cross-tab covers the ``users`` most active users and ``items`` most rated items.

    ``advance(1)`` is called after each of :data:`STEPS` steps.
    """
    ratings, times, part = interactions.ratings, interactions.seconds, interactions.part
    per_user, user_means = _per_index(interactions.users, ratings, interactions.num_users)
    per_item, item_means = _per_index(interactions.items, ratings, interactions.num_items)
    advance(1)
    bars = bars_of(ratings)
    advance(1)
    dated = times is not None and bool(times.min() >= EARLIEST_CLOCK)
    span = (int(times.min()), int(times.max())) if times is not None and dated else None
    timeline = over_time(times) if times is not None and dated else None
    advance(1)
    most_active, most_rated = with_most(per_user, users), with_most(per_item, items)
    table = cross_tab(interactions, most_active, most_rated)
    advance(1)
    return Description(
        interactions=interactions,
        mean=float(ratings.mean(dtype=np.float64)),
        sd=float(ratings.std(dtype=np.float64)),
        span=span,
        parts=None if part is None else tuple(np.bincount(part, minlength=3).tolist()),
        per_user=per_user,
        per_item=per_item,
        user_means=user_means,
        item_means=item_means,
        bars=bars,
        timeline=timeline,
        most_active=most_active,
        most_rated=most_rated,
        cross_tab=table,
    )


def with_most(counts: NDArray[np.int64], number: int) -> NDArray[np.int64]:
    """The indices with the largest counts, largest first; ties go to the smaller index, hence the smaller raw id.

    int64 [number], or fewer if there are not enough.
    """
    return np.argsort(-counts, kind="stable")[:number]


def bars_of(ratings: NDArray[np.float32]) -> Bars:
    """Histogram by value if there are at most :data:`MOST_VALUES` values, else with that many intervals.

    The intervals go from minimum to maximum. They have equal width, or equal ratio if the ratings are
    :func:`widely_spread`, as play counts are.
    """
    values, counts = np.unique(ratings, return_counts=True)
    low, high = float(values[0]), float(values[-1])
    if len(values) <= MOST_VALUES:
        exact = values.astype(np.float64)
        return Bars(exact, exact, counts, logarithmic=False)
    logarithmic = widely_spread(low, high)
    edges = (np.geomspace if logarithmic else np.linspace)(low, high, MOST_VALUES + 1)
    counts, _ = np.histogram(ratings, edges)
    return Bars(edges[:-1], edges[1:], counts, logarithmic)


def widely_spread(low: float, high: float) -> bool:
    """Whether values from ``low`` to ``high`` need a logarithmic scale: they span three decades or more."""
    return 0 < low * 1000 <= high


def over_time(timestamps: NDArray[np.int64]) -> Timeline:
    """Ratings per second, minute … or year: the finest unit that gives at most :data:`MOST_PERIODS` periods, or years.

    Args:
        timestamps: unix seconds, int64 [N].
    """
    ends = np.array([timestamps.min(), timestamps.max()])
    unit, code = next((pair for pair in UNITS if np.ptp(_periods(ends, pair[1])) < MOST_PERIODS), UNITS[-1])
    first, last = _periods(ends, code).tolist()
    counts = np.bincount(_periods(timestamps, code) - first, minlength=last - first + 1)
    return Timeline(unit, np.arange(first, last + 1).astype(f"datetime64[{code}]"), counts)


def cross_tab(interactions: Interactions, users: NDArray[np.int64], items: NDArray[np.int64]) -> CrossTab:
    """The ratings of ``users``, int64 [U], for ``items``, int64 [I], both in ascending order."""
    users, items = np.sort(users), np.sort(items)
    rows = interactions.rows_of(np.repeat(users, len(items)), np.tile(items, len(users)))
    found = np.where(rows < 0, np.float32(np.nan), interactions.ratings[rows])
    return CrossTab(users, items, found.reshape(len(users), len(items)))


def _per_index(
    indices: NDArray[np.int32], ratings: NDArray[np.float32], number: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Number and mean of the ratings of each index: int64 [number], float64 [number]; each has at least one."""
    counts = np.bincount(indices, minlength=number)
    return counts, np.bincount(indices, weights=ratings, minlength=number) / counts


def _periods(seconds: NDArray[np.int64], code: str) -> NDArray[np.int64]:
    """The period of each timestamp, as a number counted from 1970: int64."""
    return seconds.astype("datetime64[s]").astype(f"datetime64[{code}]").astype(np.int64)
