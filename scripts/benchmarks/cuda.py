"""NVIDIA's NeuMF on a CUDA device, beside what NVIDIA published of one A100."""

from __future__ import annotations

import argparse
import tempfile

import torch

from benchmarks.figures import Figure, built, training_run

A100_TF32, A100_AMP = 22.6e6, 34.1e6  # samples per second, batch 2²⁰, ML-20M
NEUMF = ("model=neumf", "model.gmf_dim=64", "model.mlp_dim=128", "model.hidden_dims=[256,128,64]")  # MLP 256-256-128-64
LARGE = ("dataset.num_users=138493", "dataset.num_items=26744", "task.datamodule.batch_size=1048576")
UNIT = "samples per s"


def bench_cuda(arguments: argparse.Namespace) -> list[Figure]:
    """Samples per second as the run's own history has them; data, negatives and batches lie on the device."""
    ways = (("TF32", "32-true", A100_TF32), ("AMP", "bf16-mixed", A100_AMP))
    if not torch.cuda.is_available():
        name = "NVIDIA's NeuMF, batch 2²⁰, {}: not measured, there is no CUDA device"
        return [Figure(name.format(way), None, UNIT, speed, None, "beside one A100") for way, _, speed in ways]
    torch.backends.cuda.matmul.allow_tf32 = True
    figures = []
    for way, precision, speed in ways:
        settings = (*LARGE, f"dataset.num_ratings={arguments.rows}", "trainer=gpu", f"trainer.precision={precision}")
        rate = samples_per_second(*settings, "trainer.epochs=3")
        name = f"NVIDIA's NeuMF, batch 2²⁰, {way}, {torch.cuda.get_device_name()}"
        figures.append(Figure(name, rate, UNIT, speed, rate / speed, "beside one A100"))
    return figures


def samples_per_second(*settings: str) -> float:
    """Of the last epoch: the first one warms up."""
    always = ["task=ranking", "task/protocol=sampled", "dataset=synthetic", "dataset.rank=0", "split.val=false"]
    with tempfile.TemporaryDirectory() as scratch:
        parts, folder, config = built([*always, *NEUMF, *settings], scratch)
        training_run(parts, folder, config)
        header, *_, last = (folder.path / "history.csv").read_text().splitlines()
        return float(dict(zip(header.split(","), last.split(","), strict=True))["samples_per_second"])
