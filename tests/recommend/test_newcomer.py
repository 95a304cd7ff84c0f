"""Parsing of a new user's ratings, from the command line and from a CSV."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
from tests.recommend.small_runs import data_of

from hydrarec.core.errors import DataError, EnvironmentFault
from hydrarec.data.ids import IdMap
from hydrarec.recommend.newcomer import RatedItems, parse_ratings

SCALE = (0.5, 5.0)
ANY = (-np.inf, np.inf)


def read(text: str, scale: tuple[float, float] = SCALE) -> list[tuple[int, float]]:
    found = parse_ratings(text, data_of([[0]]), scale)
    assert found.items.dtype == np.int64
    assert found.ratings.dtype == np.float32
    return list(zip(found.items.tolist(), found.ratings.tolist(), strict=True))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{Toy Story: 5, Alien: 2}", [(0, 5), (1, 2)]),
        ("{ALIENS (1986): 4.5}", [(2, 4.5)]),
        ("{'Godfather, The': 4, heat: 3}", [(3, 4), (4, 3)]),
        ('{"Godfather, The (1972)": 4}', [(3, 4)]),
        ("{The Godfather: 4}", [(3, 4)]),
        ("{11: 1, 10: 0.5}", [(1, 1), (0, 0.5)]),
        ("{Toy Story (1995): 5,}", [(0, 5)]),
        ("  {toy story: '5'}", [(0, 5)]),
    ],
)
def test_text(text: str, expected: list[tuple[int, float]]) -> None:
    assert read(text) == expected


def test_titles_that_look_like_other_things() -> None:
    titles = (
        "No",
        "1984",
        "Schindler's List (1993)",
        "Mission: Impossible (1996)",
        "[Rec] (2007)",
        "{braces}, and more",
    )
    data = data_of([[0]], titles=titles, item_ids=IdMap(np.array([1, 2, 3, 4, 5, 7])))
    text = """{No: 1, 1984: 2, Schindler's List: 3, "Mission: Impossible": 4, '[Rec]': 5, 007: 1}"""
    expected = RatedItems(np.arange(6), np.array([1, 2, 3, 4, 5, 1], np.float32))
    np.testing.assert_equal(parse_ratings(text, data, SCALE), expected)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{}", "cannot be read"),
        ("{Toy Story}", "the rating '' of 'Toy Story' is not on the scale"),
        ("{Toy Story: 5", "cannot be read"),
        ("{Mission: Impossible: 4}", "cannot be read"),
        ("{Toy Story: [5]}", "cannot be read"),
        ("{Toy Story: 5} and more", "cannot be read"),
        ("{Toy Story: good}", "'good' of 'Toy Story'"),
        ("{Toy Story: nan}", "'nan'"),
        ("{Toy Story: inf}", "'inf'"),
        ("{Toy Story: 6}", "'6'"),
        ("{Toy Story: 0}", "'0'"),
        ("{Toy Stroy: 5}", "'Toy Stroy' is neither an id nor a title"),
        ("{Alie: 5}", "'Alie' fits 2 titles"),
        ("{Toy Story: 5, 10: 4}", "Toy Story (1995) is rated twice"),
    ],
)
def test_text_that_cannot_be_used(text: str, says: str) -> None:
    with pytest.raises(DataError) as caught:
        read(text)
    assert says in str(caught.value)
    assert caught.value.expected
    assert caught.value.fix


def test_under_ranking_any_number_will_do() -> None:
    assert read("{Toy Story: 100, Alien: -1}", ANY) == [(0, 100), (1, -1)]
    with pytest.raises(DataError, match="'nan'"):
        read("{Toy Story: nan}", ANY)


@pytest.mark.parametrize(
    "content",
    [
        "item,rating\n10,5\n11,2\n",
        "title,rating\nToy Story,5\nAlien,2\n",
        "Rating, Title ,seen\n5,Toy Story,yes\n2,alien,no\n",
        "item,title,rating\n10,Heat,5\n11,Heat,2\n",
        "\ufefftitle,rating\r\n\r\nToy Story (1995),5\r\n11,2",
    ],
)
def test_csv(tmp_path: Path, content: str) -> None:
    file = tmp_path / "mine.csv"
    file.write_bytes(content.encode())
    assert read(str(file)) == [(0, 5), (1, 2)]
    file.write_bytes(gzip.compress(content.encode()))
    assert read(str(file)) == [(0, 5), (1, 2)]


def test_csv_with_a_comma_in_a_title(tmp_path: Path) -> None:
    file = tmp_path / "mine.csv"
    file.write_text('title,rating\n"Godfather, The",5\n')
    assert read(str(file)) == [(3, 5)]


@pytest.mark.parametrize(
    ("content", "line", "says"),
    [
        ("", None, "the file is empty"),
        ("title,rating\n", None, "no ratings below the header"),
        ("name,rating\nHeat,5\n", 1, "no column item or title"),
        ("title,stars\nHeat,5\n", 1, "no column rating"),
        ("title,rating\nHeat,5\nGodfather, The,5\n", 3, "3 fields"),
        ("title,rating\nHeat,5\n\nAlienn,5\n", 4, "'Alienn' is neither"),
        ("title,rating\nHeat,5\nAlien,x\n", 3, "'x' of 'Alien'"),
        ("title,rating\nHeat,5\nheat,4\n", 3, "Heat (1995) is rated twice"),
        ('title,rating\n"Heat,5\n' + "x" * 200_000, 3, "cannot be read as CSV"),
    ],
)
def test_csv_that_cannot_be_used(tmp_path: Path, content: str, line: int | None, says: str) -> None:
    file = tmp_path / "mine.csv"
    file.write_text(content)
    with pytest.raises(DataError) as caught:
        read(str(file))
    assert says in caught.value.what
    assert caught.value.file == str(file)
    assert caught.value.line == line


def test_csv_that_is_no_text(tmp_path: Path) -> None:
    file = tmp_path / "mine.csv"
    file.write_bytes("title,rating\nAmélie,5\n".encode("latin-1"))
    with pytest.raises(DataError, match="cannot be read as CSV"):
        read(str(file))
    with pytest.raises(DataError, match="no such file"):
        read(str(tmp_path / "other.csv"))
    with pytest.raises(DataError, match="a folder"):
        read(str(tmp_path))


def test_csv_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "mine.csv"
    file.write_text("title,rating\nHeat,5\n")

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(EnvironmentFault, match="cannot be read"):
        read(str(file))
