"""Remarks at the end of a run: constant scores, and models that a trivial one equals or beats."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.conftest import TINY, Execute, Train

from hydrarec.models.dot import BiasedDot, Dot

RANKING = ("task=ranking", "task.datamodule.num_candidates=9", "task.datamodule.batch_size=175")


def remarks(folder: Path) -> list[str]:
    return json.loads((folder / "run.json").read_text())["remarks"]


def predict(monkeypatch: pytest.MonkeyPatch, kind: type, score: float, noise: float = 0.0) -> None:
    """Let a trained model give this score to everything, plus noise that depends on the pair."""

    def forward(self: BiasedDot, users: torch.Tensor, items: torch.Tensor) -> torch.Tensor:
        users, items = torch.broadcast_tensors(users, items)
        own = 0 * sum(parameter.sum() for parameter in self.parameters())
        return score + noise * torch.sin(1.0 * users + 7.0 * items) + own

    monkeypatch.setattr(kind, "forward", forward)
    monkeypatch.setattr(kind, "catalogue_scores", lambda self, users: self(users.unsqueeze(1), torch.arange(30)))


def test_constant_ratings_are_said(execute: Execute, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    predict(monkeypatch, BiasedDot, 3.25)
    execute(tmp_path / "run")
    assert remarks(tmp_path / "run") == ["all 60 predictions are 3.25: the model learned nothing but that"]


def test_constant_scores_of_a_ranking_are_said(
    execute: Execute, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    predict(monkeypatch, Dot, 1.0)
    execute(tmp_path / "run", *RANKING, "model=dot")
    (said,) = remarks(tmp_path / "run")
    assert said.startswith("all candidates have equal scores")


def test_worse_than_the_mean_is_said_with_its_exact_value(
    execute: Execute, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    predict(monkeypatch, BiasedDot, 1.5, noise=0.1)
    result = execute(tmp_path / "run")
    data = np.load(tmp_path / "run" / "data.npz")
    parts, ratings = (data[name] for name in ("parts", "ratings"))
    mean = float(ratings[parts == 0].astype(float).mean())
    error = float(np.sqrt(((ratings[parts == 2].astype(float) - mean) ** 2).mean()))
    (said,) = remarks(tmp_path / "run")
    assert said.startswith(f"test/rmse {result['metrics']['test/rmse']:.4f} is no better than the mean")
    assert said.endswith(f": {error:.4f} on the same rows")


def test_popularity_is_the_measure_of_a_ranking(
    execute: Execute, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    popular = execute(tmp_path / "popular", *RANKING, "model=popularity", "trainer.epochs=1")
    assert remarks(tmp_path / "popular") == []  # it is the measure itself
    predict(monkeypatch, Dot, 0.0, noise=0.1)
    chance = execute(tmp_path / "run", *RANKING, "model=dot")
    key = popular["selected"]["by"].replace("val/", "test/")
    expected = f"{key} {chance['metrics'][key]:.4f} is no better than the most popular items for everybody "
    expected += f"(model=popularity): {popular['metrics'][key]:.4f} on the same rows"
    assert remarks(tmp_path / "run") == ([expected] if chance["metrics"][key] <= popular["metrics"][key] else [])


def test_the_line_is_printed(train: Train) -> None:
    """A learning rate of next to nothing leaves the initial weights: scores near 0, clipped to the lowest rating."""
    ended = train(*TINY, "model=dot", "optimizer.learning_rate=1e-12")
    assert ended.returncode == 0, ended.stderr
    assert "\nnote: all 60 predictions are 1: the model learned nothing but that\n" in ended.stdout
