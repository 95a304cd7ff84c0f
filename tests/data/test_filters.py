"""Filters against naive loops: remaining ratings, renumbering, and the error for an empty result."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.data.small_data import table_of

from hydrarec.core.errors import ConfigError, DataError
from hydrarec.data.filters import Filter
from hydrarec.data.interactions import Interactions, interactions_of
from hydrarec.data.table import ItemTexts, Scale

Row = tuple[Any, Any, float]  # user, item, rating


def interactions(rows: list[Row], part: list[int] | None = None) -> Interactions:
    """Ratings at the seconds 0, 1, …; an item is titled ``title <id>`` and of the genre ``genre <id>``."""
    users, items, ratings = (list(column) for column in zip(*rows, strict=True))
    texts = ItemTexts({item: f"title {item}" for item in items}, {item: f"genre {item}" for item in items})
    table = table_of(users, items, ratings, list(range(len(rows))), part)
    return interactions_of(table, name="tiny", scale=Scale(low=1, high=5, step=1), duplicates="error", texts=texts)


def filtered(data: Interactions, **changed: Any) -> Interactions:
    return Filter(**{"min_rating": None, "user_fraction": 1.0, "core": 1, "seed": 0, **changed})(data)


def raw_rows(data: Interactions) -> list[Row]:
    users, items = data.user_ids.raw[data.users], data.item_ids.raw[data.items]
    return list(zip(users.tolist(), items.tolist(), data.ratings.tolist(), strict=True))


def naive_core(rows: list[Row], core: int) -> list[Row]:
    """Remove one user or item at a time until nothing is left to remove."""
    while True:
        users, items = Counter(row[0] for row in rows), Counter(row[1] for row in rows)
        poor_user = next((user for user, number in users.items() if number < core), None)
        poor_item = next((item for item, number in items.items() if number < core), None)
        if poor_user is not None:
            rows = [row for row in rows if row[0] != poor_user]
        elif poor_item is not None:
            rows = [row for row in rows if row[1] != poor_item]
        else:
            return rows


many_rows = st.dictionaries(
    st.tuples(st.integers(1, 9), st.integers(1, 9)), st.integers(1, 5).map(float), min_size=5, max_size=60
).map(lambda ratings: sorted((*pair, rating) for pair, rating in ratings.items()))
repeated = settings(max_examples=80, deadline=None)


def assert_as_if_read_so(data: Interactions, rows: list[Row], source: Interactions) -> None:
    """Equal to what a reader would have made of these rows alone, titles, times and fingerprint included."""
    assert raw_rows(data) == rows
    assert data.users.dtype == data.items.dtype == np.int32
    assert data.titles == tuple(f"title {item}" for item in data.item_ids.raw)
    assert data.genres == tuple(f"genre {item}" for item in data.item_ids.raw)
    assert source.timestamps is not None
    seconds = dict(zip([row[:2] for row in raw_rows(source)], source.timestamps.tolist(), strict=True))
    table = table_of(*(list(column) for column in zip(*rows, strict=True)), [seconds[row[:2]] for row in rows])
    again = interactions_of(table, name="tiny", scale=Scale(low=1, high=5, step=1), duplicates="error", texts=None)
    assert data.fingerprint == again.fingerprint
    assert (data.user_ids, data.item_ids) == (again.user_ids, again.item_ids)
    assert (data.name, data.scale) == (source.name, source.scale)


@repeated
@given(many_rows, st.integers(2, 4))
def test_core_is_the_naive_fixpoint(rows: list[Row], core: int) -> None:
    data, expected = interactions(rows), naive_core(rows, core)
    if not expected:
        with pytest.raises(DataError, match=rf"filter\.core={core} {len(rows)}"):
            filtered(data, core=core)
        return
    result = filtered(data, core=core)
    assert_as_if_read_so(result, expected, data)
    assert np.bincount(result.users).min() >= core
    assert np.bincount(result.items).min() >= core
    assert filtered(result, core=core) is result


@repeated
@given(many_rows, st.integers(1, 5))
def test_ratings_from_the_least_on_stay(rows: list[Row], least: int) -> None:
    expected = [row for row in rows if row[2] >= least]
    if expected:
        data = interactions(rows)
        assert_as_if_read_so(filtered(data, min_rating=float(least)), expected, data)


@repeated
@given(many_rows, st.floats(0.01, 1), st.integers(0, 2**40), st.randoms(use_true_random=False))
def test_exactly_the_share_of_the_users_stays_with_all_their_ratings(
    rows: list[Row], share: float, seed: int, random: Any
) -> None:
    data = interactions(rows)
    number = round(share * data.num_users)
    if number == 0:
        with pytest.raises(DataError, match="leaves none"):
            filtered(data, user_fraction=share, seed=seed)
        return
    result = filtered(data, user_fraction=share, seed=seed)
    assert result.num_users == number
    kept = set(result.user_ids.to_list())
    assert_as_if_read_so(result, [row for row in rows if row[0] in kept], data)
    larger = filtered(data, user_fraction=min(1.0, share + 0.3), seed=seed)
    assert kept <= set(larger.user_ids.to_list())
    order = list(range(len(rows)))
    random.shuffle(order)
    again = filtered(interactions([rows[place] for place in order]), user_fraction=share, seed=seed)
    assert set(again.user_ids.to_list()) == kept


def test_every_user_is_drawn_by_some_seed() -> None:
    data = interactions([(user, 1, 5.0) for user in range(4)])
    drawn = {filtered(data, user_fraction=0.25, seed=seed).user_ids.to_list()[0] for seed in range(40)}
    assert drawn == {0, 1, 2, 3}


def test_steps_come_in_the_written_order() -> None:
    """The users drawn are half of those with a rating of 4; the 2-core is that of their ratings of 4 and more."""
    rows = [(user, item, 5.0 if user < 4 else 1.0) for user in range(8) for item in range(3)]
    rows[0] = (0, 0, 2.0)
    result = filtered(interactions(rows), min_rating=4.0, user_fraction=0.5, core=2, seed=0)
    assert result.num_users == 2
    assert set(result.user_ids.to_list()) < {0, 1, 2, 3}
    assert set(result.ratings.tolist()) == {5.0}


def test_parts_and_string_ids_stay_with_their_rows() -> None:
    data = interactions([("007", "a", 5.0), ("007", "b", 1.0), ("7", "a", 4.0)], part=[0, 1, 2])
    result = filtered(data, min_rating=4.0)
    assert raw_rows(result) == [("007", "a", 5.0), ("7", "a", 4.0)]
    assert result.part is not None
    assert result.part.tolist() == [0, 2]
    assert result.timestamps is not None
    assert result.timestamps.tolist() == [0, 2]
    assert result.titles == ("title a",)


def test_nothing_to_leave_out_gives_the_same_object() -> None:
    data = interactions([(1, 1, 3.0), (1, 2, 4.0)])
    assert filtered(data) is data
    assert filtered(data, min_rating=3.0) is data


def test_the_report_tells_before_and_after() -> None:
    data = interactions([(1, 1, 3.0), (1, 2, 4.0), (2, 1, 1.0)])
    keep = Filter(min_rating=4.0, user_fraction=1.0, core=1, seed=7)
    report = keep.report(data, keep(data))
    assert report["before"] == {"ratings": 3, "users": 2, "items": 2}
    assert report["after"] == {"ratings": 1, "users": 1, "items": 1}
    assert (report["min_rating"], report["core"], report["seed"]) == (4.0, 1, 7)


def test_an_empty_result_names_each_step_and_what_it_removed() -> None:
    data = interactions([(1, 1, 3.0), (1, 2, 4.0), (2, 1, 1.0)])
    with pytest.raises(DataError, match=r"filter\.min_rating=4\.0 2, filter\.core=2 1"):
        filtered(data, min_rating=4.0, core=2)


def test_a_share_above_one_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"filter\.user_fraction=1\.5"):
        Filter(min_rating=None, user_fraction=1.5, core=1, seed=0)
