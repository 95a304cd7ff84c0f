"""The live table: a row per epoch, and a progress bar below it on a terminal."""

from __future__ import annotations

from typing import Any

import pytorch_lightning as pl
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from hydrarec.core import console
from hydrarec.training.callbacks.history import History, Row

# Title, key in the row, format. What a row lacks (a part without ratings, a model without optimiser) is left out.
_BEFORE = (
    ("epoch", "epoch", "{:d}"),
    ("train loss", "train/loss", "{:.4f}"),
    ("val loss", "val/loss", "{:.4f}"),
    ("val RMSE", "val/rmse", "{:.4f}"),
    ("val MAE", "val/mae", "{:.4f}"),
)
_AFTER = (
    ("learning rate", "learning_rate", "{:.2e}"),
    ("seconds", "seconds", "{:.2f}"),
    ("samples/s", "samples_per_second", "{:,.0f}"),
)


def columns_of(row: Row) -> list[tuple[str, str, str]]:
    """What is shown of a row; how far a ranking is judged depends on its protocol, so its columns have their own names."""
    ranked = [(key, key, "{:.4f}") for key in row if key.startswith(("val/hr@", "val/ndcg@"))]
    return [column for column in (*_BEFORE, *ranked, *_AFTER) if column[1] in row]


class EpochTable(pl.Callback):
    """Prints to stderr: the table row by row, so that it can be read while it grows and in a log file afterwards."""

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
            self._print("  ".join(f"{title:>{_width(title)}}" for title, _, _ in columns_of(row)))
            self._headed = True
        self._print(self._line(row))

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._stop()

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        self._stop()

    def _line(self, row: Row) -> str:
        return "  ".join(f"{form.format(row[key]):>{_width(title)}}" for title, key, form in columns_of(row))

    def _print(self, line: str) -> None:
        (self._bar.console if self._bar is not None else self.console).print(line, highlight=False)

    def _stop(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None


def _width(title: str) -> int:
    return max(len(title), 9)
