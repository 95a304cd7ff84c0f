"""Whole runs on a small file: the run folder is complete and correct."""

from __future__ import annotations

import csv
import json
import math
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.conftest import Compose, Execute

from hydrarec.core.errors import CheckpointError, ConfigError, DataError
from hydrarec.models.dot import BiasedDot
from hydrarec.runs.checkpoint import load
from hydrarec.runs.reader import RunReader
from hydrarec.runs.run_data import read_data


def history(folder: Path) -> list[dict[str, str]]:
    with (folder / "history.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_run_folder_holds_everything_and_agrees_with_itself(execute: Execute, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    result = execute(folder, "logger=tensorboard")
    rows = history(folder)
    assert [row["epoch"] for row in rows] == ["1", "2"]
    assert {"train/loss", "val/loss", "val/rmse", "val/mae", "learning_rate", "seconds", "samples_per_second"} <= set(
        rows[0]
    )
    record = json.loads((folder / "run.json").read_text())
    assert record["status"] == "finished"
    assert record["parameters"] == 40 * 65 + 30 * 65  # embeddings of 64 and a bias each
    assert record["data"]["ratings"] == 600
    assert {"licence", "citation"} <= set(record["data"])
    assert record["split"]["parts"]["train"]["ratings"] == result["n"]["train"] == 480
    assert json.loads((folder / "result.json").read_text()) == result
    assert (folder / "config.yaml").is_file()
    assert (folder / "figures" / "curves.png").read_bytes().startswith(b"\x89PNG")
    known = read_data(RunReader(folder))
    assert np.bincount(known.parts).tolist() == [result["n"][part] for part in ("train", "val", "test")]
    assert list((folder / "tensorboard").glob("events.out.tfevents.*"))
    best = min(rows, key=lambda row: float(row["val/rmse"]))
    assert result["selected"]["epoch"] == int(best["epoch"])
    assert result["metrics"]["val/rmse"] == pytest.approx(float(best["val/rmse"]), abs=1e-9)
    assert result["metrics"]["val/rmse/last"] == float(rows[-1]["val/rmse"])


def test_every_metric_can_be_recomputed_from_the_predictions(execute: Execute, tmp_path: Path) -> None:
    metrics = execute(tmp_path / "run")["metrics"]
    arrays = np.load(tmp_path / "run" / "predictions.npz", allow_pickle=False)
    for part in ("val", "test"):
        errors = arrays[f"{part}/prediction"].astype(float) - arrays[f"{part}/target"]
        assert math.sqrt((errors**2).mean()) == pytest.approx(metrics[f"{part}/rmse"], abs=1e-9)
        assert np.abs(errors).mean() == pytest.approx(metrics[f"{part}/mae"], abs=1e-9)
    assert not set(arrays["val/row"]) & set(arrays["test/row"])


def test_the_best_checkpoint_alone_scores_as_the_result_says(execute: Execute, tmp_path: Path) -> None:
    execute(tmp_path / "run")
    path = tmp_path / "run" / "checkpoints" / "best.ckpt"
    model = BiasedDot.load_from_checkpoint(path, weights_only=True).eval()
    arrays = np.load(tmp_path / "run" / "predictions.npz", allow_pickle=False)
    users, items = (torch.from_numpy(arrays[f"test/{side}"]).long() for side in ("user", "item"))
    scores = model(users, items).clamp(1, 5).detach().numpy()
    assert np.array_equal(scores, arrays["test/prediction"])
    content = load(path)
    assert content["RatingDataModule"]["user_ids"] == list(range(1, 41))


def test_no_validation_or_test_rating_reaches_the_model(
    composed: Compose, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Replacing every rating outside the training part must not change the trained weights."""
    from hydrarec.runs.folder import RunFolder
    from hydrarec.training.assembly import build
    from hydrarec.training.fit import run

    weights = []
    for name, nonsense in (("a", False), ("b", True)):
        config, folder = composed("model=svdpp", "task.monitor=null"), RunFolder(tmp_path / name)
        parts = build(config, folder)
        if nonsense:
            data, split = parts.datamodule.interactions, parts.datamodule.split
            ratings = np.array(data.ratings)
            ratings[np.concatenate([split.val, split.test])] = 5.0
            object.__setattr__(data, "ratings", ratings)
        run(parts, folder, config, resume=False)
        weights.append(parts.model.state_dict())
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])


def test_without_a_validation_part_the_last_epoch_counts(execute: Execute, tmp_path: Path) -> None:
    result = execute(tmp_path / "run", "split.val=0", "split.test=0.2")
    assert result["selected"] == {"epoch": 2, "by": "the last epoch", "mode": "min"}
    assert set(result["metrics"]) == {"test/loss", "test/rmse", "test/mae"}


def test_without_a_test_part_nothing_is_tested(execute: Execute, tmp_path: Path) -> None:
    metrics = execute(tmp_path / "run", "split.val=0.2", "split.test=0")["metrics"]
    assert not any(name.startswith("test/") for name in metrics)


def test_early_stopping_stops_and_stays_stopped(execute: Execute, tmp_path: Path) -> None:
    settings = ("callbacks=early_stopping", "callbacks.early_stopping.patience=1", "trainer.epochs=30")
    result = execute(tmp_path / "run", *settings, "optimizer.learning_rate=0.3")
    assert result["epochs"] < 30
    assert result["epochs"] == result["selected"]["epoch"] + 1


def test_tracked_predictions_are_columns_of_the_history(execute: Execute, tmp_path: Path) -> None:
    execute(tmp_path / "run", "callbacks=track_predictions", "callbacks.track_predictions.pairs=[[3,7],[40,30]]")
    rows = history(tmp_path / "run")
    assert all(1 <= float(row["prediction/3/7"]) <= 5 and 1 <= float(row["prediction/40/30"]) <= 5 for row in rows)
    assert rows[0]["prediction/3/7"] != rows[1]["prediction/3/7"]


def test_a_pair_that_the_data_do_not_have(execute: Execute, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="99"):
        execute(tmp_path / "run", "callbacks=track_predictions", "callbacks.track_predictions.pairs=[[99,1]]")


@pytest.mark.parametrize("override", ["callbacks=early_stopping", "scheduler=plateau"])
def test_what_needs_a_validation_part_says_so_before_training(execute: Execute, tmp_path: Path, override: str) -> None:
    with pytest.raises(ConfigError, match="without a validation part"):
        execute(tmp_path / "run", "split.val=0", "trainer.epochs=9", override)
    assert not (tmp_path / "run" / "history.csv").exists()


def test_a_checkpoint_of_other_ratings_is_refused_with_both_fingerprints(
    execute: Execute, tmp_path: Path, workplace: Path
) -> None:
    """Whether the ratings changed under a run, or the checkpoint of another run was put in its place."""
    execute(tmp_path / "a")
    text = (workplace / "ratings.csv").read_text()
    (workplace / "ratings.csv").write_text(text.replace("\n1,1,", "\n1,2,", 1))
    execute(tmp_path / "b")
    for folder in (tmp_path / "a", tmp_path / "b"):
        (folder / "result.json").unlink()
    with pytest.raises(CheckpointError, match=r"another data: fingerprint \w{12}…, here \w{12}…"):
        execute(tmp_path / "a")
    for name in ("last.ckpt", "last.ckpt.sha256"):
        shutil.copy(tmp_path / "a" / "checkpoints" / name, tmp_path / "b" / "checkpoints" / name)
    with pytest.raises(CheckpointError, match=r"other interactions: \w{12}…, here \w{12}…"):
        execute(tmp_path / "b")


@pytest.mark.parametrize("model", ["bias", "dot", "biased_dot", "mlp", "svdpp", "bayesian_svdpp"])
def test_same_seed_same_bits_another_seed_others(execute: Execute, tmp_path: Path, model: str) -> None:
    states = []
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        sampler = ("model.burn_in=0", "model.thin=1") if model == "bayesian_svdpp" else ()
        execute(tmp_path / name, f"model={model}", f"seed={seed}", *sampler)
        states.append(load(tmp_path / name / "checkpoints" / "last.ckpt")["state_dict"])
    assert all(torch.equal(states[0][key], states[1][key]) for key in states[0])
    if model != "bias":  # which draws nothing
        assert not all(torch.equal(states[0][key], states[2][key]) for key in states[0])


def test_steps_per_call_is_speed_only(execute: Execute, tmp_path: Path) -> None:
    states = []
    for steps in (1, 3, 50):
        overrides = ("model=dot", f"trainer.steps_per_call={steps}", "trainer.checkpoint_seconds=60")
        execute(tmp_path / str(steps), *overrides)
        states.append(load(tmp_path / str(steps) / "checkpoints" / "last.ckpt")["state_dict"])
    assert all(torch.equal(states[0][key], state[key]) for state in states[1:] for key in states[0])


def test_the_planted_noise_is_reached_within_three_percent(tmp_path: Path) -> None:
    from hydrarec.config.composition import compose_config, plain
    from hydrarec.training.job import execute

    shape = (
        "dataset.num_users=300",
        "dataset.num_items=150",
        "dataset.num_ratings=40000",
        "dataset.noise_sd=0.5",
        "dataset.rank=2",
    )
    sampler = ("model.embedding_dim=4", "model.burn_in=20", "model.thin=1", "model.num_samples=40", "trainer.epochs=60")
    config = plain(compose_config(["experiment=best_rating", "dataset=synthetic", "logger=none", *shape, *sampler]))
    rmse = execute(config, tmp_path / "run", [])["metrics"]["test/rmse"]
    spread = 0.5 / math.sqrt(2 * 8000)  # of an RMSE of pure noise over 8,000 ratings
    assert 0.5 - 4 * spread < rmse < 0.5 * 1.03
