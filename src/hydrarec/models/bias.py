"""User and item biases, the baseline for rating models."""

from __future__ import annotations

import torch
from torch import Tensor

from hydrarec.core.kinds import NonNegative
from hydrarec.data.batching.batches import TrainingData
from hydrarec.models.base import Side
from hydrarec.models.parts.fold_in import distinct_history
from hydrarec.models.solved import SolvedRecommender


class Bias(SolvedRecommender):
    """Global mean plus regularised user and item biases (Koren 2010, "Factor in the neighbors", §2.1).

    ``r̂_ui = μ + b_u + b_i``, minimising ``Σ (r_ui − r̂_ui)² + λ_u Σ b_u² + λ_i Σ b_i²`` by alternating exact solutions::

        b_i = Σ_u (r_ui − μ − b_u) / (λ_i + n_i)        b_u = Σ_i (r_ui − μ − b_i) / (λ_u + n_u)

    One epoch is one pair of these sweeps. Users and items unseen in training keep a bias of 0.

    Args:
        user_regularization, item_regularization: λ_u and λ_i, in ratings.
    """

    tasks = ("rating",)  # with implicit feedback every mean is 1
    observed = ("mean", "user_bias", "item_bias")
    mean: Tensor
    user_bias: Tensor
    item_bias: Tensor

    def __init__(
        self, *, num_users: int, num_items: int, user_regularization: NonNegative, item_regularization: NonNegative
    ) -> None:
        super().__init__(num_users=num_users, num_items=num_items)
        self.user_regularization, self.item_regularization = user_regularization, item_regularization

    def observe(self, data: TrainingData) -> None:
        super().observe(data)
        self.mean = data.targets.double().mean().float()
        self.user_bias, self.item_bias = torch.zeros(data.num_users), torch.zeros(data.num_items)

    def biases(self, side: Side) -> Tensor:
        return self.user_bias if side == "user" else self.item_bias

    def solve(self, data: TrainingData, epoch: int) -> Tensor:
        self.user_bias, self.item_bias = swept_biases(
            data, self.mean, self.user_bias, self.user_regularization, self.item_regularization
        )
        return self.objective.loss(self(data.users, data.items), data.targets)

    def forward(self, users: Tensor, items: Tensor) -> Tensor:
        return self.mean + self.user_bias[users] + self.item_bias[items]

    def scores_of_history(self, items: Tensor, targets: Tensor) -> Tensor:
        items, targets = distinct_history(items, targets)
        residuals = targets - self.mean - self.item_bias[items]
        return self.mean + damped_mean(residuals, torch.zeros_like(items), 1, self.user_regularization) + self.item_bias


def swept_biases(
    data: TrainingData, mean: Tensor, user_bias: Tensor, user_regularization: float, item_regularization: float
) -> tuple[Tensor, Tensor]:
    """b_u and b_i, float32 [num_users] and [num_items], after one pair of sweeps from ``user_bias``."""
    centred = data.targets - mean
    item_bias = damped_mean(centred - user_bias[data.users], data.items, data.num_items, item_regularization)
    user_bias = damped_mean(centred - item_bias[data.items], data.users, data.num_users, user_regularization)
    return user_bias, item_bias


def damped_mean(values: Tensor, groups: Tensor, num_groups: int, damping: float) -> Tensor:
    """Per group, sum / (damping + count), in float64; groups without values get 0."""
    # index_add_, because weighted bincount is not deterministic on CUDA
    sums = values.new_zeros(num_groups, dtype=torch.float64).index_add_(0, groups, values.double())
    counts = torch.bincount(groups, minlength=num_groups)
    return (sums / (damping + counts).clamp(min=1e-12)).float()
