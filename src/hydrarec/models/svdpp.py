"""SVD++: a user is also what the user has rated."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from hydrarec.core.kinds import Dimension, EmbeddingLayer, Initialization, NonNegative
from hydrarec.data.batching.batches import TrainingData
from hydrarec.models.base import Recommender
from hydrarec.models.dot import l2_penalty
from hydrarec.models.parts.fold_in import fold_in
from hydrarec.models.parts.layers import embedding_table


class SVDpp(Recommender):
    """``s_ui = μ + b_u + b_i + ⟨q_i, p_u + |N(u)|^(−1/2) Σ_{j ∈ N(u)} y_j⟩`` (Koren 2008, eq. 15; A1's baseline).

    ``N(u)`` are the items that u rated in training, whatever the rating.

    Args:
        embedding_dim, embedding, init, init_scale, l2: as in :class:`hydrarec.models.dot.Dot`; y starts like p and q.

    Departures: minibatches instead of one sample at a time; regularisation is the optimiser's weight decay or ``l2`` on
    whole tables instead of a term per sampled rating.
    """

    user_tables = ("user_embedding", "user_bias")
    observed = ("mean", "history_starts", "history_items")
    mean: Tensor  # float32 []
    history_starts: Tensor  # int64 [num_users + 1]: N(u) = history_items[history_starts[u]:history_starts[u + 1]]
    history_items: Tensor  # int64 [N]

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
        self.history_items = data.items
        counts = torch.bincount(data.users, minlength=data.num_users)
        self.history_starts = torch.cat([counts.new_zeros(1), counts.cumsum(0)])

    def forward(self, users: Tensor, items: Tensor) -> Tensor:
        user = self.user_embedding(users) + self._implicit(users)
        bias = (self.user_bias(users) + self.item_bias(items)).squeeze(-1)
        return self.mean + bias + (user * self.item_embedding(items)).sum(-1)

    def catalogue_scores(self, users: Tensor) -> Tensor:
        user = self.user_embedding(users) + self._implicit(users)
        bias = self.user_bias(users) + self.item_bias.weight.T + self.mean
        return torch.addmm(bias, user, self.item_embedding.weight.T)

    def scores_of_history(self, items: Tensor, targets: Tensor) -> Tensor:
        """With the newcomer's own N(u), which is known; p_u and b_u are folded in."""
        history = torch.unique(items)
        starts = torch.tensor([0, len(history)], device=items.device)
        return fold_in(self, items, targets, history_starts=starts, history_items=history)

    def _implicit(self, users: Tensor) -> Tensor:
        """|N(u)|^(−1/2) Σ y_j, float32 [..., embedding_dim]; each distinct user is summed once."""
        distinct, places = torch.unique(users, return_inverse=True)
        starts = self.history_starts[distinct]
        lengths = self.history_starts[distinct + 1] - starts
        offsets = lengths.cumsum(0) - lengths
        # The histories of the distinct users, one after the other: position in the bag + start of the history.
        rows = torch.arange(int(lengths.sum()), device=users.device) + (starts - offsets).repeat_interleave(lengths)
        sums = functional.embedding_bag(self.history_items[rows], self.implicit_embedding.weight, offsets, mode="sum")
        return (sums * lengths.clamp(min=1).rsqrt().unsqueeze(-1))[places]

    def penalty(self) -> Tensor | None:
        tables = (self.user_embedding, self.item_embedding, self.implicit_embedding, self.user_bias, self.item_bias)
        return l2_penalty(self.l2, *(table.weight for table in tables))
