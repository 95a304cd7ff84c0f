"""Choice of one main genre per item."""

from __future__ import annotations

from hydrarec.analysis.main_genre import OTHER, main_genres

# Drama 4, Action 3, Sci-Fi 2, War 1
GENRES = ["Action|Drama|Sci-Fi", "Drama|Action", "Drama", "Drama|War", "Action|Sci-Fi", ""]


def test_rarest_of_the_frequent_ones() -> None:
    assert main_genres(GENRES, most=4) == ["Sci-Fi", "Action", "Drama", "War", "Sci-Fi", OTHER]


def test_those_that_are_not_frequent_count_for_nothing() -> None:
    assert main_genres(GENRES, most=2) == ["Action", "Action", "Drama", "Drama", "Action", OTHER]
    assert main_genres(["War", "Drama", "Drama"], most=1) == [OTHER, "Drama", "Drama"]


def test_nothing_is_known() -> None:
    assert main_genres(["", ""], most=3) == [OTHER, OTHER]
    assert main_genres([], most=3) == []
