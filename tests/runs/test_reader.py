"""Run folders are untrusted input, read in one place: types are checked, damage is named, nothing is unpickled."""

from __future__ import annotations

import ast
import json
import pickle
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scripts.structure import SOURCE
from tests.reports.comparison.run_folders import make_run

from hydrarec.core.errors import CheckpointError
from hydrarec.runs import reader as reading
from hydrarec.runs.folder import RunFolder
from hydrarec.runs.reader import RunReader
from hydrarec.runs.record_types import Record, Result, find_problem

RESULT = {
    "metrics": {"test/rmse": 0.9},
    "selected": {"epoch": 1, "by": "val/rmse", "mode": "min"},
    "epochs": 2,
    "n": {"train": 480},
    "seconds": {"training": 1},
}
READERS: dict[str, Callable[[RunReader], Any]] = {
    "config.yaml": RunReader.read_config,
    "run.json": RunReader.read_record,
    "result.json": RunReader.read_result,
    "error.json": RunReader.read_error,
    "history.csv": RunReader.read_history,
    "predictions.npz": lambda run: run.read_arrays("predictions.npz"),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_run(tmp_path / "run", errors=np.arange(4.0))


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({}, ""),
        ({"metrics": [1]}, "metrics is no object"),
        ({"metrics": {"test/rmse": "any"}}, ""),  # a failed run, not a damaged one
        ({"epochs": "2"}, "epochs is '2'"),
        ({"epochs": True}, "epochs is True"),
        ({"n": {"train": None}}, "n.train is None"),
        ({"selected": {"epoch": 1, "mode": "min"}}, "selected.by is missing"),
        ({"seconds": {"training": "1"}}, "seconds.training is '1'"),
        ({"more": object()}, ""),
    ],
)
def test_result_is_checked_for_its_types(change: dict[str, Any], problem: str) -> None:
    assert find_problem({**RESULT, **change}, Result) == problem


@pytest.mark.parametrize(
    ("record", "problem"),
    [
        ({}, ""),
        ([], "the whole is no object"),
        ({"overrides": ["a", 1]}, "overrides.1 is 1"),
        ({"overrides": "a=1"}, "overrides is no list"),
        ({"data": {}}, "data.fingerprint is missing"),
        ({"provenance": {"git": None}}, ""),
        ({"provenance": {"git": "abc"}}, "provenance.git is 'abc'"),
    ],
)
def test_record_is_checked_for_its_types(record: Any, problem: str) -> None:
    assert find_problem(record, Record) == problem


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b'{"a": \nx', b"epoch\nx\n\x00", pickle.dumps({"a": 1})])
def test_damaged_file_is_named(folder: Path, name: str, content: bytes) -> None:
    (folder / name).write_bytes(content)
    with pytest.raises(CheckpointError, match=f"{name} of this run folder is damaged: ") as caught:
        READERS[name](RunReader(folder))
    assert caught.value.file == str(folder / name)
    assert caught.value.fix


def test_missing_files_are_empty_but_for_arrays(tmp_path: Path) -> None:
    run = RunReader(tmp_path)
    for name, read in READERS.items():
        if name == "predictions.npz":
            with pytest.raises(CheckpointError, match="there is no "):
                read(run)
        else:
            assert not read(run)
    assert not run.finished
    assert run.read_start() == 0


def test_pickled_objects_are_refused(folder: Path) -> None:
    np.savez(folder / "predictions.npz", row=np.array([{"a": 1}], object))
    with pytest.raises(CheckpointError, match="damaged"):
        RunReader(folder).read_arrays("predictions.npz")


def test_history_has_numbers_only(folder: Path) -> None:
    (folder / "history.csv").write_text("epoch,train/loss,val/rmse\n1,,0.5\n2,0.25\n")
    run = RunReader(folder)
    assert run.read_history() == [{"epoch": 1.0, "val/rmse": 0.5}, {"epoch": 2.0, "train/loss": 0.25}]
    assert run.read_history("val/rmse") == [{"val/rmse": 0.5}, {}]


def test_a_process_of_another_rank_writes_nothing(tmp_path: Path) -> None:
    first = RunFolder(tmp_path / "run")
    first.write_config({"a": 1})
    before = {path: path.read_bytes() for path in first.path.rglob("*") if path.is_file()}
    second = RunFolder(tmp_path / "run", rank=1)  # although the first holds the lock
    second.write_config({"a": 2})
    second.update_record(status="training")
    second.write_history([{"epoch": 1}])
    second.write_outcomes("rating", {"a": np.zeros(1)})
    second.write_data({"a": np.zeros(1)})
    second.write_diff(b"x")
    second.write_result(RESULT)
    second.write_error(CheckpointError("x"))
    second.start_over()
    second.release()
    assert {path: path.read_bytes() for path in first.path.rglob("*") if path.is_file()} == before
    first.release()


def test_what_is_written_is_read(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    folder.write_error(CheckpointError("first"))
    assert (folder.read_error()["what"], folder.read_record()) == ("first", {"status": "failed"})
    folder.update_record(overrides=["a=1"])
    folder.write_history([{"epoch": 1, "val/rmse": 0.1 + 0.2}])
    folder.write_outcomes("ranking", {"x": np.arange(3)})
    folder.write_result(RESULT)
    run = RunReader(folder.path)
    assert run.finished
    assert run.read_error() == {}
    assert run.read_overrides() == ["a=1"]
    assert run.read_history() == [{"epoch": 1.0, "val/rmse": 0.1 + 0.2}]
    assert run.read_result() == json.loads(json.dumps(RESULT))
    assert run.read_arrays("ranks.npz")["x"].tolist() == [0, 1, 2]
    folder.start_over()
    assert not run.read_record() and not run.read_history() and not run.checkpoints.exists()
    folder.release()


def test_no_other_room_names_the_files_of_a_run() -> None:
    names = (reading.CONFIG, reading.RECORD, reading.HISTORY, reading.RESULT, reading.ERROR, *reading.OUTCOMES.values())
    names = (*names, "data.npz", "git.diff")
    for path in SOURCE.rglob("*.py"):
        if path.parent.name != "runs":
            found = [
                text for text in texts_of(path) if any(text == name or text.endswith(f"/{name}") for name in names)
            ]
            assert found == [], path


def texts_of(path: Path) -> Iterator[str]:
    """Every text of a file's code, the parts of an f-string included."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
