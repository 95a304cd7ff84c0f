"""Statistics of a dataset, against hand calculation and plain loops."""

from __future__ import annotations

import datetime
from collections import Counter
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tests.data.small_data import table_of

from hydrarec.analysis.activity import Activity, frequencies, log_binned
from hydrarec.analysis.description import (
    MOST_PERIODS,
    MOST_VALUES,
    STEPS,
    Description,
    bars_of,
    cross_tab,
    describe,
    over_time,
    with_most,
)
from hydrarec.data.interactions import Interactions, interactions_of
from hydrarec.data.table import Scale
from hydrarec.tasks.metrics.exposure import Exposure

Row = tuple[Any, Any, float]  # user, item, rating
ROWS: list[Row] = [(1, 10, 5), (1, 20, 4), (1, 30, 3), (2, 10, 1), (2, 20, 2), (3, 10, 5), (4, 40, 5)]
COUNTS = st.lists(st.integers(1, 50), min_size=1, max_size=40).map(np.array)
SECONDS = st.integers(631_152_000, 4_102_444_800)  # 1990 to 2100


def interactions(rows: list[Row], times: list[int] | None = None, part: list[int] | None = None) -> Interactions:
    users, items, ratings = (list(column) for column in zip(*rows, strict=True))
    table = table_of(users, items, ratings, times, part)
    return interactions_of(
        table, name="tiny", scale=Scale(low=None, high=None, step=None), duplicates="error", texts=None
    )


def described(rows: list[Row], users: int = 2, items: int = 2, **more: Any) -> Description:
    return describe(interactions(rows, **more), users=users, items=items, advance=lambda steps: None)


# -- users and items ---------------------------------------------------------------------------------------------------


def test_activity_of_five_users() -> None:
    """1, 1, 2, 4, 12: 20 ratings. Gini: (−4·1 − 2·1 + 0·2 + 2·4 + 4·12) / (5 · 20) = 50/100."""
    found = Activity.of(np.array([2, 12, 1, 4, 1]))
    assert (found.number, found.least, found.most, found.mean) == (5, 1, 12, 4.0)
    assert (found.lower_quartile, found.median, found.upper_quartile) == (1, 2, 4)
    assert (found.top_1, found.top_10) == (12 / 20, 12 / 20)  # one user at least
    assert found.gini == 0.5


def test_the_top_of_200() -> None:
    """1 … 200 sums to 20,100; 1 % are 2 users with 199 + 200; 10 % are 20 with 181 + … + 200 = 3,810."""
    found = Activity.of(np.arange(1, 201))
    assert found.top_1 == 399 / 20_100
    assert found.top_10 == 3_810 / 20_100


def test_equal_counts_have_no_gini_and_one_of_many_has_nearly_one() -> None:
    assert Activity.of(np.full(7, 3)).gini == 0
    assert Activity.of(np.array([0, 0, 0, 8])).gini == 1 - 1 / 4


@given(COUNTS)
def test_gini_is_half_the_relative_mean_difference(counts: np.ndarray) -> None:
    differences = np.abs(counts[:, None] - counts[None, :]).mean()
    assert Activity.of(counts).gini == pytest.approx(differences / (2 * counts.mean()), abs=1e-12)


def test_gini_is_that_of_the_lists_of_recommendations() -> None:
    counts = [3, 0, 1, 5]
    metric = Exposure(num_items=4, ks=[1])
    metric.update(torch.repeat_interleave(torch.arange(4), torch.tensor(counts))[:, None])
    expected = metric.compute(torch.ones(4, dtype=torch.int64))["gini@1"]
    assert Activity.of(np.array(counts)).gini == pytest.approx(float(expected))


@given(COUNTS)
def test_binned_frequencies_count_everybody(counts: np.ndarray) -> None:
    sizes, numbers = frequencies(counts)
    assert dict(zip(sizes.tolist(), numbers.tolist(), strict=True)) == Counter(counts.tolist())
    centres, means = log_binned(sizes, numbers)
    assert len(centres) == len(means)
    assert centres[0] >= sizes[0]
    assert np.all(np.diff(centres) > 0)
    assert 0 < means.max() <= numbers.max()
    if len(sizes) == 1:
        assert centres[0] == pytest.approx(sizes[0], rel=0.34)  # the centre of its bin: 10^(1/8) to either side


def test_small_sizes_have_bins_of_their_own() -> None:
    """⌊10^(i/8)⌋ is 1, 1, 1, 2, 3, 4, 5, 7, 10: 5 and 6 are the first that share a bin."""
    centres, means = log_binned(np.array([1, 2, 3, 4, 5, 6]), np.array([9, 8, 7, 6, 4, 2]))
    assert centres[:4].tolist() == [1, 2, 3, 4]
    assert means.tolist() == [9, 8, 7, 6, (4 + 2) / 2]


def test_slope_of_a_power_law_stays() -> None:
    sizes = np.arange(1, 100_000)
    centres, means = log_binned(sizes, np.maximum(1e12 / sizes**2, 1).astype(np.int64))
    wide = (centres > 30) & (centres < 50_000)
    slope, _ = np.polyfit(np.log(centres[wide]), np.log(means[wide]), 1)
    assert slope == pytest.approx(-2, abs=0.01)


# -- the most active and the most rated --------------------------------------------------------------------------------


def test_ties_fall_to_the_smaller_index() -> None:
    assert with_most(np.array([3, 5, 3, 5, 1]), 3).tolist() == [1, 3, 0]
    assert with_most(np.array([3, 5]), 9).tolist() == [1, 0]


@given(st.permutations(ROWS), st.integers(1, 4))
def test_who_is_most_active_depends_on_raw_ids_and_not_on_the_order_of_rows(rows: list[Row], number: int) -> None:
    found = described(rows, users=number, items=number)
    data = found.interactions
    for position, most, ids in ((0, found.most_active, data.user_ids), (1, found.most_rated, data.item_ids)):
        counts = Counter(row[position] for row in rows)
        expected = sorted(counts, key=lambda raw: (-counts[raw], raw))[:number]
        assert ids.raw[most].tolist() == expected


def test_ids_that_are_text_tie_in_the_order_of_text() -> None:
    rows: list[Row] = [("9", "x", 1), ("10", "x", 1), ("a", "y", 1)]
    found = described(rows, users=2)
    assert found.interactions.user_ids.raw[found.most_active].tolist() == ["10", "9"]


@given(st.lists(st.sampled_from(ROWS), min_size=1, unique=True), st.integers(1, 5), st.integers(1, 5))
def test_cross_tab_holds_the_ratings_and_nothing_else(rows: list[Row], users: int, items: int) -> None:
    found = described(rows, users=users, items=items)
    ratings = {(user, item): rating for user, item, rating in rows}
    table, data = found.cross_tab, found.interactions
    assert table.ratings.shape == (min(users, data.num_users), min(items, data.num_items))
    for row, user in enumerate(data.user_ids.raw[table.users].tolist()):
        for column, item in enumerate(data.item_ids.raw[table.items].tolist()):
            expected = ratings.get((user, item), np.nan)
            assert table.ratings[row, column] == expected or (
                np.isnan(expected) and np.isnan(table.ratings[row, column])
            )


def test_cross_tab_stands_in_the_order_of_ids() -> None:
    table = cross_tab(interactions(ROWS), np.array([2, 0]), np.array([3, 0]))
    assert (table.users.tolist(), table.items.tolist()) == ([0, 2], [0, 3])
    assert table.ratings[:, 0].tolist() == [5, 5]
    assert not table.is_empty
    assert cross_tab(interactions(ROWS), np.array([2]), np.array([3])).is_empty


# -- ratings -----------------------------------------------------------------------------------------------------------


def test_sizes_mean_and_spread() -> None:
    """5 + 4 + 3 + 1 + 2 + 5 + 5 = 25; their squares 105; variance 105/7 − (25/7)²; 4 × 4 pairs."""
    found = described(ROWS)
    assert found.mean == pytest.approx(25 / 7)
    assert found.sd == pytest.approx((15 - (25 / 7) ** 2) ** 0.5)
    assert found.density == 7 / 16
    assert found.per_user.tolist() == [3, 2, 1, 1]
    assert found.per_item.tolist() == [3, 2, 1, 1]
    assert found.user_means.tolist() == [4, 1.5, 5, 5]
    assert found.item_means.tolist() == [pytest.approx(11 / 3), 3, 3, 5]
    assert found.span is None
    assert found.parts is None


def test_each_step_is_announced() -> None:
    advanced: list[float] = []
    describe(interactions(ROWS), users=1, items=1, advance=advanced.append)
    assert sum(advanced) == STEPS


def test_parts_that_the_source_brings_are_counted() -> None:
    assert described(ROWS, part=[0, 0, 2, 0, 2, 2, 0]).parts == (4, 0, 3)


def test_few_values_are_counted_each() -> None:
    bars = bars_of(np.array([3, 0.5, 3, 5], np.float32))
    assert bars.are_values
    assert bars.low.tolist() == [0.5, 3, 5]
    assert bars.counts.tolist() == [1, 2, 1]


def test_many_values_are_counted_in_intervals_of_equal_width() -> None:
    bars = bars_of(np.linspace(0, 100, 5001, dtype=np.float32))
    assert not bars.are_values
    assert not bars.logarithmic
    assert np.allclose(bars.high - bars.low, 100 / MOST_VALUES)
    assert np.allclose(bars.counts, 100, atol=1)
    assert bars.counts.sum() == 5001


def test_counts_of_plays_are_counted_in_intervals_of_equal_ratio() -> None:
    bars = bars_of(np.geomspace(1, 1e5, 5001).astype(np.float32))
    assert bars.logarithmic
    assert np.allclose(bars.high / bars.low, 10 ** (5 / MOST_VALUES))
    assert np.allclose(bars.counts, 100, atol=1)
    assert bars.counts.sum() == 5001


# -- time --------------------------------------------------------------------------------------------------------------

DAY = 86_400


@pytest.mark.parametrize(
    ("last", "unit", "periods"),
    [
        (0, "second", 1),
        (399, "second", 400),
        (400, "minute", 7),
        (10 * 3600, "hour", 11),
        (400 * DAY - 1, "day", 400),
        (400 * DAY, "month", 14),
        (30 * 365 * DAY, "month", 360),
        (40 * 365 * DAY, "year", 40),
    ],
)
def test_unit_is_the_finest_that_stays_legible(last: int, unit: str, periods: int) -> None:
    start = 1_577_836_800  # 2020-01-01
    found = over_time(np.array([start, start + last]))
    assert (found.unit, len(found.counts)) == (unit, periods)


@given(st.lists(SECONDS, min_size=1, max_size=30))
def test_each_rating_is_in_its_period(seconds: list[int]) -> None:
    found = over_time(np.array(seconds))
    assert found.counts.sum() == len(seconds)
    assert len(found.counts) <= MOST_PERIODS
    assert found.counts[0] > 0
    assert found.counts[-1] > 0
    length = {"second": 19, "minute": 16, "hour": 13, "day": 10, "month": 7, "year": 4}[found.unit]
    moments = [datetime.datetime.fromtimestamp(second, datetime.UTC).isoformat() for second in seconds]
    expected = Counter(moment[:length] for moment in moments)
    names = np.datetime_as_string(found.starts).tolist()
    assert {name: count for name, count in zip(names, found.counts.tolist(), strict=True) if count} == expected


def test_row_numbers_are_no_dates() -> None:
    found = described(ROWS, times=list(range(7)))
    assert found.span is None
    assert found.timeline is None
    dated = described(ROWS, times=[1_000_000_000 + second for second in range(7)])
    assert dated.span == (1_000_000_000, 1_000_000_006)
    assert dated.timeline is not None
