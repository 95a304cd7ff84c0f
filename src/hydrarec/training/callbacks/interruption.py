"""On SIGINT, SIGTERM or SIGHUP, end a run after the current chunk of steps, with a checkpoint to resume from."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Any

import pytorch_lightning as pl

from hydrarec.core import signals
from hydrarec.core.distributed import broadcast_from_rank0
from hydrarec.core.errors import InterruptedRun
from hydrarec.training.callbacks.checkpoints import Checkpoints


class Interruption(pl.Callback):
    """Handles the signals during training; a second one ends the process at once.

    Raises:
        InterruptedRun: after ``last.ckpt`` was written; exit code 130 or 143.
    """

    def __init__(self, checkpoints: Checkpoints) -> None:
        self.checkpoints = checkpoints
        self.received: int | None = None
        self._before: dict[int, Any] = {}

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        # Not earlier: Lightning installs its own SIGTERM handler after on_fit_start.
        if threading.current_thread() is threading.main_thread():  # Python allows handlers only there
            self._before = signals.handle(signals.STOP, self._note)

    def on_train_batch_end(self, trainer: pl.Trainer, *_: Any) -> None:
        self.received = broadcast_from_rank0(self.received or 0, trainer.strategy.root_device) or None
        if self.received is not None and not trainer.is_last_batch:
            self.checkpoints.save_now(trainer)
            self.raise_if_received()

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.received = broadcast_from_rank0(self.received or 0, trainer.strategy.root_device) or None
        if self.received is not None:
            trainer.should_stop = True  # stops after this epoch's checkpoint, which the last callback writes

    def raise_if_received(self) -> None:
        """Raise if a signal arrived. Also call it after fit, which returns normally if that was in an epoch's last chunk."""
        if self.received is not None:
            folder = self.checkpoints.folder
            raise InterruptedRun(
                f"{signal.Signals(self.received).name} after a checkpoint was written to {folder.last_checkpoint}",
                fix=f"resume={folder.path}",
                signal_number=signals.exit_signal(self.received),
            )

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
