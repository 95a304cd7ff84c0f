"""Figures: how they are measured, and how they are shown."""

from __future__ import annotations

import contextlib
import io
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from hydrarec.config.composition import compose_config, plain
from hydrarec.runs.folder import RunFolder
from hydrarec.training.assembly import build
from hydrarec.training.fit import Parts, run

Work = Callable[[], float]


@dataclass(frozen=True)
class Figure:
    """One measured value beside its reference, both in ``unit``; ``ratio`` = value / reference, None without one."""

    name: str
    value: float | None  # None: could not be measured here
    unit: str
    reference: float | None
    ratio: float | None
    asked: str  # what the ratio or value should be


def paired(ours: Work, reference: Work, repeats: int) -> tuple[float, float, float]:
    """Medians of both and of their ratio pair by pair, after one warm-up of each."""
    ours(), reference()
    a, b = in_turn((ours, reference), repeats)
    return statistics.median(a), statistics.median(b), ratio(a, b)


def in_turn(works: tuple[Work, ...], repeats: int) -> list[list[float]]:
    """``repeats`` measurements of each, A B C A B C …"""
    rounds = [[work() for work in works] for _ in range(repeats)]
    return [list(values) for values in zip(*rounds, strict=True)]


def ratio(ours: list[float], reference: list[float]) -> float:
    """Median of the ratios pair by pair."""
    return statistics.median(a / b for a, b in zip(ours, reference, strict=True))


def wall(work: Callable[[], object]) -> float:
    """Wall seconds of one call."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def cpu(work: Callable[[], object]) -> float:
    """CPU seconds of one call, of all threads."""
    started = time.process_time()
    work()
    return time.process_time() - started


def built(overrides: list[str], scratch: str) -> tuple[Parts, RunFolder, dict[str, Any]]:
    """What :func:`hydrarec.training.fit.run` needs, in a run folder of its own."""
    config = plain(compose_config(overrides))
    folder = RunFolder(Path(tempfile.mkdtemp(dir=scratch)))
    return build(config, folder), folder, config


def training_run(parts: Parts, folder: RunFolder, config: dict[str, Any]) -> dict[str, Any]:
    """Everything a user gets: history, checkpoints, TensorBoard, test."""
    with contextlib.redirect_stderr(io.StringIO()):  # its live table
        return run(parts, folder, config, resume=False)


def show(part: str, figures: list[Figure]) -> None:
    """Print the figures of a part as a table."""
    table = Table(title=part, title_justify="left")
    for column in ("what", "ours", "reference", "unit", "ratio", "asked"):
        table.add_column(column, justify="left" if column in ("what", "unit", "asked") else "right")
    for figure in figures:
        values = (figure.value, figure.reference, figure.ratio)
        table.add_row(figure.name, *map(_written, values[:2]), figure.unit, _written(values[2]), figure.asked)
    Console().print(table)


def _written(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
