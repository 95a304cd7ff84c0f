"""Training samples: ratings, positives with negatives or with the whole catalogue, whole users or items."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import torch
from torch import Tensor

from hydrarec.data.batching.batches import Batch, TrainingData, Unit, epoch_seed
from hydrarec.data.batching.negatives import NegativeSampler


class _PerUser:
    """Base of samples with one user per row; ``users``: int64 [N]."""

    def __init__(self, users: Tensor) -> None:
        self.users = users

    def __len__(self) -> int:
        return len(self.users)

    @property
    def device(self) -> torch.device:
        return self.users.device


class RatedSamples(_PerUser):
    """One rating per row; ``users``, ``items``: int64 [N], ``ratings``: float32 [N]."""

    def __init__(self, users: Tensor, items: Tensor, ratings: Tensor) -> None:
        super().__init__(users)
        self.columns = (users, items, ratings)

    def batches(self, rows: Tensor, epoch: int, sizes: Sequence[int]) -> list[Batch]:
        chunk = [column.index_select(0, rows).split(list(sizes)) for column in self.columns]
        return [Batch(*columns) for columns in zip(*chunk, strict=True)]


class ContrastedSamples(_PerUser):
    """One positive per row with ``num_negatives`` negatives of its user, redrawn in each epoch.

    Args:
        users, items: the positives, int64 [N].
        positions: position of each positive in the training part, int64 [N]. Together with seed and epoch it keys the
            draws, so they do not depend on order, batch size or number of processes.
        sampler: draws the negatives.
    """

    def __init__(
        self, users: Tensor, items: Tensor, positions: Tensor, sampler: NegativeSampler, num_negatives: int, seed: int
    ) -> None:
        super().__init__(users)
        self.items, self.positions = items, positions
        self.sampler, self.num_negatives, self.seed = sampler, num_negatives, seed

    def batches(self, rows: Tensor, epoch: int, sizes: Sequence[int]) -> list[Batch]:
        users = self.users.index_select(0, rows)
        positives = self.items.index_select(0, rows).unsqueeze(1)
        positions = self.positions.index_select(0, rows)
        negatives = self.sampler.draw(users, positions, self.num_negatives, epoch_seed(self.seed, epoch))
        items = torch.cat([positives, negatives], dim=1)
        targets = torch.zeros(max(sizes), 1 + self.num_negatives, device=self.device)
        targets[:, 0] = 1
        chunk = zip(users.unsqueeze(1).split(list(sizes)), items.split(list(sizes)), sizes, strict=True)
        return [Batch(some_users, some_items, targets[:size]) for some_users, some_items, size in chunk]


class CatalogueSamples(_PerUser):
    """One positive per row against the whole catalogue; ``users``, ``items``: int64 [N]."""

    def __init__(self, users: Tensor, items: Tensor, num_items: int) -> None:
        super().__init__(users)
        self.items = items
        self.catalogue = torch.arange(num_items, device=users.device).unsqueeze(0)

    def batches(self, rows: Tensor, epoch: int, sizes: Sequence[int]) -> list[Batch]:
        users = self.users.index_select(0, rows).unsqueeze(1).split(list(sizes))
        items = self.items.index_select(0, rows).split(list(sizes))
        return [Batch(some, self.catalogue, positives) for some, positives in zip(users, items, strict=True)]


class HistorySamples:
    """One user or item per row, whose history the model stores; ``indices``: int64 [N], only those with a history."""

    def __init__(self, unit: Unit, indices: Tensor) -> None:
        assert unit != "interactions", "a single interaction is no history"
        self.unit, self.indices = unit, indices

    @classmethod
    def of(cls, unit: Unit, data: TrainingData) -> Self:
        """All users or all items of ``data``."""
        return cls(unit, torch.unique(data.users if unit == "users" else data.items))

    def __len__(self) -> int:
        return len(self.indices)

    @property
    def device(self) -> torch.device:
        return self.indices.device

    def to(self, device: torch.device) -> HistorySamples:
        return HistorySamples(self.unit, self.indices.to(device))

    def batches(self, rows: Tensor, epoch: int, sizes: Sequence[int]) -> list[Batch]:
        nothing = self.indices.new_empty(0)
        chunk = self.indices.index_select(0, rows).split(list(sizes))
        zeros = [torch.zeros(size, device=self.device) for size in sizes]
        if self.unit == "users":
            return [Batch(users, nothing, targets) for users, targets in zip(chunk, zeros, strict=True)]
        return [Batch(nothing, items, targets) for items, targets in zip(chunk, zeros, strict=True)]
