"""Measure every performance claim against its reference in the same run: python scripts/bench.py [trainer] [loading].

Each figure is the median of several measurements, taken in turn with its reference (A B A B …), so that a drift of the
machine's speed meets both. CPU time where the work is computation, so that a busy neighbour does not count. Prints a
table per part and writes outputs/bench/<part>.json: a list of {name, value, unit, reference, ratio}.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from rich.console import Console
from rich.table import Table
from torch.utils.data import DataLoader, Dataset

from hydrarec.assembly import build, factory
from hydrarec.config.composition import compose_config, plain
from hydrarec.data.batches import Batch, BatchLoader
from hydrarec.data.readers.delimited import Rules
from hydrarec.data.readers.movielens import RatingsCsv
from hydrarec.data.table import Scale
from hydrarec.files import write_json
from hydrarec.runs import RunFolder
from hydrarec.training import Parts, run

OUTPUT = Path("outputs/bench")


@dataclass(frozen=True)
class Figure:
    """One measured value beside its reference, both in ``unit``; ``ratio`` = value / reference, None without one."""

    name: str
    value: float
    unit: str
    reference: float | None
    ratio: float | None
    asked: str  # what the ratio or value should be


def paired(ours: Callable[[], float], reference: Callable[[], float], repeats: int) -> tuple[float, float, float]:
    """Medians of both and of their ratio pair by pair, after one warm-up of each."""
    ours(), reference()
    pairs = [(ours(), reference()) for _ in range(repeats)]
    a, b = zip(*pairs, strict=True)
    return statistics.median(a), statistics.median(b), statistics.median(x / y for x, y in pairs)


# -- trainer ----------------------------------------------------------------------------------------------------------


def bench_trainer(arguments: argparse.Namespace) -> list[Figure]:
    """CPU time per optimiser step of a whole training run against a bare PyTorch loop over the same batches."""
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
                lambda: per_step(overrides, Path(scratch), training_run),  # noqa: B023
                lambda: per_step(overrides, Path(scratch), bare_loop),  # noqa: B023
                arguments.repeats,
            )
        figures.append(
            Figure(
                f"training run, batch {batch_size}",
                ours * 1e6,
                "CPU µs per step",
                reference * 1e6,
                ratio,
                "ratio ≤ 1.25",
            )
        )
    return figures


def per_step(overrides: list[str], scratch: Path, work: Callable[[Parts, RunFolder, dict], None]) -> float:
    """CPU seconds per optimiser step of ``work``, the building of model and data not counted."""
    config = plain(compose_config(overrides))
    folder = RunFolder(Path(tempfile.mkdtemp(dir=scratch)))
    parts = build(config, folder)
    torch.set_num_threads(1)
    steps = parts.datamodule.train_dataloader().steps_per_epoch * parts.settings.epochs
    started = time.process_time()
    work(parts, folder, config)
    return (time.process_time() - started) / steps


def training_run(parts: Parts, folder: RunFolder, config: dict) -> None:
    """Everything a user gets: history, checkpoints, TensorBoard, test."""
    with contextlib.redirect_stderr(io.StringIO()):  # its live table
        run(parts, folder, config, resume=False)


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


# -- loading ----------------------------------------------------------------------------------------------------------


def bench_loading(arguments: argparse.Namespace) -> list[Figure]:
    """Parsing and reloading a file of MovieLens 20M's shape; batches against the textbook's."""
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
        loader = BatchLoader(data, batch_size=batch_size, steps=50, seed=0)
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


def wall(work: Callable[[], object]) -> float:
    """Wall seconds of one call."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


# -- output -----------------------------------------------------------------------------------------------------------

PARTS: dict[str, Callable[[argparse.Namespace], list[Figure]]] = {"trainer": bench_trainer, "loading": bench_loading}


def show(part: str, figures: list[Figure]) -> None:
    table = Table(title=part, title_justify="left")
    for column in ("what", "ours", "reference", "unit", "ratio", "asked"):
        table.add_column(column, justify="left" if column in ("what", "unit", "asked") else "right")
    for figure in figures:
        reference, ratio = (f"{value:,.3g}" if value is not None else "–" for value in (figure.reference, figure.ratio))
        table.add_row(figure.name, f"{figure.value:,.4g}", reference, figure.unit, ratio, figure.asked)
    Console().print(table)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], help=f"any of {', '.join(PARTS)}; all by default")
    parser.add_argument("--repeats", type=int, default=5, help="measurements per figure; the median is shown")
    parser.add_argument("--rows", type=int, default=20_000_000, help="rows of the ratings file")
    arguments = parser.parse_args()
    OUTPUT.mkdir(parents=True, exist_ok=True)
    for part in arguments.parts or PARTS:
        figures = PARTS[part](arguments)
        show(part, figures)
        write_json(OUTPUT / f"{part}.json", [asdict(figure) for figure in figures])
        sys.stdout.write(f"{OUTPUT / part}.json\n")


if __name__ == "__main__":
    main()
