"""Live table with a row per epoch and, on a terminal, a progress bar below it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytorch_lightning as pl
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from hydrarec.core import console
from hydrarec.tasks.metrics.registry import shown_measure
from hydrarec.training.callbacks.history import History, Row

Format = Callable[[Any], str]
_OTHERS: dict[str, tuple[str, Format]] = {
    "epoch": ("epoch", "{:d}".format),
    "learning_rate": ("learning rate", "{:.2e}".format),
    "seconds": ("seconds", "{:.2f}".format),
    "samples_per_second": ("samples/s", "{:,.0f}".format),
}


def columns_of(row: Row) -> dict[str, tuple[str, Format]]:
    """Title and format by key for the shown columns of a row; ranking columns keep their keys, which name the protocol."""
    columns = {}
    for key in row:
        if key in _OTHERS:
            columns[key] = _OTHERS[key]
        elif measure := shown_measure(key):
            columns[key] = key if measure.protocol else f"{measure.part} {measure.label}", measure.metric.format
    return columns


class EpochTable(pl.Callback):
    """Prints the table to stderr row by row, readable both live and in a log file."""

    def __init__(self, history: History) -> None:
        self.history = history
        self.console = console.stderr()
        self._bar: Progress | None = None
        self._headed = False

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if self.console.is_terminal:
            columns = TextColumn("epoch {task.fields[epoch]}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
            self._bar = Progress(*columns, console=self.console, transient=True, refresh_per_second=4)
            self._task = self._bar.add_task("", total=None, epoch="")
            self._bar.start()

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if self._bar is not None:
            epoch = f"{trainer.current_epoch + 1}/{trainer.max_epochs}"
            self._bar.reset(self._task, total=trainer.num_training_batches, epoch=epoch)

    def on_train_batch_end(self, *_: Any) -> None:
        if self._bar is not None:
            self._bar.advance(self._task)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        row = self.history.rows[-1]
        if not self._headed:
            self._print("  ".join(f"{title:>{_width(title)}}" for title, _ in columns_of(row).values()))
            self._headed = True
        cells = [(title, show(row[key])) for key, (title, show) in columns_of(row).items()]
        self._print("  ".join(f"{text:>{_width(title)}}" for title, text in cells))

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._stop()

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        self._stop()

    def _print(self, line: str) -> None:
        (self._bar.console if self._bar is not None else self.console).print(line, highlight=False)

    def _stop(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None


def _width(title: str) -> int:
    return max(len(title), 9)
