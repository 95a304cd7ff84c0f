"""SVD++: user embeddings plus implicit-feedback embeddings of the rated items."""

from __future__ import annotations

import torch
from torch import Tensor

from hydrarec.core.kinds import Dimension, EmbeddingLayer, Initialization, NonNegative
from hydrarec.data.batching.batches import TrainingData
from hydrarec.models.embedding_recommender import EmbeddingRecommender
from hydrarec.models.parts.histories import SparseRows, StoredRows
from hydrarec.models.parts.layers import embedding_table


class SVDpp(EmbeddingRecommender):
    """``s_ui = μ + b_u + b_i + ⟨q_i, p_u + |N(u)|^(−1/2) Σ_{j ∈ N(u)} y_j⟩`` (Koren 2008, eq. 15; A1's baseline).

    ``N(u)`` is the set of items that u rated in training, whatever the rating.

    Args:
        embedding_dim, embedding, init, init_scale, l2: as in :class:`hydrarec.models.dot.Dot`; y starts like p and q.

    Departures: minibatches instead of single samples; regularisation by the optimiser's weight decay or ``l2`` on full
    tables instead of a term per sampled rating.
    """

    user_tables = ("user_embedding", "user_bias")
    histories = StoredRows("history_starts", "history_items", columns="num_items")  # N(u) as rows
    observed = ("mean", *histories.buffers)
    mean: Tensor  # float32 []

    def __init__(
        self,
        *,
        num_users: int,
        num_items: int,
        embedding_dim: Dimension,
        embedding: EmbeddingLayer,
        init: Initialization,
        init_scale: NonNegative,
        l2: NonNegative,
    ) -> None:
        super().__init__(num_users=num_users, num_items=num_items)
        self.l2 = l2
        self.user_embedding = embedding_table(embedding, num_users, embedding_dim, init, init_scale)
        self.item_embedding = embedding_table(embedding, num_items, embedding_dim, init, init_scale)
        self.implicit_embedding = embedding_table(embedding, num_items, embedding_dim, init, init_scale)
        self.user_bias = embedding_table(embedding, num_users, 1, "zeros", 0)
        self.item_bias = embedding_table(embedding, num_items, 1, "zeros", 0)

    def observe(self, data: TrainingData) -> None:
        self.mean = torch.zeros(()) if data.scale is None else data.targets.double().mean().float()
        self.histories = SparseRows.by_user(data)

    def forward(self, users: Tensor, items: Tensor) -> Tensor:
        user = self.user_embedding(users) + self._implicit(users)
        bias = (self.user_bias(users) + self.item_bias(items)).squeeze(-1)
        return self.mean + bias + (user * self.item_embedding(items)).sum(-1)

    def catalogue_scores(self, users: Tensor) -> Tensor:
        user = self.user_embedding(users) + self._implicit(users)
        bias = self.user_bias(users) + self.item_bias.weight.T + self.mean
        return torch.addmm(bias, user, self.item_embedding.weight.T)

    def scores_of_history(self, items: Tensor, targets: Tensor) -> Tensor:
        """As in the base, with the new user's own N(u); p_u and b_u are folded in."""
        history = SparseRows.of_one(items, self.num_items)
        return self.fold_in(items, targets, history_starts=history.starts, history_items=history.columns)

    def _implicit(self, users: Tensor) -> Tensor:
        """|N(u)|^(−1/2) Σ y_j, float32 [..., embedding_dim]; each distinct user is summed once."""
        distinct, places = torch.unique(users, return_inverse=True)
        histories = self.histories.take(distinct)
        sums = histories.times(self.implicit_embedding.weight)
        return (sums * histories.starts.diff().clamp(min=1).rsqrt().unsqueeze(-1))[places]
