"""The most popular items, the same for every user."""

from __future__ import annotations

import torch
from torch import Tensor

from hydrarec.data.batching.batches import TrainingData
from hydrarec.models.solved import SolvedRecommender


class Popularity(SolvedRecommender):
    """``s_ui`` = number of training interactions of item i. A baseline with known figures, for checking an evaluator."""

    tasks = ("ranking",)
    observed = ("counts",)
    counts: Tensor  # float32 [num_items]: exact up to 2²⁴

    def __init__(self, *, num_users: int, num_items: int) -> None:
        super().__init__(num_users=num_users, num_items=num_items)

    def observe(self, data: TrainingData) -> None:
        super().observe(data)
        self.counts = torch.zeros(data.num_items)

    def solve(self, data: TrainingData, epoch: int) -> None:
        self.counts = torch.bincount(data.items, minlength=self.num_items).float()

    def forward(self, users: Tensor, items: Tensor) -> Tensor:
        users, items = torch.broadcast_tensors(users, items)
        return self.counts[items]

    def catalogue_scores(self, users: Tensor) -> Tensor:
        return self.counts.repeat(len(users), 1)

    def scores_of_history(self, items: Tensor, targets: Tensor) -> Tensor:
        return self.counts.clone()
