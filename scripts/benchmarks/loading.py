"""Parsing and reloading a file of MovieLens 20M's shape; batches against the textbook's."""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch.utils.data import DataLoader, Dataset

from benchmarks.figures import Figure, paired, wall
from hydrarec.config.composition import compose_config
from hydrarec.config.factory import factory
from hydrarec.data.batching.batches import Batch
from hydrarec.data.batching.loaders import BatchLoader
from hydrarec.data.batching.samples import RatedSamples
from hydrarec.data.readers.faults import Rules
from hydrarec.data.readers.movielens import RatingsCsv
from hydrarec.data.table import Scale


def bench_loading(arguments: argparse.Namespace) -> list[Figure]:
    """Files and batches."""
    return [*_files(arguments), *_batches(arguments)]


def _files(arguments: argparse.Namespace) -> list[Figure]:
    kinds = {"userId": np.int64, "movieId": np.int64, "rating": np.float32, "timestamp": np.int64}
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "ml" / "ratings.csv"
        path.parent.mkdir()
        _write_ratings(path, arguments.rows)
        rules = Rules(scale=Scale(low=0.5, high=5.0, step=0.5), ids="integer", on_bad_rows="error")
        reader = RatingsCsv()
        ours, reference, ratio = paired(
            lambda: wall(lambda: reader.ratings(path.parent, rules)),
            lambda: wall(lambda: pd.read_csv(path, dtype=kinds)),
            arguments.repeats,
        )
        parse = Figure(f"parse ratings.csv, {arguments.rows:,} rows", ours, "s", reference, ratio, "ratio ≤ 1.3")
        source = csv_source(path, Path(scratch) / "cache")
        source()
        reload = statistics.median(wall(source) for _ in range(arguments.repeats))
    return [parse, Figure(f"cached reload, {arguments.rows:,} rows", reload, "s", None, None, "< 0.1 s")]


def csv_source(path: Path, cache: Path) -> Callable[[], object]:
    """``dataset=csv`` on ``path`` with a cache of its own."""
    os.environ["HYDRAREC_CACHE_DIR"] = str(cache)
    columns = ["user=userId", "item=movieId", "rating=rating", "time=timestamp"]
    config = compose_config(["dataset=csv", f"dataset.path='{path}'", *(f"dataset.{column}" for column in columns)])
    return lambda: factory(config.dataset)().load()


def _write_ratings(path: Path, rows: int) -> None:
    """MovieLens 20M's columns and value ranges, in its order: by user, then item."""
    random = np.random.default_rng(0)
    users = np.sort(random.integers(1, 138_494, rows))
    frame = pd.DataFrame(
        {
            "userId": users,
            "movieId": np.arange(rows) % 131_262 + 1,
            "rating": random.integers(1, 11, rows) / 2,
            "timestamp": random.integers(789_652_009, 1_427_784_002, rows),
        }
    )
    frame.to_csv(path, index=False)


class OneByOne(Dataset):
    """The textbook's dataset: one sample per call."""

    def __init__(self, data: Batch) -> None:
        self.data = data

    def __len__(self) -> int:
        return len(self.data.users)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, ...]:
        return tuple(column[index] for column in self.data)


def _batches(arguments: argparse.Namespace) -> list[Figure]:
    """Samples per CPU second: of the batches alone, and of a training loop over them."""
    random = torch.Generator().manual_seed(0)
    rows = 400_000
    data = Batch(
        torch.randint(6040, (rows,), generator=random),
        torch.randint(3706, (rows,), generator=random),
        torch.rand(rows, generator=random),
    )
    textbook = DataLoader(OneByOne(data), batch_size=64, shuffle=True)
    figures = []
    for batch_size, least in ((64, 8), (4096, 100)):
        loader = BatchLoader(RatedSamples(*data), batch_size=batch_size, steps=50, seed=0)
        for name, consume, asked in (
            ("batches", deliver, f"ratio ≥ {least}"),
            ("training over them", train_dot, "for orientation"),
        ):
            ours, reference, ratio = paired(
                lambda: consume((batch for chunk in loader for batch in chunk), rows),  # noqa: B023
                lambda: consume(textbook, 20_000),  # noqa: B023
                arguments.repeats,
            )
            figures.append(
                Figure(
                    f"{name} of {batch_size} against the textbook's of 64",
                    ours,
                    "samples per CPU s",
                    reference,
                    ratio,
                    asked,
                )
            )
    return figures


def deliver(batches: Iterable, limit: int) -> float:
    """Take batches until ``limit`` samples have come; samples per CPU second."""
    seen, started = 0, time.process_time()
    for users, _, _ in batches:
        seen += len(users)
        if seen >= limit:
            break
    return seen / (time.process_time() - started)


def train_dot(batches: Iterable, limit: int) -> float:
    """As :func:`deliver`, with a step of matrix factorisation (16 dimensions, fused Adam) per batch."""
    torch.set_num_threads(1)
    config = compose_config(["model=dot", "model.embedding_dim=16"])
    model = factory(config.model)(num_users=6040, num_items=3706)
    optimizer = factory(config.optimizer)(model.parameters())

    def stepped() -> Iterable:
        for users, items, targets in batches:
            optimizer.zero_grad()
            torch.nn.functional.mse_loss(model(users, items), targets).backward()
            optimizer.step()
            yield users, items, targets

    return deliver(stepped(), limit)
