"""Filters by genre, year and number of ratings, on six films."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.recommend.small_runs import ITEMS, data_of

from hydrarec.core.errors import DataError
from hydrarec.data.table import TEST, TRAIN
from hydrarec.recommend.selection import Selection, select_items
from hydrarec.runs.run_data import RunData

NOTHING: dict[str, Any] = {"genres": None, "not_genres": None, "years": None, "min_ratings": 0}


def wanted(data: RunData | None = None, **changes: Any) -> Selection:
    return select_items(data or data_of([[0], [0, 1]]), **{**NOTHING, **changes})


def test_everything() -> None:
    assert wanted().allowed.all()
    assert wanted().notes == ()
    assert wanted().excluded.tolist() == []


@pytest.mark.parametrize(
    ("filters", "items"),
    [
        ({"genres": ["Sci-Fi"]}, [1, 2]),
        ({"genres": ["drama", "HORROR"]}, [1, 3, 4]),
        ({"not_genres": ["Drama"]}, [0, 1, 2, 5]),
        ({"genres": ["Action"], "not_genres": ["Sci-Fi"]}, [4]),
        ({"years": (1979, 1986)}, [1, 2]),
        ({"years": (1995, 1995)}, [0, 4]),
        ({"years": (1900, 1950)}, []),
        ({"genres": ["Comedy", "Drama"], "years": (1990, 1999)}, [0, 4]),
        ({"min_ratings": 1}, [0, 1]),
        ({"min_ratings": 2}, [0]),
        ({"min_ratings": 3}, []),
    ],
)
def test_filter(filters: dict[str, Any], items: list[int]) -> None:
    found = wanted(**filters)
    assert np.flatnonzero(found.allowed).tolist() == items
    assert found.excluded.tolist() == [item for item in range(len(ITEMS)) if item not in items]
    assert found.notes[0] == f"the filters keep {len(items)} of 6 items"


def test_items_without_a_year_are_named() -> None:
    assert wanted(years=(1990, 1999)).notes[1:] == ("left out, since their titles give no year: 1 items",)


def test_only_ratings_of_the_training_count() -> None:
    data = data_of([[0, 1], [0, 1]], parts=np.array([TRAIN, TEST, TRAIN, TRAIN], np.int8))
    assert np.flatnonzero(wanted(data, min_ratings=2).allowed).tolist() == [0]


@pytest.mark.parametrize("setting", ["genres", "not_genres"])
def test_unknown_genre(setting: str) -> None:
    with pytest.raises(DataError, match=f"{setting}: there is no genre 'comdy' in small") as caught:
        wanted(**{setting: ["Drama", "comdy"]})
    assert "Comedy" in caught.value.expected


@pytest.mark.parametrize("setting", ["genres", "not_genres"])
def test_data_without_genres(setting: str) -> None:
    with pytest.raises(DataError, match="no genres"):
        wanted(data_of([[0]], genres=None), **{setting: ["Drama"]})


def test_data_without_titles() -> None:
    with pytest.raises(DataError, match="no titles"):
        wanted(data_of([[0]], titles=None), years=(1990, 1999))
