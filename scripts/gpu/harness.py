"""How the parts are run, timed and written down, and the small runs that several of them use."""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import statistics
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from benchmarks.figures import built
from hydrarec.runs.checkpoint import load
from hydrarec.training.fit import run

Part = tuple[float, Callable[[], Any]]  # the least seconds that must be left to start it, and its work

SMALL = [
    "dataset=synthetic", "dataset.num_users=300", "dataset.num_items=200", "dataset.num_ratings=12000", "logger=none",
    "trainer.epochs=2", "trainer.steps_per_call=7", "trainer.checkpoint_seconds=1000", "task.datamodule.batch_size=512",
]  # fmt: skip
_WIDE = "task.datamodule.batch_size=64"  # rows are users or items: fewer than 512
RATING = {name: [f"model={name}"] for name in ("biased_dot", "dot", "mlp", "svdpp", "bias", "i_autorec", "u_autorec")}
RATING["bayesian_svdpp"] = ["model=bayesian_svdpp", "model.burn_in=0", "model.thin=1"]
_NEURAL = ("mf", "gmf", "neumf", "ncf_mlp", "lightgcn", "multi_vae")
_SOLVED = ("ease", "ials", "item_knn", "user_knn", "popularity", "pure_svd")
RANKING = {name: ["task=ranking", f"model={name}"] for name in _NEURAL + _SOLVED}
RANKING["gmf_sparse"] = ["task=ranking", "model=gmf", "model.embedding=sparse", "optimizer=rowwise_adam"]
RANKING["gmf_bpr"] = ["task=ranking", "model=gmf", "task.objective.loss=bpr"]
RANKING["gmf_catalogue"] = [
    "task=ranking",
    "model=gmf",
    "task.objective.loss=softmax",
    "task.datamodule.num_negatives=catalogue",
]
CASES = {**RATING, **RANKING}
for _name in ("i_autorec", "u_autorec", "multi_vae", "ease", "ials"):
    CASES[_name].append(_WIDE)


class Here:
    """The device and the sizes of this run; :func:`prepare` sets them."""

    device = torch.device("cpu")
    cuda = False
    tiny = True
    trainer = "trainer=cpu"
    out = Path()
    users, items, rows, batch = 600, 300, 20_000, 4096


def prepare(arguments: argparse.Namespace) -> None:
    """Take the device and the sizes from the command line."""
    Here.device, Here.cuda, Here.tiny = torch.device(arguments.device), arguments.device == "cuda", arguments.tiny
    Here.trainer, Here.out = "trainer=gpu" if Here.cuda else "trainer=cpu", arguments.out
    if not arguments.tiny:  # the shape of ML-20M
        Here.users, Here.items, Here.rows, Here.batch = 138_493, 26_744, 20_000_263, 2**20
    Here.out.mkdir(parents=True, exist_ok=True)


def run_parts(parts: list[Part], arguments: argparse.Namespace) -> int:
    """Run each part for which there is time; write results.json after each, table.md at the end."""
    begun, results, failed = time.perf_counter(), dict[str, Any](), 0
    for least, work in parts:
        name, left = work.__name__, arguments.seconds - (time.perf_counter() - begun)
        if arguments.only and name not in arguments.only:
            continue
        if left < least and not arguments.tiny:
            results[name] = {"left out": f"{left:.0f} s left, {least:.0f} s needed"}
            continue
        started = time.perf_counter()
        try:
            results[name] = {"found": work()}
        except Exception as error:  # noqa: BLE001  what one part shows must not be lost by another's fault
            traceback.print_exc()
            failed += 1
            results[name] = {"error": f"{type(error).__name__}: {str(error)[:1500]}"}
        results[name]["seconds"] = round(time.perf_counter() - started, 1)
        (arguments.out / "results.json").write_text(json.dumps(results, indent=1, default=str), encoding="utf-8")
        print(f"== {name}: {json.dumps(results[name], default=str)[:1200]}", flush=True)
    (arguments.out / "table.md").write_text(table(results), encoding="utf-8")
    print(f"{time.perf_counter() - begun:.0f} s in all; {arguments.out / 'table.md'}")
    return int(failed > 0)


def table(results: dict[str, Any]) -> str:
    """The results as Markdown: one row per figure."""
    lines = ["| part | figure | value |", "|---|---|---|"]
    for part, result in results.items():
        for name, value in _leaves(result.get("found", result)):
            text = f"{value:.4g}" if isinstance(value, float) else str(value)
            lines.append(f"| {part} | {name} | {text.replace('|', '¦').replace(chr(10), ' ')[:160]} |")
    return "\n".join(lines) + "\n"


def _leaves(value: Any, path: str = "") -> list[tuple[str, Any]]:
    if not isinstance(value, dict):
        return [(path, value)]
    return [leaf for key, part in value.items() for leaf in _leaves(part, f"{path}, {key}" if path else str(key))]


def sync() -> None:
    """Wait until the device has done everything."""
    if Here.cuda:
        torch.cuda.synchronize()


def timed(work: Callable[[], Any], repeats: int = 5) -> float:
    """Median seconds of one call, after a warm-up."""
    work()
    sync()
    found = []
    for _ in range(repeats):
        begun = time.perf_counter()
        work()
        sync()
        found.append(time.perf_counter() - begun)
    return statistics.median(found)


def peak_gib() -> float | None:
    """Largest device memory in tensors since the last reset, in GiB."""
    return torch.cuda.max_memory_allocated() / 2**30 if Here.cuda else None


def quiet_run(overrides: list[str], made: Any = None) -> tuple[dict[str, Any], list[dict[str, str]], dict[str, Any]]:
    """One whole run: its last checkpoint, the rows of its history, its result."""
    with tempfile.TemporaryDirectory() as scratch, contextlib.redirect_stderr(io.StringIO()):
        parts, folder, config = made or built(overrides, scratch)
        result = run(parts, folder, config, resume=False)
        last = load(folder.last_checkpoint)
        header, *lines = (folder.path / "history.csv").read_text().splitlines()
    return last, [dict(zip(header.split(","), line.split(","), strict=True)) for line in lines], result


def said(error: Exception) -> str:
    """How a case's error stands among the findings of the others."""
    traceback.print_exc()
    return f"FAILED {type(error).__name__}: {str(error)[:300]}"
