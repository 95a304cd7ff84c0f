"""Interactions: canonical order, one fingerprint per content, duplicates by a policy."""

from __future__ import annotations

import logging
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.data.small_data import HALF_STARS, table_of

from hydrarec.core.errors import DataError
from hydrarec.data.interactions import Duplicates, Interactions, interactions_of
from hydrarec.data.table import ItemTexts, RatingTable, Scale


def made(table: RatingTable, duplicates: Duplicates = "error", texts: ItemTexts | None = None) -> Interactions:
    return interactions_of(table, name="t", scale=HALF_STARS, duplicates=duplicates, texts=texts)


rows = st.lists(
    st.tuples(st.integers(0, 9), st.integers(0, 9), st.sampled_from([0.5, 1.0, 5.0]), st.integers(0, 99)),
    min_size=1,
    unique_by=lambda row: row[:2],
)


@given(rows, st.randoms(use_true_random=False))
def test_any_order_of_rows_gives_the_same_arrays_and_fingerprint(data: list[tuple], random: object) -> None:
    shuffled = data.copy()
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    one, other = (made(table_of(*map(list, zip(*some, strict=True)))) for some in (data, shuffled))
    for name in ("users", "items", "ratings", "timestamps"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    assert one.fingerprint == other.fingerprint


@given(rows)
def test_rows_are_sorted_and_lead_back_to_the_source(data: list[tuple]) -> None:
    found = made(table_of(*map(list, zip(*data, strict=True))))
    back = zip(
        found.user_ids.raw[found.users].tolist(),
        found.item_ids.raw[found.items].tolist(),
        found.ratings.tolist(),
        found.timestamps.tolist(),  # type: ignore[union-attr]
        strict=True,
    )
    assert list(back) == sorted(data)
    assert all(a < b for a, b in pairwise(zip(found.users.tolist(), found.items.tolist(), strict=True)))


def test_types_are_what_the_design_says() -> None:
    found = made(table_of([2, 1], [5, 6], [1, 2], [10, 20]))
    assert (found.users.dtype, found.items.dtype, found.ratings.dtype) == (np.int32, np.int32, np.float32)
    assert found.timestamps is not None
    assert found.timestamps.dtype == np.int64
    assert (found.num_users, found.num_items, len(found)) == (2, 2, 2)


@pytest.mark.parametrize(
    "other",
    [
        table_of([1, 3], [5, 6], [1, 2], [10, 20]),  # a user
        table_of([1, 2], [5, 7], [1, 2], [10, 20]),  # an item
        table_of([1, 2], [6, 5], [1, 2], [10, 20]),  # who rated what
        table_of([1, 2], [5, 6], [1, 2.5], [10, 20]),  # a rating
        table_of([1, 2], [5, 6], [1, 2], [10, 21]),  # a time
        table_of([1, 2], [5, 6], [1, 2]),  # no times
        table_of(["1", "2"], [5, 6], [1, 2], [10, 20]),  # ids as text
        table_of([1, 2], [5, 6], [1, 2], [10, 20], part=[0, 2]),  # a split
    ],
)
def test_every_change_of_content_changes_the_fingerprint(other: RatingTable) -> None:
    assert made(other).fingerprint != made(table_of([1, 2], [5, 6], [1, 2], [10, 20])).fingerprint


def test_strings_cannot_be_shifted_between_ids_unnoticed() -> None:
    one, other = table_of(["ab", "c"], [1, 2], [1, 1]), table_of(["a", "bc"], [1, 2], [1, 1])
    assert made(one).fingerprint != made(other).fingerprint


TWICE = table_of([1, 2, 1, 1], [5, 5, 5, 5], [1, 3, 2, 4.5], [30, 0, 10, 20])


@pytest.mark.parametrize(
    ("policy", "rating", "time"),
    [("last", 1.0, 30), ("first", 2.0, 10), ("mean", (1 + 2 + 4.5) / 3, 30)],
)
def test_duplicates_by_policy(policy: Duplicates, rating: float, time: int, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        found = made(TWICE, policy)
    assert found.ratings.tolist() == [pytest.approx(rating), 3.0]
    assert found.timestamps is not None
    assert found.timestamps.tolist() == [time, 0]
    assert "2 ratings of a pair" in caplog.text


def test_equal_times_are_decided_by_the_line() -> None:
    table = table_of([1, 1], [5, 5], [4, 2], [10, 10])
    assert made(table, "last").ratings.tolist() == [2.0]
    assert made(table, "first").ratings.tolist() == [4.0]


def test_duplicates_are_an_error_that_names_both_lines() -> None:
    with pytest.raises(DataError) as caught:
        made(TWICE)
    error = caught.value
    assert error.what == "user 1 rates item 5 a second time, first in line 4 (2 such ratings in all)"
    assert (error.file, error.line) == ("ratings.csv", 5)  # earliest first: rows 2 and 3, of times 10 and 20
    assert "dataset.duplicates=last" in error.fix


@pytest.mark.parametrize("policy", ["error", "last", "first", "mean"])
def test_no_policy_mixes_the_parts(policy: Duplicates) -> None:
    # In order of time the pair (1, 5) is for training, for training, for test: rows 1 and 2 are of two parts.
    torn = table_of([1, 1, 1, 2], [5, 5, 5, 5], [4, 3, 2, 1], [10, 20, 30, 40], part=[0, 0, 2, 2])
    with pytest.raises(DataError, match="user 1 rates item 5 a second time, first in line 3") as caught:
        made(torn, policy)
    assert caught.value.line == 4


def test_within_a_part_the_policy_applies() -> None:
    found = made(table_of([1, 1, 2], [5, 5, 5], [4, 2, 1], part=[0, 0, 2]), "mean")
    assert found.ratings.tolist() == [3.0, 1.0]
    assert found.part is not None
    assert found.part.tolist() == [0, 2]


def test_nothing_at_all_is_an_error() -> None:
    ids, ratings = np.empty(0, np.int64), np.empty(0, np.float32)
    empty = RatingTable(users=ids, items=ids, ratings=ratings, places=lambda rows: [])
    with pytest.raises(DataError, match="no ratings"):
        made(empty)


def test_one_rating_is_enough() -> None:
    found = made(table_of([7], [3], [4]))
    assert (len(found), found.num_users, found.num_items, found.timestamps) == (1, 1, 1, None)


def test_a_scale_that_is_not_given_is_the_datas_own() -> None:
    scale = Scale(low=None, high=None, step=None)
    found = interactions_of(table_of([1, 2], [1, 2], [2, 4.5]), name="t", scale=scale, duplicates="error", texts=None)
    assert found.scale == (2.0, 4.5)


def test_titles_follow_the_items_and_stay_on_one_line() -> None:
    texts = ItemTexts({6: "Six\tof\nthem", 99: "never rated"}, {6: "Drama|War"})
    found = made(table_of([1, 1], [6, 5], [1, 2]), texts=texts)
    assert found.titles == ("5", "Six of them")
    assert found.genres == ("", "Drama|War")


def test_memory_grows_with_distinct_ids_not_with_the_largest() -> None:
    found = made(table_of([10**9, 10**18], [10**12, 3], [1, 2]))
    assert (found.num_users, found.num_items) == (2, 2)


def test_rows_of_pairs() -> None:
    found = made(table_of([1, 1, 2], [5, 6, 6], [1, 2, 3]))
    assert found.rows_of(np.array([1, 0, 1]), np.array([1, 0, 0])).tolist() == [2, 0, -1]
