"""Dot-product models (matrix factorisation), without and with biases."""

from __future__ import annotations

import torch
from torch import Tensor

from hydrarec.core.kinds import Dimension, EmbeddingLayer, Fraction, Initialization, NonNegative
from hydrarec.data.batching.batches import Batch, TrainingData
from hydrarec.models.embedding_recommender import EmbeddingRecommender
from hydrarec.models.parts.layers import RatingRange, dropped, embedding_table


class Dot(EmbeddingRecommender):
    """Matrix factorisation: ``s_ui = ⟨p_u, q_i⟩`` (Koren, Bell & Volinsky 2009; references B1, B3, C2, D1).

    Args:
        embedding_dim: width of both embeddings.
        embedding: ``library`` (``torch.nn.Embedding``); ``lookup``, a hand-written equivalent (reference B3);
            ``one_hot``, a linear layer on one-hot rows (reference B5); ``sparse``, with row-sparse gradients.
        init, init_scale: see :func:`hydrarec.models.parts.layers.initialize`.
        l2: strength of the penalty on both full tables in each step, ``l2 · (‖P‖² + ‖Q‖²)``, like Keras' regularisers.
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
        l2: NonNegative,
    ) -> None:
        super().__init__(num_users=num_users, num_items=num_items)
        self.l2 = l2
        self.user_embedding = embedding_table(embedding, num_users, embedding_dim, init, init_scale)
        self.item_embedding = embedding_table(embedding, num_items, embedding_dim, init, init_scale)

    def forward(self, users: Tensor, items: Tensor) -> Tensor:
        return (self.user_embedding(users) * self.item_embedding(items)).sum(-1)

    def catalogue_scores(self, users: Tensor) -> Tensor:
        return self.user_embedding(users) @ self.item_embedding.weight.T


class BiasedDot(EmbeddingRecommender):
    """Dot product with biases: ``s_ui = μ + b_u + b_i + ⟨p_u, q_i⟩`` (Koren 2009; references B2, C1, C3, D2).

    Args:
        embedding_dim, embedding, init, init_scale: as in :class:`Dot`.
        bias_init_scale: biases start at U(−s, s) with this s; 0: at 0.
        global_mean: add the mean μ of the training ratings; otherwise the biases learn it.
        rating_range: pass the score through a sigmoid scaled to the rating range.
        range_margin: margin of that range beyond the lowest and highest rating, in stars.
        user_dropout, item_dropout: dropout on each embedding.
        l2: penalty on both full tables and both biases in each step.
        sample_l2: penalty on the embeddings and biases of each sample, averaged over the batch
            (Rendle et al. 2020, eq. 7).

    Departure: with ``rating_range`` the mean enters the sigmoid as log-odds, so that a raw score of 0 gives the mean.
    """

    user_tables = ("user_embedding", "user_bias")
    mean: Tensor

    def __init__(
        self,
        *,
        num_users: int,
        num_items: int,
        embedding_dim: Dimension,
        embedding: EmbeddingLayer,
        init: Initialization,
        init_scale: NonNegative,
        bias_init_scale: NonNegative,
        global_mean: bool,
        rating_range: bool,
        range_margin: NonNegative,
        user_dropout: Fraction,
        item_dropout: Fraction,
        l2: NonNegative,
        sample_l2: NonNegative,
    ) -> None:
        super().__init__(num_users=num_users, num_items=num_items)
        self.l2, self.sample_l2, self.global_mean = l2, sample_l2, global_mean
        self.user_dropout, self.item_dropout = user_dropout, item_dropout
        self.user_embedding = embedding_table(embedding, num_users, embedding_dim, init, init_scale)
        self.item_embedding = embedding_table(embedding, num_items, embedding_dim, init, init_scale)
        self.user_bias = embedding_table(embedding, num_users, 1, "uniform", bias_init_scale)
        self.item_bias = embedding_table(embedding, num_items, 1, "uniform", bias_init_scale)
        self.range = RatingRange(range_margin) if rating_range else None
        self.register_buffer("mean", torch.zeros(()))

    def observe(self, data: TrainingData) -> None:
        if data.scale is None:  # implicit feedback has no mean to start from
            return
        mean = data.targets.double().mean()
        if self.range is not None:
            self.range.observe(data.scale)
            mean = torch.logit((mean - self.range.low) / (self.range.high - self.range.low))
        if self.global_mean:
            self.mean.copy_(mean)

    def forward(self, users: Tensor, items: Tensor) -> Tensor:
        user = dropped(self.user_embedding(users), self.user_dropout, self.training)
        item = dropped(self.item_embedding(items), self.item_dropout, self.training)
        bias = self.user_bias(users) + self.item_bias(items)
        scores = (user * item).sum(-1) + bias.squeeze(-1) + self.mean
        return scores if self.range is None else self.range(scores)

    def catalogue_scores(self, users: Tensor) -> Tensor:
        bias = self.user_bias(users) + self.item_bias.weight.T + self.mean
        scores = torch.addmm(bias, self.user_embedding(users), self.item_embedding.weight.T)
        return scores if self.range is None else self.range(scores)

    def batch_loss(self, batch: Batch) -> Tensor:
        loss = super().batch_loss(batch)
        if self.sample_l2 == 0:
            return loss
        rows = [
            (self.user_embedding, batch.users),
            (self.user_bias, batch.users),
            (self.item_embedding, batch.items),
            (self.item_bias, batch.items),
        ]
        # A user paired with many items is part of as many samples: each term is a mean over samples in any case.
        norms = [table(indices).square().sum(-1).mean() for table, indices in rows]
        return loss + self.sample_l2 * torch.stack(norms).sum()
