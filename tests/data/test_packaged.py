"""Datasets extracted from a Python package, with a fake pip."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.data.small_data import CLEAN, published, tree, zip_of

from hydrarec.core.errors import DataError, EnvironmentFault
from hydrarec.data.sources.base import Refusal
from hydrarec.data.sources.packaged import Package

PATH = "toy/example/ratings.csv"
DIGEST = hashlib.sha256(CLEAN.encode()).hexdigest()


def package(digest: str = DIGEST) -> Package:
    return Package(requirement="toy==1.0", files=[PATH], sha256=[digest])


@pytest.fixture
def pip(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What a stand-in for pip does: ``members`` of its wheel, ``returncode``, ``stderr``; and what it was ``asked``."""
    behaviour: dict[str, Any] = {"members": {PATH: CLEAN}, "returncode": 0, "stderr": "", "asked": []}

    def run(command: list[str], **options: Any) -> subprocess.CompletedProcess:
        behaviour["asked"].append(command)
        assert options["timeout"] > 0
        if behaviour["members"] is not None:
            zip_of(Path(command[command.index("-d") + 1]) / "toy-1.0-py3-none-any.whl", behaviour["members"])
        return subprocess.CompletedProcess(command, behaviour["returncode"], "", behaviour["stderr"])

    monkeypatch.setattr(subprocess, "run", run)
    return behaviour


def test_ratings_out_of_a_package(pip: dict[str, Any], own_folders: Path) -> None:
    assert len(published(package=package()).load()) == 4
    (command,) = pip["asked"]
    assert command[:4] == [sys.executable, "-m", "pip", "download"]
    assert {"--no-deps", "toy==1.0"} <= set(command)
    assert sorted(tree(own_folders / "datasets")) == ["tiny/ratings.csv"]  # the wheel itself is not kept
    assert len(published(package=package()).load()) == 4
    assert len(pip["asked"]) == 1


def test_another_content(pip: dict[str, Any], own_folders: Path) -> None:
    with pytest.raises(DataError, match=f"wrong checksum of {PATH}: {DIGEST}, expected {'0' * 64}"):
        published(package=package("0" * 64)).load()
    assert tree(own_folders) == {}


def test_another_package(pip: dict[str, Any], own_folders: Path) -> None:
    pip["members"] = {"other": ""}
    with pytest.raises(DataError, match="is not the wheel it should be"):
        published(package=package()).load()
    assert tree(own_folders) == {}


def test_no_index(pip: dict[str, Any]) -> None:
    pip.update(
        members=None, returncode=1, stderr="ERROR: Could not find toy==1.0 (from versions: none)\nERROR: No match"
    )
    with pytest.raises(EnvironmentFault, match=r"package toy==1\.0: the package index .* cannot be reached"):
        published(package=package()).load()


def test_no_pip(pip: dict[str, Any]) -> None:
    pip.update(members=None, returncode=1, stderr="/usr/bin/python: No module named pip\n")
    with pytest.raises(EnvironmentFault, match="No module named pip"):
        published(package=package()).load()


def test_pip_hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def hang(command: list[str], **options: Any) -> None:
        raise subprocess.TimeoutExpired(command, options["timeout"])

    monkeypatch.setattr(subprocess, "run", hang)
    with pytest.raises(Refusal, match="took more than"):
        package().take(tmp_path)
