"""Mult-VAE: a variational autoencoder of user histories with a multinomial likelihood."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.nn import functional

from hydrarec.core.kinds import Count, Dimension, Fraction, NonNegative
from hydrarec.data.batching.batches import Batch
from hydrarec.models.parts.histories import HistoryRecommender, SparseRows, StoredRows
from hydrarec.models.parts.layers import embedding_table


class MultiVAE(HistoryRecommender):
    """``s_u = f_θ(z_u)``, ``z_u ~ N(μ_φ(x_u), diag σ²_φ(x_u))``, x_u the user's binary history (Liang et al. 2018).

    It maximises an annealed lower bound with multinomial likelihood, averaged over the users of a batch:
    ``Σ_i x_ui log softmax_i(s_u) − β · KL(q_φ(z_u | x_u) ‖ N(0, I))`` (eqs. 3 and 7). A batch row is a whole user; the
    task's loss and negatives are not used. Encoder: x_u / ‖x_u‖ → dropout → tanh layers → μ, log σ². Decoder: the same
    layers in reverse, to one logit per item. Outside training there is no dropout and z = μ.

    Args:
        hidden_dims: widths of the encoder's hidden layers; one of 600 in the paper.
        latent_dim: width of z.
        input_dropout: dropout on the normalised history.
        beta: maximum weight of the KL term.
        anneal_steps: optimiser steps over which that weight grows linearly from 0 to ``beta``; then it is constant.

    The first layer sums the weight rows of the history instead of multiplying by [U, num_items], and dropout acts on the
    history's entries only. Weights start Xavier uniform, biases from N(0, 0.001²) truncated at two standard deviations, as
    in the authors' code.

    Departure: the authors' code specifies the number of steps to a weight of 1 (200,000) and caps the weight at 0.2, after
    40,000 steps; here ``anneal_steps`` is the number of steps to the cap, so that it need not change with ``beta``.
    """

    trains_on = "users"
    histories = StoredRows("history_starts", "history_items", columns="num_items")
    observed = histories.buffers
    steps: Tensor  # int64 []: optimiser steps so far; saved, so that a resumed run continues annealing

    def __init__(
        self,
        *,
        num_users: int,
        num_items: int,
        hidden_dims: list[Dimension],
        latent_dim: Dimension,
        input_dropout: Fraction,
        beta: NonNegative,
        anneal_steps: Count,
    ) -> None:
        super().__init__(num_users=num_users, num_items=num_items)
        self.input_dropout, self.beta, self.anneal_steps = input_dropout, beta, anneal_steps
        first, *others = [*hidden_dims, 2 * latent_dim]
        self.input_embedding = embedding_table("library", num_items, first, "xavier_uniform", 1.0)
        self.input_bias = nn.Parameter(torch.empty(first))
        _small(self.input_bias)
        self.encoder = nn.Sequential(*(layer for pair in _linears([first, *others]) for layer in (nn.Tanh(), pair)))
        inner, *outer = _linears([latent_dim, *reversed(hidden_dims), num_items])
        self.decoder = nn.Sequential(inner, *(layer for pair in outer for layer in (nn.Tanh(), pair)))
        self.register_buffer("steps", torch.zeros((), dtype=torch.int64))

    def scores_from(self, histories: SparseRows) -> Tensor:
        mean, _ = self.encode(histories)
        return self.decoder(mean)

    def working_bytes(self, interactions: int, batch_size: int) -> int:
        return 6 * 4 * batch_size * self.num_items  # measured: logits, their exponentials and gradients

    def encode(self, histories: SparseRows) -> tuple[Tensor, Tensor]:
        """μ and log σ² of each history, float32 [U, latent_dim] each."""
        lengths = histories.starts.diff()
        weights = lengths.clamp(min=1).float().rsqrt().repeat_interleave(lengths)  # 1 / ‖x_u‖
        weights = functional.dropout(weights, self.input_dropout, self.training)
        summed = replace(histories, values=weights).times(self.input_embedding.weight)
        mean, log_variance = self.encoder(summed + self.input_bias).chunk(2, dim=-1)
        return mean, log_variance

    def batch_loss(self, batch: Batch) -> Tensor:
        histories = self.histories.take(batch.users)
        mean, log_variance = self.encode(histories)
        latent = mean + torch.randn_like(mean) * (0.5 * log_variance).exp()
        logits = self.decoder(latent)
        # −Σ_i x_i log softmax_i(s) = |x| log Σ_j e^{s_j} − Σ_i x_i s_i
        losses = (histories.starts.diff() * logits.logsumexp(1)).sum()
        losses = losses - logits[histories.rows_of_entries(), histories.columns].sum()
        divergence = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum()
        loss = (losses + self.kl_weight * divergence) / max(1, len(batch.users))
        self.steps += 1
        return loss

    @property
    def kl_weight(self) -> Tensor:
        """The weight of the KL term in the next step, float32 []."""
        return self.beta * (self.steps / self.anneal_steps).clamp(max=1)


def _linears(sizes: Sequence[int]) -> list[nn.Linear]:
    """A linear layer for each consecutive pair of ``sizes``."""
    layers = [nn.Linear(fan_in, fan_out) for fan_in, fan_out in itertools.pairwise(sizes)]
    for layer in layers:
        nn.init.xavier_uniform_(layer.weight)
        _small(layer.bias)
    return layers


def _small(bias: Tensor) -> None:
    nn.init.trunc_normal_(bias, std=0.001, a=-0.002, b=0.002)
