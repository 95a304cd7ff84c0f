"""Callbacks that look at the selected weights, which no hook of Lightning's sees in every run."""

from __future__ import annotations

from abc import ABC, abstractmethod

import pytorch_lightning as pl

from hydrarec.models.base import Recommender


class Selected(pl.Callback, ABC):
    """A callback that is called once, after the last evaluation, while the model holds the weights that were selected."""

    @abstractmethod
    def on_selected(self, trainer: pl.Trainer, model: Recommender) -> None:
        """In evaluation mode, in every process of a run."""
