"""The cache: equal to the original, fast, rebuilt if its sources change or it is damaged, and never a cause of failure."""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.data.small_data import CLEAN, own_file, published, table_of, tree

from hydrarec.data import cache
from hydrarec.data.interactions import Interactions, interactions_of
from hydrarec.data.readers.movielens import RatingsDat
from hydrarec.data.table import ItemTexts, Scale


@pytest.fixture
def source(tmp_path: Path) -> Path:
    file = tmp_path / "ratings.csv"
    file.write_text(CLEAN)
    return file


@pytest.fixture
def folder(source: Path, own_folders: Path) -> Path:
    """The cached folder of ``source``."""
    own_file(source).load()
    (found,) = (path for path in (own_folders / "interactions").iterdir() if path.name != ".locks")
    return found


def reread(source: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Interactions, bool]:
    """Load again; also whether the file was parsed for that."""
    parsed: list[bool] = []
    reading = own_file(source)
    inner = reading._read
    monkeypatch.setattr(reading, "_read", lambda: parsed.append(True) or inner())
    return reading.load(), bool(parsed)


def same(one: Interactions, other: Interactions) -> bool:
    for name in ("users", "items", "ratings", "timestamps", "part"):
        a, b = getattr(one, name), getattr(other, name)
        if (a is None) != (b is None) or (a is not None and not (np.array_equal(a, b) and a.dtype == b.dtype)):
            return False
    rest = ("user_ids", "item_ids", "titles", "genres", "scale", "name", "fingerprint")
    return all(getattr(one, name) == getattr(other, name) for name in rest)


@pytest.mark.parametrize(
    "table",
    [
        table_of([1, 2], [5, 6], [1, 2], [10, 20], part=[0, 2]),
        table_of(["ä", "b\nc"], ["x", "y"], [1, 2]),
    ],
    ids=["integers", "strings"],
)
def test_what_is_loaded_is_what_was_saved(table: Any, tmp_path: Path) -> None:
    texts = ItemTexts({5: "Five", "x": "Ex"}, {5: "War"})
    scale = Scale(low=None, high=None, step=None)
    made = interactions_of(table, name="t", scale=scale, duplicates="error", texts=texts)
    cache.save(made, tmp_path / "cached", [])
    loaded = cache.load(tmp_path / "cached")
    assert same(made, loaded)
    assert isinstance(loaded.users, np.memmap)
    assert not loaded.users.flags.writeable


def test_an_unchanged_source_is_not_read_again(source: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = tree(folder)
    assert reread(source, monkeypatch)[1] is False
    assert tree(folder) == before


def test_a_changed_source_is_read_again_with_one_warning(
    source: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    source.write_text(CLEAN.replace("3.5", "1.5"))
    os.utime(source, (1, 1))
    with caplog.at_level(logging.WARNING):
        found, parsed = reread(source, monkeypatch)
    assert parsed
    assert found.ratings.tolist() == [4.0, 1.5, 5.0, 0.5]
    (warning,) = caplog.messages
    assert f"{source} changed since the cache was built; it is built anew" in warning
    assert reread(source, monkeypatch)[1] is False


def test_a_source_that_was_only_touched_is_not_read_again(
    source: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.utime(source, (1, 1))
    assert reread(source, monkeypatch)[1] is False
    assert json.loads((folder / "meta.json").read_text())["sources"][0]["mtime_ns"] == 1_000_000_000


def test_other_settings_are_another_entry(source: Path) -> None:
    own_file(source).load()
    assert own_file(source, ids="string").load().user_ids.to_list() == ["1", "2", "7"]


def test_other_settings_of_the_reader_are_another_entry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HYDRAREC_DATA_DIR", str(tmp_path))
    (tmp_path / "tiny").mkdir()
    (tmp_path / "tiny" / "ratings.dat").write_text("1::10::4::100\n")
    (tmp_path / "tiny" / "movies.dat").write_bytes("10::Amélie::Comedy\n".encode())
    for encoding, title in [("latin-1", "AmÃ©lie"), ("utf-8", "Amélie")]:
        assert published(reader=RatingsDat(encoding=encoding)).load().titles == (title,)


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-3])


def flip(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(bytes(content))


def swap(file: Path) -> None:
    np.save(file, np.zeros(3, np.int16))


DAMAGE = {
    "array cut": (cut, "users.npy"),
    "array with a flipped bit": (flip, "ratings.npy"),
    "array of another type": (swap, "items.npy"),
    "array missing": (Path.unlink, "timestamps.npy"),
    "array empty": (lambda file: file.write_bytes(b""), "users.npy"),
    "ids missing": (Path.unlink, "user_ids.npy"),
    "texts cut": (cut, "texts.json"),
    "meta cut": (cut, "meta.json"),
    "meta missing": (Path.unlink, "meta.json"),
    "meta of another format": (lambda file: file.write_text('{"version": 0}'), "meta.json"),
    "meta that says nothing": (lambda file: file.write_text(f'{{"version": {cache.VERSION}}}'), "meta.json"),
}


@pytest.mark.parametrize(("damage", "name"), DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_cache_is_built_anew_with_one_warning(
    damage: Any,
    name: str,
    source: Path,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    whole = cache.load(folder)
    whole_copy = whole.ratings.tolist()
    damage(folder / name)
    with caplog.at_level(logging.WARNING):
        found, parsed = reread(source, monkeypatch)
    assert parsed
    assert found.ratings.tolist() == whole_copy
    assert len(caplog.messages) == 1
    assert "it is built anew" in caplog.text
    assert reread(source, monkeypatch)[1] is False


@pytest.mark.parametrize("name", ["users", "items", "ratings"])
@pytest.mark.parametrize("bit", [0, 30])
def test_a_bit_flipped_between_the_samples_is_noticed(
    name: str, bit: int, source: Path, own_folders: Path, caplog: pytest.LogCaptureFixture
) -> None:
    # 100,000 items are 400,000 bytes; of 64 samples the first ends with item 1,023, the second begins with item 1,571.
    rows = "".join(f"{row // 100},{row % 100},4,{row}\n" for row in range(100_000))
    source.write_text("userId,movieId,rating,timestamp\n" + rows)
    expected = own_file(source).load().fingerprint
    (file,) = own_folders.rglob(f"{name}.npy")
    column = np.load(file, mmap_mode="r+").view(np.int32)
    before = cache._samples(column)
    column[1300] ^= 1 << bit
    assert cache._samples(column) == before
    column.flush()
    found = own_file(source).load()
    assert getattr(found, name).view(np.int32)[1300] == column[1300] ^ (1 << bit)
    assert found.fingerprint == expected
    (warning,) = caplog.messages
    assert f"{name}.npy is not what was written; it is built anew" in warning


def test_a_pickle_in_the_cache_is_not_executed(
    source: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    class Evil:
        def __reduce__(self) -> tuple[Any, ...]:
            return Path.touch, (tmp_path / "executed",)

    np.save(folder / "users.npy", np.array([Evil()], object), allow_pickle=True)
    assert reread(source, monkeypatch)[1] is True
    assert not (tmp_path / "executed").exists()


def test_without_a_writable_cache_the_ratings_are_read_all_the_same(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("HYDRAREC_CACHE_DIR", str(tmp_path / "file" / "below"))
    with caplog.at_level(logging.WARNING):
        assert len(own_file(source).load()) == 4
    assert "going on without a cache" in caplog.text


def test_a_full_disk_leaves_nothing_and_the_ratings_are_read_all_the_same(
    source: Path, own_folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*args: Any, **kwargs: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "save", full)
    found, parsed = reread(source, monkeypatch)
    assert parsed
    assert len(found) == 4
    assert tree(own_folders) == {}
