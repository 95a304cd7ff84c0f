"""RunData with and without a filter, and its round trip through arrays."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hydrarec.data.filters import Filter
from hydrarec.data.ids import IdMap
from hydrarec.data.interactions import Interactions, interactions_of
from hydrarec.data.splits import Split
from hydrarec.data.table import TEST, TRAIN, VALIDATION, ItemTexts, RatingTable, Scale
from hydrarec.runs.run_data import FILTERED, RunData, run_data

#          user  item  rating
RATINGS = [
    (10, 100, 5.0),
    (10, 101, 1.0),
    (10, 102, 4.0),
    (11, 100, 4.0),
    (11, 102, 2.0),
    (12, 101, 2.0),
]


def interactions(ids: type = int) -> Interactions:
    users, items, ratings = zip(*RATINGS, strict=True)
    raw = [
        np.array([ids(value) for value in column], dtype=np.int64 if ids is int else object)
        for column in (users, items)
    ]
    table = RatingTable(users=raw[0], items=raw[1], ratings=np.array(ratings, np.float32), places=lambda rows: [])
    texts = ItemTexts({ids(100): "Así es $1 (1999)", ids(102): "B|C"}, {ids(100): "Drama|War"})
    return interactions_of(table, name="small", scale=Scale(1, 5, 1), duplicates="error", texts=texts)


def split_of(data: Interactions) -> Split:
    rows = np.arange(len(data))
    return Split(rows[2:], rows[:1], rows[1:2], "first validates, second tests")


def assert_equal(one: RunData, other: RunData) -> None:
    for name in ("starts", "items", "ratings", "parts"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
        assert getattr(one, name).dtype == getattr(other, name).dtype
    for name in ("user_ids", "item_ids", "titles", "genres", "scale", "name"):
        assert getattr(one, name) == getattr(other, name)


@pytest.mark.parametrize("ids", [int, str])
def test_there_and_back(ids: type, tmp_path: Path) -> None:
    data = interactions(ids)
    known = run_data(data, data, split_of(data))
    np.savez_compressed(tmp_path / "data.npz", allow_pickle=False, **known.to_arrays())
    with np.load(tmp_path / "data.npz", allow_pickle=False) as arrays:
        assert_equal(known, RunData.from_arrays(arrays))
    assert known.titles == ("Así es $1 (1999)", "101", "B|C")
    assert known.genres == ("Drama|War", "", "")


def test_what_is_known_of_all_ratings() -> None:
    data = interactions()
    known = run_data(data, data, split_of(data))
    assert known.starts.tolist() == [0, 3, 5, 6]
    assert known.items.tolist() == [0, 1, 2, 0, 2, 1]
    assert known.parts.tolist() == [VALIDATION, TEST, TRAIN, TRAIN, TRAIN, TRAIN]
    assert known.users.tolist() == [0, 0, 0, 1, 1, 2]
    assert known.item_counts.tolist() == [1, 1, 2]  # of the training part
    assert known.item_means.tolist() == [4.0, 2.0, 3.0]
    assert known.items[known.rows_of(1)].tolist() == [0, 2]
    assert known.label(0) == "Así es $1 (1999)"


def test_a_filter_leaves_what_was_rated() -> None:
    """From 3 stars: user 12 and item 101 are gone; user 11's 2 stars for item 102 are known, and in no part."""
    loaded = interactions()
    kept = Filter(min_rating=3.0, user_fraction=1.0, core=1, seed=0)(loaded)
    split = Split(np.array([1, 2]), np.array([0]), np.array([], np.int64), "all but one train")
    known = run_data(loaded, kept, split)
    assert known.user_ids == IdMap(np.array([10, 11]))
    assert known.item_ids == IdMap(np.array([100, 102]))
    assert known.starts.tolist() == [0, 2, 4]
    assert known.items.tolist() == [0, 1, 0, 1]
    assert known.ratings.tolist() == [5.0, 4.0, 4.0, 2.0]
    assert known.parts.tolist() == [VALIDATION, TRAIN, TRAIN, FILTERED]
    assert known.titles == ("Así es $1 (1999)", "B|C")
