"""Live table with a row per epoch, and the progress of the current epoch or evaluation below it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import pytorch_lightning as pl

from hydrarec.core import console
from hydrarec.models.solved import SolvedRecommender
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
    """Prints the table to stderr row by row, readable both live and in a log file, and the progress of long epochs."""

    def __init__(self, history: History) -> None:
        self.history = history
        self._headed = False
        self._display = contextlib.ExitStack()  # for the whole of training
        self._work = contextlib.ExitStack()  # an epoch or an evaluation
        self._advance: Callable[[float], None] = _ignore

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._display.enter_context(console.display())

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if not isinstance(pl_module, SolvedRecommender):  # whose one call says itself how far it is
            self._begin(f"epoch {trainer.current_epoch + 1}/{trainer.max_epochs}", trainer.num_training_batches)

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._begin("validating", sum(trainer.num_val_batches))

    def on_test_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._begin("testing", sum(trainer.num_test_batches))

    def on_train_batch_end(self, *_: Any) -> None:
        self._advance(1)

    def on_validation_batch_end(self, *_: Any) -> None:
        self._advance(1)

    def on_test_batch_end(self, *_: Any) -> None:
        self._advance(1)

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._end()

    on_test_end = on_validation_end

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._end()  # of an epoch without validation
        row = self.history.rows[-1]
        if not self._headed:
            console.say("  ".join(f"{title:>{_width(title)}}" for title, _ in columns_of(row).values()))
            self._headed = True
        cells = [(title, show(row[key])) for key, (title, show) in columns_of(row).items()]
        console.say("  ".join(f"{text:>{_width(title)}}" for title, text in cells))

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._end()
        self._display.close()

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        self._end()
        self._display.close()

    def _begin(self, description: str, batches: float) -> None:
        self._end()
        self._advance = self._work.enter_context(console.progress(description, batches, "batches"))

    def _end(self) -> None:
        self._work.close()
        self._advance = _ignore


def _ignore(amount: float) -> None:
    """Outside all work there is nothing to advance."""


def _width(title: str) -> int:
    return max(len(title), 9)
