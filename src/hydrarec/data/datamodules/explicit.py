"""The DataModule of explicit ratings: ready batches on the device."""

from __future__ import annotations

import numpy as np

from hydrarec.core.errors import DataError
from hydrarec.core.kinds import Count
from hydrarec.data.batching.batches import Unit
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

    Raises:
        DataError: all ratings are equal, so that there is nothing to predict.
    """

    implicit = False

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
        lowest, highest = float(interactions.ratings.min()), float(interactions.ratings.max())
        if lowest == highest:
            raise DataError(
                f"nothing to predict: all {len(interactions):,} ratings of {interactions.name} are {lowest:g}",
                expected="ratings that differ, or the ranking of items that have no ratings",
                fix="task=ranking",
                value=lowest,
            )
        super().__init__(
            interactions=interactions,
            split=split,
            unit=unit,
            batch_size=batch_size,
            steps_per_call=steps_per_call,
            seed=seed,
        )
        self.eval_batch_size = eval_batch_size

    def training_samples(self) -> Samples:
        """The training ratings."""
        return self._rated(self.split.train)

    def evaluation(self, part: str, rows: np.ndarray) -> BatchLoader:
        """The loader of the ratings, in canonical order."""
        samples = self.on_device(part, lambda: self._rated(rows))
        return BatchLoader(samples, batch_size=self.eval_batch_size, steps=1, seed=None, **self.share)

    def _rated(self, rows: np.ndarray) -> RatedSamples:
        return RatedSamples(*(column.to(self.device) for column in self.columns(rows)))
