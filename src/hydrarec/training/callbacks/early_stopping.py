"""Stop when the validation metric has not improved for a while."""

from __future__ import annotations

from typing import Literal

import pytorch_lightning as pl

from hydrarec.core.kinds import Count, NonNegative


class EarlyStopping(pl.callbacks.EarlyStopping):
    """Lightning's early stopping; in addition, a stopped run stays stopped when it is resumed.

    Args:
        monitor, mode: taken from the task.
        patience: epochs without improvement before training stops.
        min_delta: smallest change that counts as an improvement (exclusive).
    """

    def __init__(self, *, monitor: str, mode: Literal["min", "max"], patience: Count, min_delta: NonNegative) -> None:
        super().__init__(monitor=monitor, mode=mode, patience=patience, min_delta=min_delta, verbose=False)

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if self.stopped_epoch > 0:
            trainer.should_stop = True
