"""Arrays of a run folder that contradict each other: refused with exit code 4, named, before anything is computed."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from hydrarec.core.errors import CheckpointError
from hydrarec.models.trained import load_run
from hydrarec.runs.reader import RunReader
from hydrarec.runs.run_data import read_data

OLD = Path(__file__).parents[1] / "golden" / "old_runs" / "rating"
Change = Callable[[NDArray], NDArray]


def put(place: int, value: object) -> Change:
    def change(array: NDArray) -> NDArray:
        changed = array.copy()
        changed[place] = value
        return changed

    return change


DAMAGES: dict[str, tuple[str, Change]] = {
    "an item too many": ("items", lambda a: np.append(a, a[-1])),
    "an item that is not there": ("items", put(0, 30)),
    "a negative item": ("items", put(0, -1)),
    "items of another type": ("items", lambda a: a.astype(np.float64)),
    "items in a table": ("items", lambda a: a.reshape(2, -1)),
    "items out of order": ("items", lambda a: a[::-1].copy()),
    "an item twice": ("items", lambda a: put(1, a[0])(a)),
    "no items": ("items", lambda a: a[:0]),
    "complex numbers": ("items", lambda a: a.astype(np.complex64)),
    "other byte order": ("items", lambda a: a.astype(">i4")),
    "dates": ("items", lambda a: a.astype("datetime64[s]")),
    "records": ("items", lambda a: np.array([(1, 2)], dtype="i4,i4")),
    "a rating too few": ("ratings", lambda a: a[:-1]),
    "a rating that is no number": ("ratings", put(0, np.nan)),
    "an infinite rating": ("ratings", put(0, np.inf)),
    "ratings in words": ("ratings", lambda a: a.astype(str)),
    "an unknown part": ("parts", put(0, 4)),
    "a negative part": ("parts", put(0, -1)),
    "a part too few": ("parts", lambda a: a[1:]),
    "starts that go back": ("starts", put(1, 10**6)),
    "starts that begin late": ("starts", put(0, 1)),
    "starts that end early": ("starts", lambda a: put(-1, a[-1] - 1)(a)),
    "a user too many": ("starts", lambda a: np.append(a, a[-1])),
    "starts beyond int64's middle": ("starts", put(1, -(2**62))),
    "ids out of order": ("user_ids", lambda a: a[::-1].copy()),
    "an id twice": ("item_ids", lambda a: put(1, a[0])(a)),
    "ids as floats": ("item_ids", lambda a: a.astype(float)),
    "no ids": ("user_ids", lambda a: a[:0]),
    "one id without a column": ("user_ids", lambda a: a[0]),
    "a scale of three": ("scale", lambda a: np.append(a, 9.0)),
    "a scale the wrong way round": ("scale", lambda a: a[::-1].copy()),
    "a scale without end": ("scale", put(1, np.inf)),
    "names": ("name", lambda a: np.array(["a", "b"])),
    "a title too few": ("titles", lambda a: np.frombuffer(b"a\nb", np.uint8)),
    "titles that are no text": ("titles", lambda a: np.frombuffer(b"\xff\xfe", np.uint8)),
    "titles of another type": ("titles", lambda a: np.array(["a"] * 30)),
}  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copytree(OLD, tmp_path / "run")
    return tmp_path / "run"


@pytest.mark.parametrize("damage", DAMAGES)
def test_contradiction_is_refused_and_named(folder: Path, damage: str) -> None:
    name, change = DAMAGES[damage]
    arrays = RunReader(folder).read_arrays("data.npz")
    np.savez(folder / "data.npz", **{**arrays, name: change(arrays.get(name, np.zeros(0, np.uint8)))})
    with pytest.raises(CheckpointError, match=r"data\.npz of this run folder is damaged: .*") as caught:
        read_data(RunReader(folder))
    assert any(word in caught.value.what for word in (name, "starts", "ratings has", "scale", "codec"))
    assert caught.value.fix


@pytest.mark.parametrize("name", ["starts", "items", "ratings", "parts", "user_ids", "item_ids", "scale", "name"])
def test_missing_array_is_named(folder: Path, name: str) -> None:
    arrays = RunReader(folder).read_arrays("data.npz")
    np.savez(folder / "data.npz", **{key: array for key, array in arrays.items() if key != name})
    with pytest.raises(CheckpointError, match=f"'{name}' is missing"):
        read_data(RunReader(folder))


def test_data_of_another_run_are_refused(folder: Path) -> None:
    arrays = RunReader(folder).read_arrays("data.npz")
    last = arrays["starts"][-2]
    cut = {"starts": arrays["starts"][:-1], "user_ids": arrays["user_ids"][:-1]}
    np.savez(
        folder / "data.npz",
        **{**arrays, **cut, **{name: arrays[name][:last] for name in ("items", "ratings", "parts")}},
    )
    with pytest.raises(CheckpointError, match=r"it is of 40 users and 30 items, and data\.npz has 39 and 30"):
        load_run(folder)
