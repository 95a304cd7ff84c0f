"""Checkpoints of a run: ``best`` by the monitored metric, ``last`` to resume from."""

from __future__ import annotations

import math
import time
from typing import Any, Literal

import pytorch_lightning as pl

from hydrarec.core.distributed import broadcast_from_rank0
from hydrarec.training.callbacks.history import History


class Checkpoints(pl.callbacks.Checkpoint):
    """Writes ``best.ckpt`` (weights only) when the monitored metric improves and ``last.ckpt`` at the end of epochs.

    ``last`` is written at most every ``every_seconds``, also within an epoch, and when training ends. After a kill, the
    steps since the last write are repeated, bit for bit.

    Args:
        monitor, mode: monitored metric and its direction; None (no validation part) selects the last epoch.
        every_seconds: minimum time between two writes of ``last``; 0 writes after every chunk of steps.
    """

    def __init__(
        self, history: History, *, monitor: str | None, mode: Literal["min", "max"], every_seconds: float
    ) -> None:
        self.history, self.monitor, self.mode, self.every_seconds = history, monitor, mode, every_seconds
        self.folder = history.folder
        self.best_value, self.best_epoch = math.nan, 0
        self._written = time.monotonic()

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        row = self.history.rows[-1]
        if self.monitor is not None:
            value = float(row[self.monitor])
            improved = value < self.best_value if self.mode == "min" else value > self.best_value
            if improved or math.isnan(self.best_value):
                self.best_value, self.best_epoch = value, row["epoch"]
                trainer.save_checkpoint(self.folder.best_checkpoint, weights_only=True)
        ends = trainer.should_stop or row["epoch"] == trainer.max_epochs
        if ends and self.monitor is None:  # nothing is monitored: the last epoch is selected
            self.best_epoch = row["epoch"]
            trainer.save_checkpoint(self.folder.best_checkpoint, weights_only=True)
        self._save_last(trainer, force=ends)

    def on_train_batch_end(self, trainer: pl.Trainer, *_: Any) -> None:
        if not trainer.is_last_batch:  # on_train_epoch_end follows immediately
            self._save_last(trainer, force=False)

    def save_now(self, trainer: pl.Trainer) -> None:
        self._save_last(trainer, force=True)

    def state_dict(self) -> dict[str, Any]:
        return {"best_value": self.best_value, "best_epoch": self.best_epoch}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.best_value, self.best_epoch = state_dict["best_value"], state_dict["best_epoch"]

    def _save_last(self, trainer: pl.Trainer, *, force: bool) -> None:
        due = time.monotonic() - self._written >= self.every_seconds
        if force or broadcast_from_rank0(due, trainer.strategy.root_device):
            trainer.save_checkpoint(self.folder.last_checkpoint)
            self._written = time.monotonic()
