"""Callback that prunes a trial of a search when its validation metric falls behind the other trials'."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytorch_lightning as pl

from hydrarec.core.errors import PrunedRun
from hydrarec.training.callbacks.history import History
from hydrarec.training.fit import Parts


class Pruning(pl.Callback):
    """Reports each epoch's validation metric to the trial's study, whose pruner decides.

    Args:
        history: its last row is the current epoch's.
        monitor: metric to report; the study knows its direction.
        storage, study, number: identify the trial.

    Raises:
        PrunedRun: the metric is worse than the median of the other trials' best up to the same epoch.
    """

    def __init__(self, history: History, monitor: str | None, *, storage: str, study: str, number: int) -> None:
        assert monitor is not None, "a search without a monitored metric is refused"
        self.history, self.monitor = history, monitor
        from hydrarec.sweeps.studies import open_study, running_trial  # need Optuna, an extra

        opened = open_study(storage, study)
        self.trial = running_trial(opened, opened.get_trials(deepcopy=False)[number])

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        epoch, value = trainer.current_epoch + 1, self.history.rows[-1][self.monitor]
        if epoch not in self.trial.study.get_trials(deepcopy=False)[self.trial.number].intermediate_values:
            self.trial.report(value, epoch)  # a resumed trial may have reported it already
        if epoch < (trainer.max_epochs or 0) and self.trial.should_prune():
            raise PrunedRun(
                f"given up after epoch {epoch}: {self.monitor} {value:.4f} is worse than the median of the other trials",
                fix="hydra.sweeper.pruning=false lets every trial train to its end",
            )


def pruned(parts: Parts, trial: dict[str, Any]) -> Parts:
    """Add to ``parts`` a callback that reports to the trial's study after each epoch."""
    return dataclasses.replace(parts, callbacks=[*parts.callbacks, Pruning(parts.history, parts.monitor, **trial)])
