"""Sources of a dataset's files: their order, and the error if none is available."""

from __future__ import annotations

import hashlib
import logging
import time
from pathlib import Path

import pytest
from tests.data.small_data import CLEAN, content, published, serving, tree, zip_of

from hydrarec.core.errors import DataError, EnvironmentFault
from hydrarec.data.datasets.base import Counts
from hydrarec.data.readers.movielens import RatingsDat, UData

MOVIES = 'movieId,title,genres\n10,"Ten, the (1999)",Comedy|War\n20,Twenty,(no genres listed)\n99,None,War\n'
NOWHERE = "http://127.0.0.1:9/tiny.zip"  # the discard port: nothing listens


@pytest.fixture
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    monkeypatch.setenv("HYDRAREC_DATA_DIR", str(folder))
    return folder


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    return zip_of(tmp_path / "served.zip", {"tiny/README": "r", "tiny/ratings.csv": CLEAN, "tiny/movies.csv": MOVIES})


def sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


@pytest.mark.parametrize("inner", ["", "as-unpacked"])
def test_the_users_own_folder_comes_first_and_is_never_written(inner: str, data_dir: Path) -> None:
    folder = data_dir / "tiny" / inner
    folder.mkdir(parents=True)
    (folder / "ratings.csv").write_text(CLEAN)
    (folder / "movies.csv").write_text(MOVIES)
    before = tree(data_dir)
    found = published(url=NOWHERE).load()
    assert found.titles == ("Ten, the (1999)", "Twenty", "30")
    assert found.genres == ("Comedy|War", "", "")
    assert tree(data_dir) == before


def test_the_users_own_archive_is_unpacked_into_the_cache(data_dir: Path, archive: Path, own_folders: Path) -> None:
    archive.rename(data_dir / "tiny.zip")
    before = tree(data_dir)
    assert len(published(url=NOWHERE, sha256=sha256(data_dir / "tiny.zip")).load()) == 4
    assert tree(data_dir) == before
    (unpacked,) = (own_folders / "datasets").glob("tiny@*")
    assert sorted(path.name for path in unpacked.iterdir()) == ["movies.csv", "ratings.csv"]


def test_an_incomplete_folder_is_passed_over_and_said(
    data_dir: Path, archive: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (data_dir / "tiny").mkdir()
    with serving(content(archive.read_bytes())) as (address, _), caplog.at_level(logging.WARNING):
        published(url=f"{address}/tiny.zip", sha256=sha256(archive)).load()
    assert f"tiny: passed over {data_dir / 'tiny'}: lacks ratings.csv" in caplog.text


def test_a_download_is_made_once(archive: Path) -> None:
    with serving(content(archive.read_bytes())) as (address, asked):
        source = published(url=f"{address}/tiny.zip", sha256=sha256(archive))
        first = source.load()
        assert source.load().fingerprint == first.fingerprint
    assert asked == ["/tiny.zip"]
    assert source.load().fingerprint == first.fingerprint  # the server is gone


def test_md5_will_do(archive: Path) -> None:
    md5 = hashlib.md5(archive.read_bytes(), usedforsecurity=False).hexdigest()
    with serving(content(archive.read_bytes())) as (address, _):
        assert len(published(url=f"{address}/tiny.zip", md5=md5).load()) == 4
        with pytest.raises(DataError, match=f"MD5 {md5}, expected {md5[::-1]}"):
            published(url=f"{address}/tiny.zip", md5=md5[::-1], name="other").load()


@pytest.mark.parametrize("own", [True, False], ids=["own archive", "download"])
def test_a_wrong_checksum_is_named_and_nothing_is_unpacked_or_kept(
    own: bool, data_dir: Path, archive: Path, own_folders: Path
) -> None:
    wrong, right = "0" * 64, sha256(archive)
    if own:
        archive.rename(data_dir / "tiny.zip")
        with pytest.raises(DataError) as caught:
            published(sha256=wrong).load()
    else:
        with serving(content(archive.read_bytes())) as (address, _), pytest.raises(DataError) as caught:
            published(url=f"{address}/tiny.zip", sha256=wrong).load()
    assert f"wrong checksum: SHA-256 {right}, expected {wrong}" in caught.value.what
    assert tree(own_folders) == {}


@pytest.mark.parametrize("digest", ["0" * 64, None], ids=["digest known", "digest unknown"])
def test_a_web_page_in_place_of_the_archive(digest: str | None, own_folders: Path) -> None:
    page = b"<html><head><title>Sorry</title></head></html>"
    with serving(content(page)) as (address, _), pytest.raises(DataError, match="starts with '<html'"):
        published(url=f"{address}/tiny.zip", sha256=digest).load()
    assert tree(own_folders) == {}


def test_nothing_anywhere_names_every_source_and_the_place_for_a_copy(data_dir: Path, own_folders: Path) -> None:
    started = time.monotonic()
    with pytest.raises(EnvironmentFault) as caught:
        published(url=NOWHERE).load()
    error = caught.value
    assert time.monotonic() - started < 10
    for source in (
        data_dir / "tiny:",
        data_dir / "tiny.zip:",
        own_folders / "datasets" / "tiny:",
        NOWHERE,
        "package index",
    ):
        assert str(source) in error.what
    assert "127.0.0.1 cannot be reached (Connection refused)" in error.what
    assert str(data_dir / "tiny.zip") in error.expected
    assert NOWHERE in error.fix
    assert error.exit_code == 6
    assert len(str(error).splitlines()) == 3


def test_a_dataset_that_is_no_longer_available(own_folders: Path) -> None:
    with pytest.raises(DataError) as caught:
        published(url=None).load()
    assert "no longer available there" in caught.value.what
    assert "$HYDRAREC_DATA_DIR: is not set" in caught.value.what
    assert str(own_folders / "datasets" / "tiny") in caught.value.expected
    assert caught.value.exit_code == 3


def test_offline_asks_nobody(monkeypatch: pytest.MonkeyPatch, archive: Path) -> None:
    monkeypatch.setenv("HYDRAREC_OFFLINE", "1")
    with (
        serving(content(archive.read_bytes())) as (address, asked),
        pytest.raises(EnvironmentFault, match="HYDRAREC_OFFLINE"),
    ):
        published(url=f"{address}/tiny.zip").load()
    assert asked == []


def test_a_hand_made_copy_in_the_cache_will_do(own_folders: Path) -> None:
    folder = own_folders / "datasets" / "tiny"
    folder.mkdir(parents=True)
    (folder / "ratings.csv").write_text(CLEAN)
    assert len(published(url=NOWHERE).load()) == 4


def test_a_cache_that_cannot_be_written_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("HYDRAREC_CACHE_DIR", str(tmp_path / "file"))
    with pytest.raises(EnvironmentFault, match="cannot be written") as caught:
        published(url=NOWHERE).load()
    assert "HYDRAREC_CACHE_DIR" in caught.value.fix


def test_too_little_space_for_a_download(monkeypatch: pytest.MonkeyPatch, archive: Path, own_folders: Path) -> None:
    with serving(content(archive.read_bytes())) as (address, asked):
        source = published(url=f"{address}/tiny.zip")
        source.archive.size = 10**18
        with pytest.raises(EnvironmentFault, match=r"not enough space: .* needed, .* free"):
            source.load()
    assert asked == []
    assert tree(own_folders) == {}


@pytest.mark.parametrize("what", ["ratings", "users", "items"])
def test_counts_that_differ(what: str, data_dir: Path) -> None:
    (data_dir / "tiny").mkdir()
    (data_dir / "tiny" / "ratings.csv").write_text(CLEAN)
    actual = {"ratings": 4, "users": 3, "items": 3}
    right, wrong = Counts(**actual), Counts(**{**actual, what: 1000})
    assert len(published(expected=right).load()) == 4
    with pytest.raises(DataError) as caught:
        published(expected=wrong).load()
    assert caught.value.what == f"tiny has {actual[what]} {what}"
    assert caught.value.expected == f"1,000 {what}"
    assert f"dataset.expected.{what}=null" in caught.value.fix


def test_the_digest_of_the_ratings_themselves(data_dir: Path) -> None:
    (data_dir / "tiny").mkdir()
    file = data_dir / "tiny" / "ratings.csv"
    file.write_text(CLEAN)
    assert len(published(ratings_sha256=sha256(file)).load()) == 4
    with pytest.raises(DataError, match=f"wrong checksum: SHA-256 {sha256(file)}") as caught:
        published(ratings_sha256="0" * 64).load()
    assert (caught.value.expected, caught.value.file) == ("0" * 64, str(file))


def test_double_colons_and_latin_1(data_dir: Path) -> None:
    (data_dir / "tiny").mkdir()
    (data_dir / "tiny" / "ratings.dat").write_text("1::10::4::100\n2::20::5::200\n")
    (data_dir / "tiny" / "movies.dat").write_bytes("10::Les Misérables: 2 (1995)::Drama|War\n".encode("latin-1"))
    found = published(reader=RatingsDat(encoding="latin-1")).load()
    assert found.titles == ("Les Misérables: 2 (1995)", "20")
    assert found.ratings.tolist() == [4.0, 5.0]


@pytest.mark.parametrize(
    ("row", "what"),
    [
        ("2::20::5::200::9", "the row has 5 fields, the first line 4"),
        ("2::20::5::200::", "the row has 5 fields, the first line 4"),
        ("2::20::5", "the row has 3 fields, the first line 4"),
        ("2::20:5::200", "the row has 3 fields, the first line 4"),
        ("2::2:0::5::200", "column 'item' = '2:0' is not an integer"),
    ],
)
def test_double_colons_that_do_not_fit(row: str, what: str, data_dir: Path) -> None:
    (data_dir / "tiny").mkdir()
    (data_dir / "tiny" / "ratings.dat").write_text(f"1::10::4::100\n{row}\n")
    with pytest.raises(DataError) as caught:
        published(reader=RatingsDat(encoding="latin-1")).load()
    assert (caught.value.what, caught.value.line) == (what, 2)


ROWS = [(1, 10, 4, 100), (1, 20, 3, 200), (2, 10, 5, 300), (3, 30, 1, 400)]


def tabs(rows: list[tuple[int, ...]]) -> str:
    return "".join("\t".join(map(str, row)) + "\n" for row in rows)


@pytest.fixture
def hundred_k(data_dir: Path) -> Path:
    """A tiny copy of ml-100k's files, with one fold."""
    folder = data_dir / "tiny"
    folder.mkdir()
    (folder / "u.data").write_text(tabs(ROWS))
    flags = "|".join("1" if genre in (1, 5) else "0" for genre in range(19))
    (folder / "u.item").write_bytes(f"10|Amélie (2001)|01-Jan-2001||http://x|{flags}\n".encode("latin-1"))
    (folder / "u1.base").write_text(tabs([ROWS[3], ROWS[0]]))
    (folder / "u1.test").write_text(tabs([ROWS[2], ROWS[1]]))
    return folder


def test_ml_100k_and_the_packaged_copy_of_it_are_the_same(hundred_k: Path) -> None:
    source = published(reader=UData())
    one = source.load()
    assert one.titles == ("Amélie (2001)", "20", "30")
    assert one.genres == ("Action|Comedy", "", "")
    header = "user_id:token\titem_id:token\trating:float\ttimestamp:float\n"
    (hundred_k / "ml-100k.inter").write_text(header + tabs(ROWS[::-1]))
    (hundred_k / "ml-100k.item").write_text("item_id:token\tx\ty\tz\n10\tAmélie\t2001\tAction Comedy\n")
    (hundred_k / "u.data").unlink()
    other = source.load()
    assert (other.fingerprint, other.titles, other.genres) == (one.fingerprint, one.titles, one.genres)


def test_official_folds(hundred_k: Path) -> None:
    assert published(reader=UData()).official_fold(1).tolist() == [0, 2, 2, 0]


def test_folds_that_are_not_there(hundred_k: Path) -> None:
    source = published(reader=UData())
    with pytest.raises(DataError, match="official fold 2 is not in this copy") as caught:
        source.official_fold(2)
    assert "ml-100k.zip" in caught.value.fix
    with pytest.raises(DataError, match="no fold 6"):
        source.official_fold(6)
    (hundred_k / "u1.test").write_text(tabs([ROWS[2]]))
    with pytest.raises(DataError, match="does not hold each rating"):
        source.official_fold(1)


def test_other_datasets_have_no_official_folds(data_dir: Path) -> None:
    (data_dir / "tiny").mkdir()
    (data_dir / "tiny" / "ratings.csv").write_text(CLEAN)
    with pytest.raises(DataError, match="tiny has no official folds"):
        published().official_fold(1)
