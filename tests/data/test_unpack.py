"""Archives are validated completely before anything is written."""

from __future__ import annotations

import stat
import zipfile
from pathlib import Path

import pytest
from tests.data.small_data import CLEAN, zip_of

from hydrarec.data.sources import unpack as module
from hydrarec.data.sources.base import Refusal, RequiredFiles
from hydrarec.data.sources.unpack import unpack

REQUIRED = RequiredFiles(alternatives=[["ratings.csv"]], files=["ratings.csv", "movies.csv"])


@pytest.fixture
def into(tmp_path: Path) -> Path:
    folder = tmp_path / "into"
    folder.mkdir()
    return folder


def refused(file: Path, into: Path) -> str:
    before = sorted(into.parent.rglob("*"))
    with pytest.raises(Refusal) as caught:
        unpack(file, into, REQUIRED)
    assert caught.value.kind == "content"
    assert sorted(into.parent.rglob("*")) == before
    return caught.value.reason


def test_only_required_files_are_unpacked(tmp_path: Path, into: Path) -> None:
    archive = zip_of(tmp_path / "a.zip", {"ml/ratings.csv": CLEAN, "ml/tags.csv": "x", "a/b/c/movies.csv": "too deep"})
    unpack(archive, into, REQUIRED)
    assert [path.name for path in into.iterdir()] == ["ratings.csv"]
    assert (into / "ratings.csv").read_text() == CLEAN


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("../evil.csv", "leaves the folder"),
        ("ml/../../evil.csv", "leaves the folder"),
        ("..\\evil.csv", "leaves the folder"),
        ("/etc/evil.csv", "is an absolute path"),
        ("C:/evil.csv", "is an absolute path"),
    ],
)
def test_names_that_lead_out_of_the_folder(name: str, reason: str, tmp_path: Path, into: Path) -> None:
    archive = zip_of(tmp_path / "a.zip", {"ml/ratings.csv": CLEAN, name: "evil"})
    assert refused(archive, into) == f"refused whole: '{name}' {reason}"


def test_links(tmp_path: Path, into: Path) -> None:
    link = zipfile.ZipInfo("ml/movies.csv")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    archive = zip_of(tmp_path / "a.zip", {"ml/ratings.csv": CLEAN})
    with zipfile.ZipFile(archive, "a") as zipped:
        zipped.writestr(link, "/etc/passwd")
    assert refused(archive, into) == "refused whole: 'ml/movies.csv' is a link or a device"


def test_bombs(tmp_path: Path, into: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = zip_of(tmp_path / "a.zip", {"ml/ratings.csv": CLEAN, "ml/zeros": b"\0" * (32 << 20)})
    assert "a zip bomb" in refused(archive, into)
    monkeypatch.setattr(module, "MOST_MEMBERS", 1)
    assert "2 files" in refused(zip_of(tmp_path / "b.zip", {"a": "", "b": ""}), into)


def test_a_bomb_that_lies_about_its_size_stays_small(tmp_path: Path, into: Path) -> None:
    archive = zip_of(tmp_path / "a.zip", {"ml/ratings.csv": b"\0" * (1 << 20)})
    content = archive.read_bytes()
    true, told = (1 << 20).to_bytes(4, "little"), (100).to_bytes(4, "little")
    archive.write_bytes(content.replace(true, told))
    with pytest.raises(Refusal, match="not a whole zip archive"):
        unpack(archive, into, REQUIRED)
    assert sum(path.stat().st_size for path in into.iterdir()) <= 100


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "text"])
def test_damage(damage: str, tmp_path: Path, into: Path) -> None:
    archive = zip_of(tmp_path / "a.zip", {"ml/ratings.csv": CLEAN})
    whole = archive.read_bytes()
    place = whole.index(b"ratings.csv") + 20
    damaged = {
        "cut": whole[:-10],
        "flipped": whole[:place] + b"\xff\xff" + whole[place + 2 :],
        "empty": b"",
        "text": b"x",
    }
    archive.write_bytes(damaged[damage])
    with pytest.raises(Refusal, match="not a whole zip archive"):
        unpack(archive, into, REQUIRED)


def test_files_that_are_missing(tmp_path: Path, into: Path) -> None:
    assert refused(zip_of(tmp_path / "a.zip", {"ml/movies.csv": "x"}), into) == "lacks ratings.csv"
