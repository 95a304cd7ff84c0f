"""Loading a model from its run folder: also moved and without its data; errors for damaged folders."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from tests.conftest import Execute

from hydrarec.core.errors import CheckpointError
from hydrarec.models.trained import load_run
from hydrarec.runs.reader import RunReader
from hydrarec.runs.run_data import read_data


@pytest.fixture
def run(execute: Execute, tmp_path: Path) -> Path:
    execute(tmp_path / "run")
    return tmp_path / "run"


def test_a_moved_folder_scores_as_before(run: Path, workplace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = load_run(run).model.catalogue_scores(torch.arange(40))
    moved = run.rename(run.with_name("elsewhere"))
    (workplace / "ratings.csv").unlink()
    monkeypatch.delenv("HYDRAREC_CACHE_DIR")
    trained = load_run(moved)
    assert torch.equal(trained.model.catalogue_scores(torch.arange(40)), before)
    assert (trained.task, trained.data.num_users, trained.data.num_items) == ("rating", 40, 30)
    assert trained.data.user_ids.to_list() == list(range(1, 41))
    assert not trained.model.training


@pytest.mark.parametrize("name", ["data.npz", "checkpoints/best.ckpt"])
def test_a_flipped_bit_is_noticed(run: Path, name: str) -> None:
    content = bytearray((run / name).read_bytes())
    content[len(content) // 2] ^= 1
    (run / name).write_bytes(content)
    with pytest.raises(CheckpointError, match="damaged") as caught:
        load_run(run)
    assert caught.value.fix


def test_every_flipped_bit_of_the_data_is_noticed_or_changes_nothing(run: Path) -> None:
    folder = RunReader(run)
    sound, content = read_data(folder).to_arrays(), folder.data_file.read_bytes()
    noticed = 0
    for place in range(0, len(content), 97):
        folder.data_file.write_bytes(content[:place] + bytes([content[place] ^ 16]) + content[place + 1 :])
        try:
            found = read_data(folder).to_arrays()
        except CheckpointError:
            noticed += 1
        else:  # dates and such, which no reader looks at
            assert all(np.array_equal(found[name], sound[name]) for name in sound)
    assert noticed > len(content) / 97 / 2


@pytest.mark.parametrize(
    ("name", "match"),
    [
        ("data.npz", "has no data.npz"),
        ("result.json", "is not finished"),
        ("checkpoints/best.ckpt", "no such checkpoint"),
        ("config.yaml", "no run folder"),
    ],
)
def test_what_is_missing_is_named(run: Path, name: str, match: str) -> None:
    (run / name).unlink()
    with pytest.raises(CheckpointError, match=match) as caught:
        load_run(run)
    assert caught.value.fix


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="not a folder"):
        load_run(tmp_path / "nowhere")


def test_nothing_foreign_is_imported(run: Path) -> None:
    path = run / "config.yaml"
    path.write_text(path.read_text().replace("hydrarec.models.dot.BiasedDot", "shutil.rmtree"))
    with pytest.raises(CheckpointError, match=r"refused: model\._target_=shutil\.rmtree"):
        load_run(run)
