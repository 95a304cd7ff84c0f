"""CPU time per optimiser step of a whole training run against a bare PyTorch loop over the same batches."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from typing import Any

import torch

from benchmarks.figures import Figure, built, cpu, paired, training_run
from hydrarec.config.composition import compose_config
from hydrarec.config.factory import factory
from hydrarec.runs.folder import RunFolder
from hydrarec.training.fit import Parts


def bench_trainer(arguments: argparse.Namespace) -> list[Figure]:
    """Steps of biased_dot through the Trainer against a bare loop."""
    figures = []
    for batch_size, rows in ((64, 250_000), (4096, 1_000_000)):
        overrides = [
            "model=biased_dot",
            "dataset=synthetic",
            "dataset.num_users=6040",
            "dataset.num_items=3706",
            f"dataset.num_ratings={rows}",
            f"task.datamodule.batch_size={batch_size}",
            "split.val=0",
            "split.test=0.01",
            "trainer.epochs=2",
        ]
        with tempfile.TemporaryDirectory() as scratch:
            ours, reference, ratio = paired(
                lambda: per_step(overrides, scratch, training_run),  # noqa: B023
                lambda: per_step(overrides, scratch, bare_loop),  # noqa: B023
                arguments.repeats,
            )
        name, unit = f"training run, batch {batch_size}", "CPU µs per step"
        figures.append(Figure(name, ours * 1e6, unit, reference * 1e6, ratio, "ratio ≤ 1.25"))
    return figures


def per_step(overrides: list[str], scratch: str, work: Callable[[Parts, RunFolder, dict], Any]) -> float:
    """CPU seconds per optimiser step of ``work``, the building of model and data not counted."""
    parts, folder, config = built(overrides, scratch)
    torch.set_num_threads(1)
    steps = parts.datamodule.train_dataloader().steps_per_epoch * parts.settings.epochs
    return cpu(lambda: work(parts, folder, config)) / steps


def bare_loop(parts: Parts, folder: RunFolder, config: dict) -> None:
    """The same model, optimiser and batches, and nothing else."""
    model, loader = parts.model, parts.datamodule.train_dataloader()
    model.observe(parts.datamodule.training_data())
    optimizer = factory(compose_config([]).optimizer)(model.parameters())
    model.train()
    for epoch in range(parts.settings.epochs):
        loader.set_epoch(epoch)
        for chunk in loader:
            for users, items, targets in chunk:
                optimizer.zero_grad()
                loss = torch.nn.functional.mse_loss(model(users, items), targets)
                loss.backward()
                optimizer.step()
