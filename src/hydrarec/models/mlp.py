"""A multi-layer perceptron over concatenated embeddings."""

from __future__ import annotations

from torch import Tensor, nn

from hydrarec.core.kinds import Dimension, EmbeddingLayer, Fraction, Initialization, NonNegative
from hydrarec.data.batching.batches import TrainingData
from hydrarec.models.embedding_recommender import EmbeddingRecommender
from hydrarec.models.parts.layers import PairPerceptron, RatingRange, embedding_table


class MLP(EmbeddingRecommender):
    """``s_ui = w · h_L``, ``h_0 = [p_u, q_i]``, ``h_l = ReLU(W_l h_{l−1} + b_l)`` (He et al. 2017, §3.3; references A1, C4, D3, E1).

    Args:
        embedding_dim, embedding, init, init_scale: as in :class:`hydrarec.models.dot.Dot`.
        hidden_dims: widths of the hidden layers; empty for a linear model.
        input_dropout: dropout on the concatenated embeddings.
        dropout: dropout after each hidden layer, one rate per layer.
        rating_range, range_margin: as in :class:`hydrarec.models.dot.BiasedDot`.
        l2: penalty on both full tables in each step.

    The layers use PyTorch's initialisation, U(−1/√fan_in, 1/√fan_in); the paper does not specify one.
    """

    def __init__(
        self,
        *,
        num_users: int,
        num_items: int,
        embedding_dim: Dimension,
        embedding: EmbeddingLayer,
        init: Initialization,
        init_scale: NonNegative,
        hidden_dims: list[Dimension],
        input_dropout: Fraction,
        dropout: list[Fraction],
        rating_range: bool,
        range_margin: NonNegative,
        l2: NonNegative,
    ) -> None:
        super().__init__(num_users=num_users, num_items=num_items)
        self.l2 = l2
        self.user_embedding = embedding_table(embedding, num_users, embedding_dim, init, init_scale)
        self.item_embedding = embedding_table(embedding, num_items, embedding_dim, init, init_scale)
        self.tower = PairPerceptron(embedding_dim, hidden_dims, input_dropout, dropout)
        self.output = nn.Linear(self.tower.out_features, 1)
        self.floats_per_pair = sum(hidden_dims) + 1
        self.range = RatingRange(range_margin) if rating_range else None

    def observe(self, data: TrainingData) -> None:
        if self.range is not None and data.scale is not None:
            self.range.observe(data.scale)

    def forward(self, users: Tensor, items: Tensor) -> Tensor:
        scores = self.output(self.tower(self.user_embedding(users), self.item_embedding(items))).squeeze(-1)
        return scores if self.range is None else self.range(scores)
