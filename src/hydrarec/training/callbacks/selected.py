"""Base class of callbacks that use the selected weights; Lightning has no hook for this that every run calls."""

from __future__ import annotations

from abc import ABC, abstractmethod

import pytorch_lightning as pl

from hydrarec.models.base import Recommender


class Selected(pl.Callback, ABC):
    """A callback that runs once, after the last evaluation, when the model holds the selected weights."""

    @abstractmethod
    def on_selected(self, trainer: pl.Trainer, model: Recommender) -> None:
        """Called in evaluation mode, in every process of a run."""
