"""Titles in MovieLens's format and as users type them."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hydrarec.core.errors import DataError
from hydrarec.data.ids import IdMap
from hydrarec.data.titles import TitleIndex, folded, release_year

FILMS = {
    1: "Toy Story (1995)",
    7: "Sabrina (1995)",
    29: "City of Lost Children, The (Cité des enfants perdus, La) (1995)",
    47: "Seven (a.k.a. Se7en) (1995)",
    73: "Misérables, Les (1995)",
    300: "Quiz Show (1994)",
    915: "Sabrina (1954)",
    924: "2001: A Space Odyssey (1968)",
    1201: "Good, the Bad and the Ugly, The (Buono, il brutto, il cattivo, Il) (1966)",
    1214: "Alien (1979)",
    2006: "Mask of Zorro, The (1998)",
    2571: "Matrix, The (1999)",
    2858: "American Beauty (1999)",
    3114: "Toy Story 2 (1999)",
    3742: "Avventura, L' (Adventure, The) (1960)",
    4973: "Amelie (Fabuleux destin d'Amélie Poulain, Le) (2001)",
    6365: "Matrix Reloaded, The (2003)",
    6934: "Matrix Revolutions, The (2003)",
    6999: "Wet Hot American Summer (2001)",
    7022: "Brødre (2004)",
    51662: "300 (2007)",
    60069: "WALL·E (2008)",
    95182: "Death Note: Desu nôto (2006–2007)",
    117444: "$ (1971)",
    117445: "Land Before Time III, The (1995) (V)",
    170001: "???",
    176371: "Blade Runner 2049 (2017)",
}
INDEX = TitleIndex(list(FILMS.values()), IdMap.from_list(list(FILMS)))


@pytest.mark.parametrize(
    ("title", "year"),
    [
        ("Toy Story (1995)", 1995),
        ("From Dusk Till Dawn 2: Texas Blood Money (1999) ", 1999),
        ("Death Note: Desu nôto (2006–2007)", 2006),
        ("Death Note (2006-07)", 2006),
        ("Fawlty Towers (1975–)", 1975),
        ("Babylon 5", None),
        ("2001: A Space Odyssey (1968)", 1968),
        ("2001: A Space Odyssey", None),
        ("Land Before Time III, The (1995) (V)", 1995),
        ("Shanghai Triad (Yao a yao (yao) dao) (1995)", 1995),
        ("Remake (of a film (1933)) (2005)", 2005),
        ("Remake (of a film (1933))", 1933),
        ("( 1984 )", 1984),
        ("Catalogue (12345)", None),
        ("Far Future (3001)", None),
        ("", None),
    ],
)
def test_release_year(title: str, year: int | None) -> None:
    assert release_year(title) == year


@pytest.mark.parametrize(
    ("typed", "raw"),
    [
        ("Toy Story (1995)", 1),
        ("toy story", 1),  # equal beats beginning
        ("TOY STORY 1995", 1),
        ("  toy   story  ", 1),
        ("toy story 2", 3114),
        (3114, 3114),
        ("3114", 3114),
        ("Matrix, The (1999)", 2571),
        ("The Matrix", 2571),
        ("the matrix (1999)", 2571),
        ("matrix", 2571),
        ("matrix 1999", 2571),
        ("matrix rel", 6365),
        ("matrix reloaded", 6365),
        ("The Alien", 1214),
        ("sabrina 1954", 915),
        ("Sabrina (1995)", 7),
        ("american", 2858),  # a beginning beats a part
        ("beauty", 2858),
        ("zorro", 2006),
        ("se7en", 47),
        ("seven", 47),
        ("Se7en (1995)", 47),
        ("the city of lost children", 29),
        ("La Cité des enfants perdus", 29),
        ("la cite des enfants perdus", 29),
        ("les miserables", 73),
        ("LES MISÉRABLES", 73),
        ("Les Mise\u0301rables", 73),  # the accent as a character of its own
        ("L'Avventura", 3742),
        ("avventura", 3742),
        ("the adventure", 3742),
        ("le fabuleux destin d'amelie poulain", 4973),
        ("the good the bad and the ugly", 1201),
        ("brodre", 7022),
        ("wall-e", 60069),
        ("WALL·E", 60069),
        ("2001 a space odyssey", 924),
        ("death note", 95182),
        ("300", 300),  # an id comes first
        ("300 (2007)", 51662),
        ("$", 117444),
        ("blade runner 2049", 176371),
        ("runner 2049 2017", 176371),
        ("$ (1971)", 117444),
        ("land before time iii", 117445),
        ("the land before time iii 1995", 117445),
        ("???", 170001),
    ],
)
def test_found(typed: int | str, raw: int) -> None:
    assert INDEX.item_ids.raw[INDEX.index_of(typed)] == raw


@given(st.sampled_from(sorted(FILMS)), st.sampled_from([str.upper, str.lower, str.title, str.strip]))
def test_every_title_finds_its_item(raw: int, change: object) -> None:
    assert INDEX.item_ids.raw[INDEX.index_of(change(FILMS[raw]))] == raw  # type: ignore[operator]


def test_several_are_listed_with_their_ids() -> None:
    with pytest.raises(DataError) as caught:
        INDEX.index_of("sabrina", setting="like")
    assert caught.value.what == "like: 'sabrina' fits 2 titles"
    assert caught.value.expected == "one of Sabrina (1995) [7]; Sabrina (1954) [915]"
    assert "like=7" in caught.value.fix


def test_no_more_than_eight_are_listed() -> None:
    index = TitleIndex([f"Saw {number} (2004)" for number in range(20)], IdMap.from_list(list(range(20))))
    with pytest.raises(DataError, match="fits 20 titles") as caught:
        index.index_of("saw")
    assert caught.value.expected.count("[") == 8
    assert caught.value.expected.endswith("and 12 more")


@pytest.mark.parametrize(
    ("typed", "nearest"),
    [
        ("toy sotry", "Toy Story (1995) [1]"),
        ("the matirx", "Matrix, The (1999) [2571]"),
        ("Amlie", "Amelie"),
        ("Alein 1979", "Alien (1979)"),
    ],
)
def test_a_misspelt_title_is_answered_with_the_nearest(typed: str, nearest: str) -> None:
    with pytest.raises(DataError, match="neither an id nor a title") as caught:
        INDEX.index_of(typed)
    assert caught.value.expected.startswith(nearest)
    assert caught.value.value == typed


@pytest.mark.parametrize("typed", ["", "  ", "ж", "zzzzqqqq", 10**30, "99999999999999999999"])
def test_what_resembles_nothing(typed: int | str) -> None:
    with pytest.raises(DataError) as caught:
        INDEX.index_of(typed)
    assert caught.value.expected == f"one of {len(FILMS)} titles, or an id"


def test_without_titles_only_ids_are_known() -> None:
    index = TitleIndex(None, IdMap.from_list([3, 5]))
    assert index.index_of("5") == 1
    with pytest.raises(DataError, match="the data have no titles") as caught:
        index.index_of("toy story", setting="item")
    assert "such as 3" in caught.value.expected


def test_ids_that_are_words() -> None:
    index = TitleIndex(["Alien (1979)", "Aliens (1986)"], IdMap.from_list(["B01", "Alien"][::-1]))
    assert index.index_of("B01") == 1
    assert index.index_of("Alien") == 0
    assert index.index_of("aliens") == 1


@pytest.mark.parametrize("typed", ["1971", "(1971)", "toy story 1996", "Toy Story (1996)"])
def test_a_year_is_no_part_of_a_name(typed: str) -> None:
    with pytest.raises(DataError):
        INDEX.index_of(typed)


def test_remarks_after_the_year_tell_titles_apart() -> None:
    index = TitleIndex(["Batman (1989)", "Batman (1989) (TV)"], IdMap.from_list([4, 9]))
    assert index.index_of("Batman (1989) (TV)") == 1
    assert index.index_of("batman 1989") == 0
    with pytest.raises(DataError, match="fits 2 titles"):
        index.index_of("batman")


def test_folding() -> None:
    assert folded("  Léon: The  Professional! ") == "leon the professional"
    assert folded("Schindler's List") == folded("SCHINDLER’S LIST") == "schindlers list"
    assert folded("Straße") == "strasse"
    assert folded("七人の侍") == "七人の侍"


@given(st.text(max_size=30))
def test_any_text_is_answered(text: str) -> None:
    folded(text)
    release_year(text)
    try:
        assert 0 <= INDEX.index_of(text) < len(FILMS)
    except DataError as error:
        assert error.what.startswith("item: ")


def test_sixty_thousand_titles_are_searched_in_a_moment() -> None:
    titles = [f"Film {number:05d} of the Long Series (1999)" for number in range(60_000)]
    index = TitleIndex([*titles, "Toy Story (1995)"], IdMap.from_list(list(range(60_001))))
    index.index_of("Film 00007 of the Long Series (1999)")  # prepares the names
    started = time.monotonic()
    with pytest.raises(DataError) as caught:
        index.index_of("toy sotry")
    assert caught.value.expected.startswith("Toy Story (1995) [60000]")
    assert time.monotonic() - started < 2
