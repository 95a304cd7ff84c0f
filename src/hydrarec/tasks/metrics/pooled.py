"""Means pooled over all ratings of a part, not averaged over batches or users."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from torchmetrics import Metric


class PooledMeans(Metric):
    """Means of several quantities: float64 sums and an int64 count, reduced over processes once per epoch.

    Not torchmetrics' ``MeanMetric``: inside a Trainer its sums are float32, which loses digits over millions of ratings.
    """

    full_state_update = False
    sums: Tensor
    count: Tensor

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__()
        self.names = tuple(names)
        self.add_state("sums", torch.zeros(len(names), dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("count", torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum")

    def update(self, sums: Mapping[str, Tensor], count: int) -> None:
        """Add the sums over ``count`` ratings, one float64 scalar per name."""
        self.sums += torch.stack([sums[name] for name in self.names])
        self.count += count

    def compute(self) -> dict[str, Tensor]:
        """Means as float64 scalars."""
        return dict(zip(self.names, self.sums / self.count, strict=True))
