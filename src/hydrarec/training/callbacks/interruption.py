"""SIGINT and SIGTERM end a run after the current chunk of steps, with a checkpoint to go on from."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Any

import pytorch_lightning as pl

from hydrarec.core.distributed import decided
from hydrarec.core.errors import InterruptedRun
from hydrarec.training.callbacks.checkpoints import Checkpoints

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interruption(pl.Callback):
    """Handles both signals while training; a second one ends the process at once.

    Raises:
        InterruptedRun: after ``last.ckpt`` was written; exit code 130 or 143.
    """

    def __init__(self, checkpoints: Checkpoints) -> None:
        self.checkpoints = checkpoints
        self.received: int | None = None
        self._before: dict[int, Any] = {}

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        # Not earlier: Lightning registers a handler of its own for SIGTERM after on_fit_start.
        if threading.current_thread() is threading.main_thread():  # only there may handlers be set
            for number in SIGNALS:
                self._before[number] = signal.signal(number, self._note)

    def on_train_batch_end(self, trainer: pl.Trainer, *_: Any) -> None:
        self.received = decided(self.received or 0, trainer.strategy.root_device) or None
        if self.received is not None and not trainer.is_last_batch:
            self._stop(trainer)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.received = decided(self.received or 0, trainer.strategy.root_device) or None
        if self.received is not None:
            trainer.should_stop = (
                True  # after the checkpoint of this epoch, which is written behind all other callbacks
            )

    def raise_if_received(self) -> None:
        """For the caller of fit, which returns as usual when the signal came in the last chunk of an epoch."""
        if self.received is not None:
            raise self._error()

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._restore()

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        self._restore()

    def _restore(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before.clear()

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.received = number
        signal.signal(number, signal.SIG_DFL)

    def _stop(self, trainer: pl.Trainer) -> None:
        self.checkpoints.save_now(trainer)
        raise self._error()

    def _error(self) -> InterruptedRun:
        assert self.received is not None
        return InterruptedRun(
            f"{signal.Signals(self.received).name} after a checkpoint was written to {self.checkpoints.folder.last_checkpoint}",
            fix=f"resume={self.checkpoints.folder.path}",
            signal_number=self.received,
        )
