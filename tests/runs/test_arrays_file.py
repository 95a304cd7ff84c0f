"""Writing of arrays: what NumPy reads back, and progress."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hydrarec.runs.arrays_file import write_arrays


def test_numpy_reads_the_arrays_back_and_long_writing_says_how_far_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("hydrarec.core.console.PLAIN_INTERVAL", 0.0)
    monkeypatch.setattr("hydrarec.core.console.PATIENCE", 0.0)
    arrays = {
        "ratings": np.arange(5, dtype=np.float32),
        "names": np.array(["a", "bc"]),
        "read only": np.broadcast_to(np.int8(1), 3),
        "none": np.zeros(0, np.int64),
        "scalar": np.array("name"),
    }
    with (tmp_path / "data.npz").open("wb") as file:
        write_arrays(file, "data.npz", arrays)
    with np.load(tmp_path / "data.npz", allow_pickle=False) as found:
        assert found.files == list(arrays)
        for name, array in arrays.items():
            assert found[name].dtype == array.dtype
            assert np.array_equal(found[name], array)
    assert "writing data.npz: " in capsys.readouterr().err
