"""MovieLens 20M's shape: an epoch of reference E1, the memory of a whole run, and optimisers on large tables."""

from __future__ import annotations

import argparse
import functools
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import torch
from torch import nn

from benchmarks import textbook
from benchmarks.figures import Figure, Work, built, cpu, in_turn, training_run
from hydrarec.runs.provenance import peak_memory_bytes
from hydrarec.training.optim.optimizers import adam, rowwise_adam

NUM_USERS, NUM_ITEMS = 138_493, 26_744
DENSE, ROWWISE = ("model.embedding=library",), ("model.embedding=sparse", "optimizer=rowwise_adam")
TABLE_WIDTH, IDS = 64, 4096
OPTIMIZERS: dict[str, Callable[[Iterator[nn.Parameter]], torch.optim.Optimizer]] = {
    "dense Adam": functools.partial(adam, learning_rate=1e-3, weight_decay=0.0, betas=(0.9, 0.999), eps=1e-8),
    "SparseAdam": lambda parameters: torch.optim.SparseAdam(list(parameters), lr=1e-3),
    "row-wise Adam": functools.partial(
        rowwise_adam, learning_rate=1e-3, weight_decay=0.0, betas=(0.9, 0.999), eps=1e-8
    ),
}


def overrides(rows: int, *others: str) -> list[str]:
    """Arguments of a ranking run on synthetic data of ML-20M's shape."""
    return [
        "task=ranking",
        "task/protocol=sampled",
        *textbook.E1,
        "dataset=synthetic",
        f"dataset.num_users={NUM_USERS}",
        f"dataset.num_items={NUM_ITEMS}",
        f"dataset.num_ratings={rows}",
        "dataset.rank=0",
        "split.val=false",
        "trainer.epochs=1",
        *others,
    ]


def bench_epoch(arguments: argparse.Namespace) -> list[Figure]:
    """Of 30 % of the users, as published; a process each, once: so long a measurement needs no repetition."""
    figures = []
    for batch_size in (4096, 512):
        for settings, name in ((DENSE, "Adam"), (ROWWISE, "row-wise Adam")):
            found = in_process(
                "epoch",
                overrides(
                    arguments.rows, "filter.user_fraction=0.3", f"task.datamodule.batch_size={batch_size}", *settings
                ),
            )
            title = f"E1's epoch, {found['samples'] / 1e6:.1f} M samples, batch {batch_size}, {name}"
            figures.append(Figure(title, found["seconds"], "CPU s", None, None, "< 60 s"))
    return figures


def bench_memory(arguments: argparse.Namespace) -> list[Figure]:
    """Of a whole run on all users, its training and evaluation cut after 40 calls: later ones need no more."""
    settings = overrides(arguments.rows, "task.datamodule.batch_size=4096", "trainer.limit_batches=40")
    peak = in_process("memory", settings)["peak"] / 2**30
    return [Figure("peak memory of a run, all users", peak, "GiB", None, None, "< 6 GB = 5.6 GiB")]


def in_process(work: str, settings: list[str]) -> dict[str, float]:
    """:func:`epoch_seconds` or :func:`peak_memory` in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.scale", work, *settings]
    folder = __file__.rsplit("/", 2)[0]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stderr}")
    result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return result


def epoch_seconds(settings: list[str]) -> dict[str, float]:
    """CPU seconds and samples of a training run."""
    with tempfile.TemporaryDirectory() as scratch:
        parts, folder, config = built(settings, scratch)
        parts.datamodule.split = replace(parts.datamodule.split, test=np.empty(0, np.int64))
        parts.datamodule.train_dataloader()  # the sampler, made once per run
        seconds = cpu(lambda: training_run(parts, folder, config))
        return {"seconds": seconds, "samples": parts.datamodule.num_samples}


def peak_memory(settings: list[str]) -> dict[str, float]:
    """Bytes of memory that a training run takes at its peak."""
    with tempfile.TemporaryDirectory() as scratch:
        training_run(*built(settings, scratch))
    return {"peak": peak_memory_bytes()}


def bench_optimizers(arguments: argparse.Namespace) -> list[Figure]:
    """A gradient of 4,096 distinct rows into a table of 64, and a step: what it costs as the table grows."""
    torch.set_num_threads(1)
    sizes, ways = (10**4, 10**5, 10**6), tuple(OPTIMIZERS)
    found: dict[str, list[list[float]]] = {way: [] for way in ways}
    for rows in sizes:
        works = tuple(_stepper(way, rows) for way in ways)
        for work in works:
            work()
        for way, values in zip(ways, in_turn(works, arguments.repeats), strict=True):
            found[way].append(values)
    figures = []
    for way in ways:
        for rows, values in zip(sizes, found[way], strict=True):
            value, first = (statistics.median(some) * 1e6 for some in (values, found[way][0]))
            asked = "ratio ≤ 2: caches, not rows" if way == "row-wise Adam" and rows > sizes[0] else "for orientation"
            title = f"{way}, table of {rows:,} × {TABLE_WIDTH}, against 10,000 rows"
            figures.append(Figure(title, value, "CPU µs per step", first, value / first, asked))
    return figures


def _stepper(way: str, rows: int) -> Work:
    table = nn.Embedding(rows, TABLE_WIDTH, sparse=way != "dense Adam")
    ids = [torch.randperm(rows)[:IDS] for _ in range(10)]
    optimizer = OPTIMIZERS[way](table.parameters())

    def steps() -> None:
        for some in ids:
            optimizer.zero_grad()
            table(some).square().sum().backward()
            optimizer.step()

    return lambda: cpu(steps) / len(ids)


if __name__ == "__main__":
    measured = {"epoch": epoch_seconds, "memory": peak_memory}[sys.argv[1]](sys.argv[2:])
    sys.stdout.write(json.dumps(measured) + "\n")
