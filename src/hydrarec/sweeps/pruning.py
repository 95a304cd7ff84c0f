"""Give up a trial of a search whose validation metric is hopeless, after the epoch that shows it."""

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
        history: whose last row is the epoch's.
        monitor: the metric; the study knows which way is better.
        storage, study, number: of the trial.

    Raises:
        PrunedRun: the metric is worse than the median of the other trials' best up to the same epoch.
    """

    def __init__(self, history: History, monitor: str | None, *, storage: str, study: str, number: int) -> None:
        assert monitor is not None, "a search is refused where nothing is monitored"
        self.history, self.monitor = history, monitor
        from hydrarec.sweeps.studies import begun_trial, open_study  # which need an extra

        self.trial = begun_trial(open_study(storage, study), number)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        epoch, value = trainer.current_epoch + 1, self.history.rows[-1][self.monitor]
        if epoch not in self.trial.study.get_trials(deepcopy=False)[self.trial.number].intermediate_values:
            self.trial.report(value, epoch)  # else a resumed trial, which reported it before it was stopped
        if epoch < (trainer.max_epochs or 0) and self.trial.should_prune():
            raise PrunedRun(
                f"given up after epoch {epoch}: {self.monitor} {value:.4f} is worse than the median of the other trials",
                fix="hydra.sweeper.pruning=false lets every trial train to its end",
            )


def pruned(parts: Parts, trial: dict[str, Any] | None) -> Parts:
    """``parts`` as they are, or with a callback that reports to the trial's study after each epoch."""
    if trial is None:
        return parts
    others = parts.callbacks
    return dataclasses.replace(
        parts, callbacks=lambda history: [*others(history), Pruning(history, parts.monitor, **trial)]
    )
