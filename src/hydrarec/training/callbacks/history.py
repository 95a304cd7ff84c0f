"""History of a run, a row per epoch; read by the epoch table, the CSV, TensorBoard and the checkpoint."""

from __future__ import annotations

import math
import time
from typing import Any

import pytorch_lightning as pl

from hydrarec.models.base import Recommender
from hydrarec.runs.folder import RunFolder

Row = dict[str, Any]


class History(pl.Callback):
    """Collects a row per epoch; must be the first callback, since the others read ``rows[-1]``.

    The rows are stored in the checkpoint, so a resumed run continues them. ``seconds`` is the time of an epoch including
    validation; ``samples_per_second`` covers training only.
    """

    def __init__(self, folder: RunFolder) -> None:
        self.folder, self.rows = folder, list[Row]()
        self._elapsed = 0.0  # seconds of the current epoch before this process resumed it
        self._started = self._trained = time.perf_counter()

    @property
    def seconds(self) -> float:
        """Wall time of all epochs so far, in seconds."""
        return float(sum(row["seconds"] for row in self.rows))

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._started = time.perf_counter()

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._started, self._elapsed = time.perf_counter(), 0.0

    def on_train_batch_end(self, *_: Any) -> None:
        self._trained = time.perf_counter()

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        assert isinstance(pl_module, Recommender)
        samples, training_seconds = pl_module.training_loss.weight, self._elapsed + self._trained - self._started
        rate, loss = pl_module.learning_rate, pl_module.training_loss.take()
        self.rows.append(
            {
                "epoch": trainer.current_epoch + 1,
                **({} if math.isnan(loss) else {"train/loss": loss}),  # counting models have no training loss
                **pl_module.evaluation,
                **({} if rate is None else {"learning_rate": rate}),
                "seconds": self._elapsed + time.perf_counter() - self._started,
                "samples_per_second": samples / max(training_seconds, 1e-9),
            }
        )
        self.folder.write_history(self.rows)

    def state_dict(self) -> dict[str, Any]:
        return {"rows": self.rows, "elapsed": self._elapsed + time.perf_counter() - self._started}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.rows, self._elapsed = list(state_dict["rows"]), state_dict["elapsed"]
