"""Checkpoints that are whole files of something else: refused with exit code 4, named, nothing executed, nothing trained."""

from __future__ import annotations

import io
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.attacks.corpus import Pickled
from tests.conftest import Execute, history_of, killed_after, tree_digest

from hydrarec.core.errors import CheckpointError
from hydrarec.models.trained import load_run
from hydrarec.runs import checkpoint
from hydrarec.runs.reader import RunReader

OLD = Path(__file__).parents[1] / "golden" / "old_runs" / "rating"
Content = dict[str, Any]


def write(path: Path, content: object) -> None:
    buffer = io.BytesIO()
    torch.save(content, buffer)
    write_bytes(path, buffer.getvalue())


def write_bytes(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    checkpoint.sidecar(path).write_text(f"{checkpoint.sha256_of(path)}\n")


def without(*names: str) -> Callable[[Content], object]:
    return lambda content: {name: value for name, value in content.items() if name not in names}


def changed(**parts: object) -> Callable[[Content], object]:
    return lambda content: {**content, **parts}


CONTENTS: dict[str, tuple[Callable[[Content], object], str]] = {
    "a list": (lambda content: [1, 2], "it holds a list"),
    "a tensor": (lambda content: torch.ones(3), "it holds a Tensor"),
    "nothing": (lambda content: None, "it holds a NoneType"),
    "no parts": (lambda content: {}, "its state_dict is nothing"),
    "weights alone": (lambda content: content["state_dict"], "its state_dict is nothing"),
    "no state_dict": (without("state_dict"), "its state_dict is nothing"),
    "a state_dict that is a list": (changed(state_dict=[1]), "its state_dict is a list"),
    "a state_dict of numbers": (changed(state_dict={"a": 1}), "more than named tensors"),
}
STATES = {
    "weights only": (without("loops", "optimizer_states", "lr_schedulers", "callbacks"), "its loops is nothing"),
    "no loops": (without("loops"), "its loops is nothing"),
    "no optimizers": (without("optimizer_states"), "its optimizer_states is nothing"),
    "no epoch": (without("epoch"), "its epoch is nothing"),
    "an epoch in words": (changed(epoch="1"), "its epoch is a str"),
}
MODELS = {
    "a size in words": ({"num_users": "40"}, "num_users=40 is not"),
    "a huge size": ({"num_users": 10**12}, "does not fit the model"),
    "a width without end": ({"embedding_dim": 10**9}, "does not fit the model"),
    "a class by name": ({"_instantiator": "trap.boom"}, "refused: its hyper-parameters name _instantiator=trap.boom"),
}  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copytree(OLD, tmp_path / "run")
    return tmp_path / "run"


@pytest.mark.parametrize("case", CONTENTS)
def test_best_checkpoint_of_something_else(folder: Path, case: str) -> None:
    change, says = CONTENTS[case]
    path = RunReader(folder).best_checkpoint
    write(path, change(checkpoint.load(path)))
    with pytest.raises(CheckpointError, match=says) as caught:
        load_run(folder)
    assert caught.value.file == str(path)
    assert caught.value.fix


@pytest.mark.parametrize("case", {**CONTENTS, **STATES})
def test_last_checkpoint_of_something_else(folder: Path, case: str) -> None:
    """By what Lightning restores a run with."""
    change, says = {**CONTENTS, **STATES}[case]
    path = RunReader(folder).last_checkpoint
    write(path, change(checkpoint.load(path, parts=checkpoint.STATE)))
    with pytest.raises(CheckpointError, match=says) as caught:
        checkpoint.AtomicCheckpointIO().load_checkpoint(path)
    assert caught.value.file == str(path)


@pytest.mark.parametrize("case", MODELS)
def test_hyper_parameters_of_something_else(folder: Path, case: str) -> None:
    change, says = MODELS[case]
    path = RunReader(folder).best_checkpoint
    content = checkpoint.load(path)
    write(path, {**content, "hyper_parameters": {**content["hyper_parameters"], **change}})
    with pytest.raises(CheckpointError, match=says):
        load_run(folder)


@pytest.mark.parametrize("kind", ["pickle", "zip"])
def test_pickle_is_refused_without_advice_to_load_it(folder: Path, tmp_path: Path, kind: str) -> None:
    path, bomb = RunReader(folder).best_checkpoint, Pickled(Path.touch, tmp_path / "canary")
    if kind == "zip":
        write(path, {**checkpoint.load(path), "bomb": bomb})
    else:
        write_bytes(path, pickle.dumps({"state_dict": bomb}, protocol=2))
    with pytest.raises(CheckpointError, match="refused: it") as caught:
        load_run(folder)
    assert "weights_only" not in str(caught.value)
    assert not (tmp_path / "canary").exists()


@pytest.mark.parametrize(
    "content", [b"", b"PK\x03\x04", b"\x80\x02}", b"\x80\x04.", b"text", b"PK\x05\x06" + bytes(18), b"\0" * 999]
)
def test_file_of_another_kind(folder: Path, content: bytes) -> None:
    path = RunReader(folder).best_checkpoint
    write_bytes(path, content)
    with pytest.raises(CheckpointError, match="refused: it") as caught:
        load_run(folder)
    assert caught.value.file == str(path)


def test_digest_that_is_no_text(folder: Path) -> None:
    checkpoint.sidecar(RunReader(folder).best_checkpoint).write_bytes(b"\xff\xfe\0\x80")
    with pytest.raises(CheckpointError, match="damaged"):
        load_run(folder)


def test_folder_in_place_of_the_checkpoint_is_no_reason_to_train_again(execute: Execute, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    with killed_after(saves=8):
        execute(folder)
    last = RunReader(folder).last_checkpoint
    last.unlink()
    last.mkdir()
    before = history_of(folder)
    with pytest.raises(CheckpointError, match="it is no file") as caught:
        execute(folder)
    assert caught.value.file == str(last)
    assert history_of(folder) == before


@pytest.mark.parametrize("part", ["checkpoints", "figures", "analysis", "tensorboard", ".lock"])
def test_link_out_of_the_folder_is_refused_before_anything_is_written(folder: Path, tmp_path: Path, part: str) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / ".x.part").write_text("somebody's")
    target = outside / ".x.part" if part == ".lock" else outside
    shutil.rmtree(folder / part, ignore_errors=True)
    (folder / part).symlink_to(target)
    before = tree_digest(tmp_path)
    with pytest.raises(CheckpointError, match="refused: it is a link that leads out"):
        load_run(folder)
    assert tree_digest(tmp_path) == before


def test_link_within_the_folder_or_to_it_is_fine(folder: Path, tmp_path: Path) -> None:
    (folder / "checkpoints").rename(folder / "kept")
    (folder / "checkpoints").symlink_to("kept")
    (tmp_path / "link").symlink_to(folder)
    assert load_run(tmp_path / "link").data.num_users == 40
