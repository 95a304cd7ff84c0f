"""Explicit ratings as ready batches on the device."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

from hydrarec.core.kinds import Count
from hydrarec.data.batching.batches import TrainingData, Unit
from hydrarec.data.batching.loaders import BatchLoader, Samples
from hydrarec.data.batching.samples import RatedSamples
from hydrarec.data.datamodules.base import InteractionsDataModule
from hydrarec.data.interactions import Interactions
from hydrarec.data.splits import Split


class RatingDataModule(InteractionsDataModule):
    """Batches of (user, item, rating), or of whole users or items.

    Args:
        interactions, split, unit, batch_size, steps_per_call, seed: as in the base.
        eval_batch_size: ratings per forward pass of an evaluation.
    """

    def __init__(
        self,
        *,
        interactions: Interactions,
        split: Split,
        unit: Unit,
        batch_size: Count,
        eval_batch_size: Count,
        steps_per_call: Count,
        seed: int,
    ) -> None:
        super().__init__(
            interactions=interactions,
            split=split,
            unit=unit,
            batch_size=batch_size,
            steps_per_call=steps_per_call,
            seed=seed,
        )
        self.eval_batch_size = eval_batch_size
        self._parts: dict[str, Samples] = {}

    @cached_property
    def _training_data(self) -> TrainingData:
        data = self.interactions
        return TrainingData(
            *self.columns(self.split.train), data.num_users, data.num_items, data.scale, self.fingerprint
        )

    def training_data(self) -> TrainingData:
        return self._training_data

    def train_dataloader(self) -> BatchLoader:
        samples = self._samples("train", self.split.train)
        return BatchLoader(samples, batch_size=self.batch_size, steps=self.steps_per_call, seed=self.seed, **self.share)

    def val_dataloader(self) -> BatchLoader | list[Any]:
        return self._evaluation("val", self.split.val)

    def test_dataloader(self) -> BatchLoader | list[Any]:
        return self._evaluation("test", self.split.test)

    def _evaluation(self, part: str, rows: np.ndarray) -> BatchLoader | list[Any]:
        if len(rows) == 0:
            return []
        return BatchLoader(self._samples(part, rows), batch_size=self.eval_batch_size, steps=1, seed=None, **self.share)

    def _samples(self, part: str, rows: np.ndarray) -> Samples:
        if part not in self._parts or self._parts[part].device != self.device:
            if part == "train" and self.unit != "interactions":
                self._parts[part] = self.histories.to(self.device)
            else:
                self._parts[part] = RatedSamples(*(column.to(self.device) for column in self.columns(rows)))
        return self._parts[part]
