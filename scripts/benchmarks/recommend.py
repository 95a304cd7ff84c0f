"""Recommendations in bulk for MovieLens 20M's shape, against one user at a time."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch

from benchmarks.figures import Figure, cpu, paired, wall
from benchmarks.scale import NUM_ITEMS, NUM_USERS
from hydrarec.data.ids import IdMap
from hydrarec.models.dot import Dot
from hydrarec.models.trained import TrainedRun
from hydrarec.recommend.bulk import recommendations
from hydrarec.recommend.tables import table_file
from hydrarec.runs.provenance import peak_memory_bytes
from hydrarec.runs.reader import RunReader
from hydrarec.runs.run_data import RunData, read_data

WIDTH, RATED_PER_USER, STRIDE, K = 64, 144, 185, 10  # the stride keeps a user's items distinct
SOME_USERS = 300  # of the loop over single users, which would take an hour for all
MEMORY_MIB = 64
NOBODY = np.empty(0, np.int64)  # no item is left out


def bench_recommend(arguments: argparse.Namespace) -> list[Figure]:
    """Bulk recommendations into both formats, and against a naive loop."""
    figures = []
    with tempfile.TemporaryDirectory() as scratch:
        save_data(Path(scratch))
        for suffix in (".parquet", ".csv"):
            found = in_process(scratch, f"recs{suffix}")
            name = f"top {K} of {NUM_USERS:,} × {NUM_ITEMS:,} into {suffix}"
            figures.append(Figure(name, found["seconds"], "s", None, None, "< 600 s"))
            figures.append(Figure(f"{name}, peak memory", found["peak"] / 2**30, "GiB", None, None, "< 4 GB = 3.7 GiB"))
        figures.append(against_loop(arguments, Path(scratch)))
    return figures


def save_data(folder: Path) -> None:
    """``data.npz`` of a run whose users have rated as many items as MovieLens 20M's do on the mean."""
    first = np.random.default_rng(0).integers(NUM_ITEMS, size=(NUM_USERS, 1))
    items = np.sort((first + STRIDE * np.arange(RATED_PER_USER)) % NUM_ITEMS, axis=1).astype(np.int32).ravel()
    data = RunData(
        user_ids=IdMap(np.arange(NUM_USERS)),
        item_ids=IdMap(np.arange(NUM_ITEMS)),
        titles=tuple(f"A title of the usual length {item} (1995)" for item in range(NUM_ITEMS)),
        genres=None,
        starts=np.arange(NUM_USERS + 1) * RATED_PER_USER,
        items=items,
        ratings=np.ones(len(items), np.float32),
        parts=np.zeros(len(items), np.int8),
        scale=(1.0, 5.0),
        name="synthetic",
    )
    np.savez(folder / "data.npz", allow_pickle=False, **data.to_arrays())


def loaded(folder: Path) -> TrainedRun:
    """A run with that data and a model that nobody trained: scores cost the same."""
    torch.manual_seed(0)
    sizes = {"num_users": NUM_USERS, "num_items": NUM_ITEMS, "embedding_dim": WIDTH}
    model = Dot(**sizes, embedding="library", init="normal", init_scale=1.0, l2=0.0)
    silent = RunReader(folder)
    return TrainedRun(silent, {"task": {"name": "ranking"}}, model.eval().requires_grad_(False), read_data(silent))


def bulk(folder: Path, out: Path) -> None:
    """What ``hydrarec-recommend users=all`` does."""
    run = loaded(folder)
    with table_file(out, run.data) as write:
        for part in recommendations(run, np.arange(NUM_USERS), NOBODY, K, MEMORY_MIB):
            write(part)


def in_process(*arguments: str) -> dict[str, float]:
    """Wall seconds and peak memory of :func:`bulk`, in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.recommend", *arguments]
    done = subprocess.run(command, cwd=Path(__file__).parents[1], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stderr}")
    result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return result


def against_loop(arguments: argparse.Namespace, folder: Path) -> Figure:
    """Users per CPU second on one thread: bulk, and one user after the other with a set of rated items and a sort."""
    torch.set_num_threads(1)
    run = loaded(folder)
    users = np.arange(SOME_USERS)

    def ours() -> list[list[int]]:
        parts = recommendations(run, users, NOBODY, K, MEMORY_MIB)
        return np.concatenate([part.items for part in parts]).reshape(-1, K).tolist()

    def loop() -> list[list[int]]:
        found = []
        for user in users.tolist():
            scores = run.model.catalogue_scores(torch.tensor([user]))[0].tolist()
            rated = set(run.data.items[run.data.rows_of(user)].tolist())
            left = [item for item in range(NUM_ITEMS) if item not in rated]
            found.append(sorted(left, key=lambda item: -scores[item])[:K])
        return found

    same = np.mean(np.array(ours()) == np.array(loop()))
    assert same > 0.999, "the last bit of a score may depend on how many are computed at a time, the list may not"
    fast, slow, share = paired(lambda: SOME_USERS / cpu(ours), lambda: SOME_USERS / cpu(loop), arguments.repeats)
    return Figure("users, bulk against one at a time", fast, "per CPU s", slow, share, "ratio ≥ 20")


if __name__ == "__main__":
    torch.set_num_threads(1)  # as conf/recommend.yaml has it; a second helps on an idle machine only
    source, target = Path(sys.argv[1]), Path(sys.argv[1], sys.argv[2])
    seconds = wall(lambda: bulk(source, target))
    sys.stdout.write(json.dumps({"seconds": seconds, "peak": peak_memory_bytes()}) + "\n")
