"""Bulk recommendation against one user at a time, and its output files."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from tests.recommend.small_runs import Table, data_of, run_of, scores_of

from hydrarec.core.errors import EnvironmentFault
from hydrarec.core.files import TEMPORARY_SUFFIX
from hydrarec.models.trained import TrainedRun
from hydrarec.recommend import bulk, tables
from hydrarec.recommend.bulk import Recommendations, recommendations
from hydrarec.recommend.tables import table_file
from hydrarec.recommend.top import rated_items, top_unrated

K = 3
SOME, NOTHING = np.array([4]), np.empty(0, np.int64)
# The fourth has rated all but one, the fifth everything.
RATED = ([0, 1], [2], [], [0, 1, 2, 3, 4], [0, 1, 2, 3, 4, 5], [5], [0, 3])
FORMATS = pytest.mark.parametrize("suffix", [".parquet", ".csv"])


@pytest.fixture
def run() -> TrainedRun:
    return run_of(Table(scores_of(len(RATED), 6).mul(2).round()), data_of(RATED))


def all_rows(parts: list[Recommendations]) -> list[tuple[int, int, int, float]]:
    return [row for part in parts for row in zip(*(column.tolist() for column in part), strict=True)]


@pytest.mark.parametrize("excluded", [NOTHING, SOME], ids=["all items", "some items"])
@pytest.mark.parametrize("at_once", [1, 2, 3, 100])
def test_equal_to_single_users(
    run: TrainedRun, at_once: int, excluded: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "_BYTES_PER_SCORE", 2**20 // (6 * at_once))
    users, asked = np.array([6, 0, 3, 4, 5, 1, 2]), list[int]()
    parts = list(recommendations(run, users, excluded, K, 1, asked.append))
    assert len(parts) == -(-7 // at_once)
    assert sum(asked) == 7
    expected = []
    for user in users.tolist():
        rated = rated_items(run.data, torch.device("cpu"))
        items, scores = top_unrated(run.model, torch.tensor([user]), rated, torch.from_numpy(excluded), K)
        pairs = zip(items[0].tolist(), scores[0].tolist(), strict=True)
        expected += [(user, rank, item, score) for rank, (item, score) in enumerate(pairs, 1) if score > -np.inf]
    found = all_rows(parts)
    assert found == expected
    assert not any(item in RATED[user] or item in excluded for user, _, item, _ in found)
    assert sum(user == 3 for user, *_ in found) == 1
    assert sum(user == 4 for user, *_ in found) == 0
    assert sum(user == 2 for user, *_ in found) == K


@FORMATS
@pytest.mark.parametrize("rows_at_once", [1, 4, 1000])
@pytest.mark.parametrize("user_ids", [None, [f"u,{n}" for n in range(7)]], ids=["integers", "texts"])
def test_file_holds_what_was_recommended(
    run: TrainedRun,
    tmp_path: Path,
    suffix: str,
    rows_at_once: int,
    user_ids: list[str] | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tables, "ROWS_AT_ONCE", rows_at_once)
    monkeypatch.setattr(bulk, "_BYTES_PER_SCORE", 2**20 // 12)
    data = data_of(RATED, user_ids=user_ids)
    parts = list(recommendations(run, np.arange(7), NOTHING, K, 1))
    out = tmp_path / "new" / f"recs[1]{suffix}"
    with table_file(out, data) as write:
        for part in parts:
            write(part)
    found = pd.read_parquet(out) if suffix == ".parquet" else pd.read_csv(out)
    assert list(found) == ["user", "rank", "item", "title", "score"]
    assert list(found.itertuples(index=False, name=None)) == [
        (data.user_ids.raw[user], rank, 10 + item, data.label(item), score)
        for user, rank, item, score in all_rows(parts)
    ]
    assert [path.name for path in out.parent.iterdir()] == [out.name]


@FORMATS
def test_failure_leaves_the_old_file(run: TrainedRun, tmp_path: Path, suffix: str) -> None:
    out = tmp_path / f"recs{suffix}"
    out.write_text("old")
    [part] = recommendations(run, np.arange(7), NOTHING, K, 1)
    with pytest.raises(KeyError), table_file(out, run.data) as write:
        write(part)
        raise KeyError
    assert out.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == [out.name]


@FORMATS
def test_no_recommendations_at_all(run: TrainedRun, tmp_path: Path, suffix: str) -> None:
    out = tmp_path / f"recs{suffix}"
    with table_file(out, run.data):
        pass
    found = pd.read_parquet(out) if suffix == ".parquet" else pd.read_csv(out)
    assert found.shape == (0, 5)


def test_leftover_of_a_killed_run_is_swept(run: TrainedRun, tmp_path: Path) -> None:
    mine, other = (tmp_path / f".{name}.csv.abc{TEMPORARY_SUFFIX}" for name in ("recs", "other"))
    mine.touch()
    other.touch()
    with table_file(tmp_path / "recs.csv", run.data):
        pass
    assert not mine.exists()
    assert other.exists()


def test_parquet_without_pyarrow(run: TrainedRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(EnvironmentFault, match="pyarrow") as caught, table_file(tmp_path / "recs.parquet", run.data):
        pass
    assert "pip install 'hydrarec[parquet]'" in caught.value.fix
    assert not list(tmp_path.iterdir())


def test_folder_that_is_a_file(run: TrainedRun, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(EnvironmentFault, match="cannot be written"), table_file(tmp_path / "file/recs.csv", run.data):
        pass
