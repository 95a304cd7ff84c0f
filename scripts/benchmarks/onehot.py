"""What one-hot input costs beside embeddings: a training step of the same network over the same batches."""

from __future__ import annotations

import argparse
import tempfile

from benchmarks.figures import Figure, paired
from benchmarks.trainer import bare_loop, per_step

SHAPES = {
    "ml-100k": (943, 1682, 100_000),
    "ml-1m": (6040, 3706, 200_000),
}  # users, items, ratings


def bench_onehot(arguments: argparse.Namespace) -> list[Figure]:
    """A step on one-hot rows against a step on embeddings."""
    figures = []
    for shape, (num_users, num_items, num_ratings) in SHAPES.items():
        overrides = [
            "dataset=synthetic",
            f"dataset.num_users={num_users}",
            f"dataset.num_items={num_items}",
            f"dataset.num_ratings={num_ratings}",
            "split.val=0",
            "split.test=0.01",
            "trainer.epochs=1",
        ]
        with tempfile.TemporaryDirectory() as scratch:
            one_hot, embedded, ratio = paired(
                lambda: per_step(["model=onehot_mlp", *overrides], scratch, bare_loop),  # noqa: B023
                lambda: per_step(["model=mlp", *overrides], scratch, bare_loop),  # noqa: B023
                arguments.repeats,
            )
        name = f"mlp on one-hot rows, {shape}'s shape"
        figures.append(Figure(name, one_hot * 1e6, "CPU µs per step", embedded * 1e6, ratio, "ratio > 1: reference B5"))
    return figures
