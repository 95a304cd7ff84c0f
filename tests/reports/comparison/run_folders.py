"""Handmade run folders for tests of their readers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import yaml

N_RATINGS = 200
Metrics = dict[str, Any]


def config(model: str = "Dot", seed: int = 0, split_seed: int | None = 0, task: str = "rating", **changes: Any) -> dict:
    """A resolved configuration, shortened; ``changes``: dotted keys with ``__`` for the dots."""
    monitor = "val/rmse" if task == "rating" else "val/ndcg@10/full"
    found: dict[str, Any] = {
        "split": {"_target_": "hydrarec.data.splits.rows.RandomSplit", "seed": split_seed, "val": 0.1},
        "task": {"name": task, "monitor": monitor, "objective": {"loss": "mse"}, "datamodule": {"batch_size": 32}},
        "dataset": {"name": "small", "path": "ratings.csv"},
        "model": {"_target_": f"hydrarec.models.dot.{model}", "embedding_dim": 8, "hidden": [8, 4]},
        "optimizer": {"_target_": "hydrarec.training.optim.optimizers.adam", "learning_rate": 0.003},
        "trainer": {"epochs": 2, "threads": 1},
        "logger": {"tensorboard": False},
        "name": "tests",
        "seed": seed,
        "resume": None,
        "output_dir": "outputs",
        "published": None,
    }
    for key, value in changes.items():
        *parents, last = key.split("__")
        node = found
        for parent in parents:
            node = node[parent]
        node[last] = value
    return found


def make_run(
    folder: Path,
    metrics: Metrics | None = None,
    *,
    data: str = "d1",
    split: str | None = None,
    started: str = "2026-01-01T00:00:00",
    overrides: tuple[str, ...] = (),
    errors: np.ndarray | None = None,
    **settings: Any,
) -> Path:
    """A finished run. ``errors``: [N] of its predictions of the test part, whose RMSE and MAE it then has."""
    chosen = config(**settings)
    seed, split_seed = chosen["seed"], chosen["split"]["seed"]
    found = dict(metrics or {})
    folder.mkdir(parents=True)
    if errors is not None:
        errors = errors.astype(np.float32)
        exact = errors.astype(np.float64)
        found |= {"test/rmse": float(np.sqrt((exact**2).mean())), "test/mae": float(np.abs(exact).mean())}
        rows = np.arange(len(errors))
        zeros = np.zeros(len(errors), np.float32)
        np.savez(folder / "predictions.npz", **{"test/row": rows, "test/target": zeros, "test/prediction": errors})
    record = {
        "status": "finished",
        "seed": seed,
        "overrides": list(overrides),
        "provenance": {"started": started, "git": {"commit": "abc", "dirty": False}},
        "data": {"name": "small", "fingerprint": data, "ratings": 600, "users": 40, "items": 30},
        "split": {"protocol": f"random, split seed {split_seed}", "fingerprint": split or f"s{split_seed}"},
        "parameters": 1000,
        "peak_memory_bytes": 2**28,
    }
    result = {
        "metrics": found,
        "selected": {"epoch": 2, "by": chosen["task"]["monitor"], "mode": "min"},
        "epochs": 2,
        "n": {"train": 480, "test": N_RATINGS},
        "seconds": {"training": 1.5},
    }
    (folder / "config.yaml").write_text(yaml.safe_dump(chosen, sort_keys=False), encoding="utf-8")
    (folder / "run.json").write_text(json.dumps(record), encoding="utf-8")
    (folder / "result.json").write_text(json.dumps(result), encoding="utf-8")
    history = "epoch,val/rmse,val/ndcg@10/full,samples_per_second\n1,1.2,0.1,100.0\n2,1.1,0.2,300.0\n"
    (folder / "history.csv").write_text(history, encoding="utf-8")
    return folder


def make_ranked_run(folder: Path, better: np.ndarray, *, candidates: int = 100, **settings: Any) -> Path:
    """A finished ranking run, one held-out item per user, with ``better`` items [N] before it in full."""
    hits = better < 10
    metrics = {
        "test/hr@10/full": float(hits.mean()),
        "test/ndcg@10/full": float((hits / np.log2(better + 2)).mean()),
        "val/ndcg@10/full": 0.1,
    }
    make_run(folder, metrics, task="ranking", **settings)
    count = len(better)
    columns = {"better": better, "tied": np.zeros(count, np.int64), "candidates": np.full(count, candidates)}
    arrays = {"test/user": np.arange(count), "test/row": np.arange(count) * 3}
    np.savez(folder / "ranks.npz", **arrays, **{f"test/full/{name}": column for name, column in columns.items()})
    return folder
