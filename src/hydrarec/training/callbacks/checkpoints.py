"""The two checkpoints of a run: ``best`` by the monitored metric, ``last`` to resume from."""

from __future__ import annotations

import math
import time
from typing import Any, Literal

import pytorch_lightning as pl

from hydrarec.core.distributed import broadcast_from_rank0
from hydrarec.training.callbacks.history import History


class Checkpoints(pl.callbacks.Checkpoint):
    """Writes ``best.ckpt`` (weights only) when the monitored metric improves and ``last.ckpt`` at the end of epochs.

    ``last`` is written every ``every_seconds`` at the most, also in the middle of an epoch, and whenever training ends;
    what lies between is trained again, bit for bit, after a kill.

    Args:
        monitor, mode: the metric and which way is better; None: there is no validation part, the last epoch counts.
        every_seconds: between two writes of ``last``; 0: after every chunk of steps.
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
        if not trainer.is_last_batch:  # the end of the epoch follows at once
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
