"""Reader of He et al.'s (2017) three files."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.data.small_data import ABOUT, ANY_COUNTS

from hydrarec.core.errors import DataError
from hydrarec.data.datasets.he2017 import He2017Ratings
from hydrarec.data.sources.archive import Archive
from hydrarec.data.table import Scale

TRAIN = "0\t0\t5\t10\n0\t1\t3\t20\n1\t2\t4\t10\n"
TEST = "0\t2\t4\t30\n1\t0\t1\t30\n"
NEGATIVE = "(0,2)\t1\t0\n(1,0)\t1\t1\n"


def he2017(path: str | None) -> He2017Ratings:
    return He2017Ratings(
        name="he",
        about=ABOUT,
        archive=Archive(url=None, size=None, sha256=None, md5=None, package=None),
        stem="ml-1m",
        path=path,
        expected=ANY_COUNTS,
        scale=Scale(low=1.0, high=5.0, step=1.0),
        on_bad_rows="error",
    )


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> He2017Ratings:
    monkeypatch.setenv("HYDRAREC_DATA_DIR", str(tmp_path))
    folder = tmp_path / "he"
    folder.mkdir()
    for kind, text in {"train.rating": TRAIN, "test.rating": TEST, "test.negative": NEGATIVE}.items():
        (folder / f"ml-1m.{kind}").write_text(text)
    return he2017(path=None)


def test_ratings_know_their_part(source: He2017Ratings) -> None:
    found = source.load()
    assert found.users.tolist() == [0, 0, 0, 1, 1]
    assert found.items.tolist() == [0, 1, 2, 0, 2]
    assert found.part is not None
    assert found.part.tolist() == [0, 0, 2, 2, 0]


def test_negatives_belong_to_test_rows(source: He2017Ratings) -> None:
    rows, candidates = source.candidates()
    assert rows.tolist() == [2, 3]
    assert candidates.tolist() == [[1, 0], [1, 1]]


def test_a_path_needs_no_archive_and_no_stem(
    source: He2017Ratings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = source.load().fingerprint
    monkeypatch.delenv("HYDRAREC_DATA_DIR")
    for file in (tmp_path / "he").iterdir():
        file.rename(file.with_name(file.name.replace("ml-1m", "own")))
    copy = he2017(path=str(tmp_path / "he" / "own"))
    assert copy.load().fingerprint == expected
    assert copy.candidates()[0].tolist() == [2, 3]


@pytest.mark.parametrize("path", ["he", "he/ml-1m.train.rating", "nowhere/ml-1m"])
def test_a_path_that_is_not_what_the_names_begin_with(path: str, source: He2017Ratings, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=rf"no {Path(path).name}\.train\.rating, ") as caught:
        he2017(path=str(tmp_path / path)).load()
    assert "dataset.path=FOLDER/ml-1m" in caught.value.fix
    assert caught.value.value == str(tmp_path / path)


@pytest.mark.parametrize(
    ("text", "what", "line"),
    [
        ("(0,2)\t1\t0\n(1,0)\t1\n", "1 negatives, the first line has 2", 2),
        ("(0,2)\t1\t0\n\n0,2\t1\t1\n", "not a test pair and item ids", 3),
        ("(0,2)\t1\tx\n", "not a test pair and item ids", 1),
        ("(1,1)\t1\t0\n", r"the test pair \(1,1\) of the negatives has no rating", None),
        ("(0,2)\t1\t7\n", "id '7' does not occur", None),
    ],
)
def test_negatives_that_do_not_fit(
    text: str, what: str, line: int | None, source: He2017Ratings, tmp_path: Path
) -> None:
    (tmp_path / "he" / "ml-1m.test.negative").write_text(text)
    with pytest.raises(DataError, match=what) as caught:
        source.candidates()
    assert caught.value.line == line
