"""The base of models that solve for user and item factors."""

from __future__ import annotations

import torch
from torch import Tensor

from hydrarec.core.kinds import Dimension
from hydrarec.models.base import Side
from hydrarec.models.solved import SolvedRecommender


class FactorRecommender(SolvedRecommender):
    """A solved factor model, ``s_ui = ⟨w_u, h_i⟩``.

    Args:
        embedding_dim: d, number of factors.
    """

    tasks = ("ranking",)
    user_factors: Tensor  # float32 [num_users, d]
    item_factors: Tensor  # float32 [num_items, d]

    def __init__(self, *, num_users: int, num_items: int, embedding_dim: Dimension) -> None:
        super().__init__(num_users=num_users, num_items=num_items)
        self.embedding_dim = embedding_dim
        self.register_buffer("user_factors", torch.zeros(num_users, embedding_dim))
        self.register_buffer("item_factors", torch.zeros(num_items, embedding_dim))

    def working_bytes(self, interactions: int, batch_size: int) -> int:
        # New factors beside the old ones, in up to three products at a time.
        return 3 * 4 * self.embedding_dim * (self.num_users + self.num_items) + 32 * interactions

    def forward(self, users: Tensor, items: Tensor) -> Tensor:
        return (self.user_factors[users] * self.item_factors[items]).sum(-1)

    def vectors(self, side: Side) -> Tensor:
        return self.user_factors if side == "user" else self.item_factors

    def catalogue_scores(self, users: Tensor) -> Tensor:
        return self.user_factors[users] @ self.item_factors.T
