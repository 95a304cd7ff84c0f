"""Atomic writes: files are complete or absent, whenever the process dies."""

from __future__ import annotations

import contextlib
import json
import math
import os
import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import torch

from hydrarec.core import files
from hydrarec.core.errors import CheckpointError
from hydrarec.core.files import TEMPORARY_SUFFIX, atomic_write, sha256_of, write_json
from hydrarec.runs import checkpoint as checkpointing


class Died(BaseException):
    """Simulates the death of the process."""


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_write_makes_or_replaces_the_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "file"
    for content in (b"old", b"new"):
        with atomic_write(path) as file:
            file.write(content)
        assert path.read_bytes() == content
        assert names_in(tmp_path) == ["file"]


def test_text_is_utf_8(tmp_path: Path) -> None:
    with atomic_write(tmp_path / "file", "w") as file:
        file.write("b̂ᵤ ≥ 0")
    assert (tmp_path / "file").read_bytes().decode("utf-8") == "b̂ᵤ ≥ 0"


def test_old_content_stands_until_the_block_ends(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    with atomic_write(path, "w") as file:
        file.write("new")
        file.flush()
        assert path.read_text() == "old"
    assert path.read_text() == "new"


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_error_in_the_middle_leaves_the_old_content_alone(tmp_path: Path, error: type[BaseException]) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    with pytest.raises(error), atomic_write(path, "w") as file:
        file.write("half")
        raise error
    assert path.read_text() == "old"
    assert names_in(tmp_path) == ["file"]


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_full_disk_leaves_the_old_content_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    def full(*args: object) -> None:
        raise OSError(28, "No space left on device")

    path = tmp_path / "file"
    path.write_text("old")
    monkeypatch.setattr(files.os, call, full)
    with pytest.raises(OSError, match="No space"), atomic_write(path, "w") as file:
        file.write("new")
    assert path.read_text() == "old"
    assert names_in(tmp_path) == ["file"]


def test_content_is_on_the_disk_before_the_name_and_the_folder_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    fsync, replace = os.fsync, os.replace

    def noted_fsync(descriptor: int) -> None:
        order.append("fsync folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "fsync file")
        fsync(descriptor)

    def noted_replace(source: str, target: Path) -> None:
        order.append("replace")
        assert Path(source).parent == target.parent, "a rename across file systems is not atomic"
        replace(source, target)

    monkeypatch.setattr(files.os, "fsync", noted_fsync)
    monkeypatch.setattr(files.os, "replace", noted_replace)
    with atomic_write(tmp_path / "file") as file:
        file.write(b"content")
    assert order == ["fsync file", "replace", "fsync folder"]


def test_permissions_are_those_of_any_new_file(tmp_path: Path) -> None:
    (tmp_path / "plain").touch()
    with atomic_write(tmp_path / "file"):
        pass
    assert (tmp_path / "file").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_temporary_name_is_one_that_the_next_start_sweeps(tmp_path: Path) -> None:
    with atomic_write(tmp_path / "file"):
        (name,) = names_in(tmp_path)
    assert name.startswith(".")
    assert name.endswith(TEMPORARY_SUFFIX)


def test_concurrent_writers_never_mix(tmp_path: Path) -> None:
    path = tmp_path / "file"
    contents = [bytes([letter]) * 100_000 for letter in b"abcdefgh"]

    def write(content: bytes) -> None:
        for _ in range(5):
            with atomic_write(path) as file:
                file.write(content[:50_000])
                file.write(content[50_000:])
            assert path.read_bytes() in contents

    with ThreadPoolExecutor(len(contents)) as pool:
        list(pool.map(write, contents))
    assert names_in(tmp_path) == ["file"]


def test_json_is_readable_and_whole(tmp_path: Path) -> None:
    write_json(tmp_path / "file", {"rmse": 0.9, "name": "β"})
    assert json.loads((tmp_path / "file").read_text()) == {"rmse": 0.9, "name": "β"}


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_json_has_no_nan(tmp_path: Path, value: float) -> None:
    write_json(tmp_path / "file", {"old": 1})
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "file", {"rmse": value})
    assert json.loads((tmp_path / "file").read_text()) == {"old": 1}


# -- checkpoints: while one is replaced, its sidecar knows the old digest and the new one ------------------------------

OLD, NEW = {"step": 1, "weight": torch.zeros(3)}, {"step": 2, "weight": torch.ones(3)}


def dying_at(step: int, function: Callable[..., Any], counter: list[int]) -> Callable[..., Any]:
    """Wrap ``function`` to die at the ``step``-th call, counted over all functions that share ``counter``."""

    def call(*args: Any, **kwargs: Any) -> Any:
        counter[0] += 1
        if counter[0] == step:
            raise Died
        return function(*args, **kwargs)

    return call


STEPS = 9  # 3 files written (digests, checkpoint, digests), each: flush file, rename, flush folder


@pytest.mark.parametrize("step", range(1, STEPS + 1))
@pytest.mark.parametrize("first", [True, False], ids=["the first checkpoint", "a later one"])
def test_kill_between_any_two_steps_leaves_a_checkpoint_that_loads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, first: bool, step: int
) -> None:
    path = tmp_path / "last.ckpt"
    if not first:
        checkpointing.save(OLD, path)
    counter = [0]
    with monkeypatch.context() as patch, pytest.raises(Died):
        for name in ("fsync", "replace"):
            patch.setattr(files.os, name, dying_at(step, getattr(os, name), counter))
        patch.setattr(files.os, "unlink", lambda name: None)  # a killed process tidies nothing up
        checkpointing.save(NEW, path)
    if path.exists():
        assert checkpointing.load(path, parts={})["step"] in ((2,) if first else (1, 2))
    else:
        assert first
    checkpointing.save(NEW, path)
    assert checkpointing.load(path, parts={})["step"] == 2
    assert checkpointing.sidecar(path).read_text().split() == [sha256_of(path)]


def test_kill_has_been_tried_at_every_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    counter = [0]
    for name in ("fsync", "replace"):
        monkeypatch.setattr(files.os, name, dying_at(STEPS + 1, getattr(os, name), counter))
    checkpointing.save(NEW, tmp_path / "last.ckpt")
    assert counter == [STEPS]


def test_two_kills_in_a_row_leave_a_checkpoint_that_loads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "last.ckpt"
    checkpointing.save(OLD, path)
    for step in (
        6,
        6,
        4,
        2,
    ):  # behind the rename of the checkpoint twice, then before it, then before that of the digests
        counter = [0]
        with monkeypatch.context() as patch, contextlib.suppress(Died):
            for name in ("fsync", "replace"):
                patch.setattr(files.os, name, dying_at(step, getattr(os, name), counter))
            checkpointing.save(NEW, path)
        assert checkpointing.load(path, parts={})["step"] in (1, 2)


def test_load_gives_back_what_was_saved(tmp_path: Path) -> None:
    checkpointing.save(NEW, tmp_path / "x.ckpt")
    loaded = checkpointing.load(tmp_path / "x.ckpt", parts={})
    assert loaded["step"] == 2
    assert torch.equal(loaded["weight"], torch.ones(3))


def test_every_flipped_bit_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "x.ckpt"
    checkpointing.save(NEW, path)
    content = path.read_bytes()
    for position in range(0, len(content), 97):
        path.write_bytes(content[:position] + bytes([content[position] ^ 4]) + content[position + 1 :])
        with pytest.raises(CheckpointError, match="damaged"):
            checkpointing.load(path, parts={})
