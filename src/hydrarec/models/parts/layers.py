"""Layers shared by several models."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from hydrarec.core.errors import ConfigError
from hydrarec.core.kinds import EmbeddingLayer, Initialization

_ONE_HOT_FLOATS = 2**24  # size of the one-hot rows per product: 64 MiB


def initialize(weight: Tensor, name: Initialization, scale: float) -> None:
    """Fill ``weight`` in place: ``normal`` N(0, scale²), ``uniform`` U(−scale, scale), ``uniform_positive`` U(0, scale).

    The Xavier rules (Glorot & Bengio 2010) use ``scale`` as gain.
    """
    with torch.no_grad():
        match name:
            case "normal":
                weight.normal_(0, scale)
            case "uniform":
                weight.uniform_(-scale, scale)
            case "uniform_positive":
                weight.uniform_(0, scale)
            case "xavier_uniform":
                nn.init.xavier_uniform_(weight, scale)
            case "xavier_normal":
                nn.init.xavier_normal_(weight, scale)
            case "zeros":
                weight.zero_()
            case _:
                raise ValueError(f"unknown initialisation {name!r}")


class Lookup(nn.Module):
    """An embedding layer written by hand (reference B3): a weight matrix and a gather.

    ``forward(indices int64 [...]) -> float32 [..., embedding_dim]``; values and gradients are bit-identical to
    :class:`torch.nn.Embedding`.
    """

    def __init__(self, num_embeddings: int, embedding_dim: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(num_embeddings, embedding_dim))

    def forward(self, indices: Tensor) -> Tensor:
        return self.weight[indices]


class OneHot(Lookup):
    """A linear layer without bias on one-hot rows (reference B5): the same function as an embedding, but expensive.

    It multiplies dense one-hot rows, float32 [..., num_embeddings], by the weights, in blocks. Only if a gradient
    needs the rows again do all of them exist at the same time.
    """

    def forward(self, indices: Tensor) -> Tensor:
        flat = indices.reshape(-1)
        step = max(1, _ONE_HOT_FLOATS // len(self.weight))
        products = [self._rows(some) @ self.weight for some in flat.split(step)]
        return torch.cat(products).view(*indices.shape, self.weight.shape[1])

    def _rows(self, indices: Tensor) -> Tensor:
        """One-hot rows, float32 [N, num_embeddings]; PyTorch's ``one_hot`` returns int64, twice as large."""
        rows = self.weight.new_zeros(len(indices), len(self.weight))
        return rows.scatter_(1, indices.unsqueeze(1), 1.0)


def embedding_table(
    layer: EmbeddingLayer, rows: int, width: int, initialization: Initialization, scale: float
) -> nn.Embedding | Lookup:
    """Create an initialised embedding: ``library`` is PyTorch's, ``sparse`` the same with row-sparse gradients,
    ``lookup`` the hand-written one, ``one_hot`` a linear layer on one-hot rows.
    """
    table: nn.Embedding | Lookup
    if layer == "lookup":
        table = Lookup(rows, width)
    elif layer == "one_hot":
        table = OneHot(rows, width)
    else:
        table = Table(rows, width, _weight=torch.empty(rows, width), sparse=layer == "sparse")
    initialize(table.weight, initialization, scale)
    return table


class Table(nn.Embedding):
    """Bit-identical to :class:`torch.nn.Embedding`, with a backward pass that is five times as fast on a CPU.

    PyTorch's own backward pass takes 20 to 50 % of a training step of the models here.
    """

    def forward(self, indices: Tensor) -> Tensor:
        if self.sparse or indices.device.type != "cpu":  # on CUDA PyTorch's is fast and deterministic
            return super().forward(indices)
        return self.weight.index_select(0, indices.reshape(-1)).view(*indices.shape, self.embedding_dim)


class RatingRange(nn.Module):
    """A sigmoid scaled to the rating range, widened by ``margin`` on both sides: ``low + (high − low) · σ(x)``.

    With a margin, finite scores can reach the extreme ratings. The range comes from the data and is not a hyper-parameter:
    :meth:`observe` sets it once, and it is saved with the weights.
    """

    low: Tensor
    high: Tensor

    def __init__(self, margin: float) -> None:
        super().__init__()
        self.margin = margin
        self.register_buffer("low", torch.zeros(()))
        self.register_buffer("high", torch.ones(()))

    def observe(self, scale: tuple[float, float]) -> None:
        self.low.fill_(scale[0] - self.margin)
        self.high.fill_(scale[1] + self.margin)

    def forward(self, scores: Tensor) -> Tensor:
        return torch.addcmul(self.low, torch.sigmoid(scores), self.high - self.low)


def hidden_layers(sizes: Sequence[int], dropout: Sequence[float]) -> nn.Sequential:
    """``Linear → ReLU → dropout`` for each consecutive pair of ``sizes``; ``dropout[i]`` follows the i-th layer."""
    layers: list[nn.Module] = []
    for (fan_in, fan_out), rate in zip(itertools.pairwise(sizes), dropout, strict=True):
        layers += [nn.Linear(fan_in, fan_out), *_activation([rate])]
    return nn.Sequential(*layers)


def _activation(rates: Sequence[float]) -> list[nn.Module]:
    """ReLU, and dropout unless its rate is 0, for each of ``rates``."""
    return [layer for rate in rates for layer in (nn.ReLU(), *([nn.Dropout(rate)] if rate > 0 else []))]


class PairPerceptron(nn.Module):
    """Hidden layers on the concatenated vectors of a user and an item: ``h_1 = ReLU(W [p_u, q_i] + b)`` and so on.

    ``forward(user float32 [..., width], item float32 [..., width]) -> float32 [..., out_features]``; leading shapes are
    broadcast. The first layer is ``W_p p_u + W_q q_i + b``, so a user paired with many items is multiplied only once.

    Args:
        width: width of each vector.
        hidden_dims: widths of the hidden layers; empty: the concatenated vectors are the output.
        input_dropout: dropout on both vectors. dropout: after each hidden layer, one rate per layer.
    """

    def __init__(self, width: int, hidden_dims: Sequence[int], input_dropout: float, dropout: Sequence[float]) -> None:
        if len(hidden_dims) != len(dropout):
            raise ConfigError(
                f"model.dropout has {len(dropout)} rates for {len(hidden_dims)} hidden layers",
                expected="one rate per hidden layer",
                fix=f"model.dropout={[0.0] * len(hidden_dims)}",
                value=str(dropout),
            )
        super().__init__()
        self.width, self.input_dropout = width, input_dropout
        sizes = [2 * width, *hidden_dims]
        self.out_features = sizes[-1]
        self.first = nn.Linear(sizes[0], sizes[1]) if hidden_dims else None
        self.rest = nn.Sequential(*_activation(dropout[:1]), *hidden_layers(sizes[1:], dropout[1:]))

    def forward(self, user: Tensor, item: Tensor) -> Tensor:
        user, item = (dropped(vector, self.input_dropout, self.training) for vector in (user, item))
        if self.first is None:
            return _side_by_side(user, item)
        if self.training and self.first.out_features > 2 * self.width:
            # Adding two wide outputs, forward and backward, costs more than the larger product.
            return self.rest(self.first(_side_by_side(user, item)))
        user_weight, item_weight = self.first.weight.split(self.width, dim=1)
        return self.rest(functional.linear(user, user_weight) + functional.linear(item, item_weight, self.first.bias))


def _side_by_side(user: Tensor, item: Tensor) -> Tensor:
    return torch.cat(torch.broadcast_tensors(user, item), dim=-1)


def dropped(values: Tensor, rate: float, training: bool) -> Tensor:
    """Apply dropout; free at rate 0 and outside training."""
    return functional.dropout(values, rate, training) if training and rate > 0 else values
