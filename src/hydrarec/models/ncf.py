"""Neural collaborative filtering (He et al. 2017): generalised matrix factorisation, alone and fused with a perceptron."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from hydrarec.core.errors import CheckpointError, ConfigError
from hydrarec.core.kinds import Dimension, EmbeddingLayer, Fraction, Initialization, NonNegative
from hydrarec.data.batching.batches import TrainingData
from hydrarec.models.base import Side
from hydrarec.models.embedding_recommender import EmbeddingRecommender
from hydrarec.models.parts.layers import PairPerceptron, embedding_table
from hydrarec.runs.checkpoint import load


class GMF(EmbeddingRecommender):
    """Generalised matrix factorisation: ``s_ui = h · (p_u ⊙ q_i) + b`` (He et al. 2017, §3.2; σ is part of the loss).

    Args:
        embedding_dim, embedding, init, init_scale: as in :class:`hydrarec.models.dot.Dot`.

    h starts LeCun uniform, U(±√(3/fan_in)), as in the authors' code.
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
    ) -> None:
        super().__init__(num_users=num_users, num_items=num_items)
        self.user_embedding = embedding_table(embedding, num_users, embedding_dim, init, init_scale)
        self.item_embedding = embedding_table(embedding, num_items, embedding_dim, init, init_scale)
        self.output = prediction_layer(embedding_dim)

    def forward(self, users: Tensor, items: Tensor) -> Tensor:
        weighted = self.user_embedding(users) * self.output.weight[0]
        return (weighted * self.item_embedding(items)).sum(-1) + self.output.bias[0]

    def catalogue_scores(self, users: Tensor) -> Tensor:
        weighted = self.user_embedding(users) * self.output.weight[0]
        return torch.addmm(self.output.bias, weighted, self.item_embedding.weight.T)


class NeuMF(EmbeddingRecommender):
    """``s_ui = h · [p_u ⊙ q_i, h_L(p'_u, q'_i)] + b``: GMF and MLP with separate embeddings (He et al. 2017, §3.4).

    Args:
        gmf_dim: width of the embeddings of the GMF part.
        mlp_dim: width of the embeddings of the perceptron.
        hidden_dims: hidden widths of the perceptron; the last equals ``gmf_dim`` in the paper (its *predictive factors*).
        embedding, init, init_scale: as in :class:`hydrarec.models.dot.Dot`, for all four tables.
        dropout: dropout after each hidden layer, one rate per layer.
        pretrained_gmf, pretrained_mlp: run folders of a finished ``model=gmf`` and ``model=ncf_mlp`` on the same data, whose
            best weights initialise this model; both or none.
        alpha: weight of the pre-trained GMF's prediction layer, 1 − alpha for the perceptron's (eq. 13); otherwise unused.
    """

    user_tables = ("gmf_user", "mlp_user")

    def __init__(
        self,
        *,
        num_users: int,
        num_items: int,
        gmf_dim: Dimension,
        mlp_dim: Dimension,
        hidden_dims: list[Dimension],
        embedding: EmbeddingLayer,
        init: Initialization,
        init_scale: NonNegative,
        dropout: list[Fraction],
        pretrained_gmf: str | None,
        pretrained_mlp: str | None,
        alpha: Fraction,
    ) -> None:
        if (pretrained_gmf is None) != (pretrained_mlp is None):
            raise ConfigError(
                "model.pretrained_gmf and model.pretrained_mlp are not given together",
                expected="both, or none",
                fix="train model=gmf and model=ncf_mlp on this data, and name both run folders",
            )
        super().__init__(num_users=num_users, num_items=num_items)
        self.pretrained, self.alpha = (pretrained_gmf, pretrained_mlp), alpha
        self.gmf_user = embedding_table(embedding, num_users, gmf_dim, init, init_scale)
        self.gmf_item = embedding_table(embedding, num_items, gmf_dim, init, init_scale)
        self.mlp_user = embedding_table(embedding, num_users, mlp_dim, init, init_scale)
        self.mlp_item = embedding_table(embedding, num_items, mlp_dim, init, init_scale)
        self.tower = PairPerceptron(mlp_dim, hidden_dims, 0.0, dropout)
        self.output = prediction_layer(gmf_dim + self.tower.out_features)
        self.floats_per_pair = sum(hidden_dims) + gmf_dim

    def forward(self, users: Tensor, items: Tensor) -> Tensor:
        gmf_weight, mlp_weight = self.output.weight[0].split([self.gmf_user.weight.shape[1], self.tower.out_features])
        gmf = ((self.gmf_user(users) * gmf_weight) * self.gmf_item(items)).sum(-1)
        return gmf + self.tower(self.mlp_user(users), self.mlp_item(items)) @ mlp_weight + self.output.bias[0]

    def vectors(self, side: Side) -> Tensor:
        """The concatenated embeddings of both parts."""
        return torch.cat([getattr(self, f"{half}_{side}").weight.detach() for half in ("gmf", "mlp")], dim=1)

    def observe(self, data: TrainingData) -> None:
        """Initialise from the pre-trained models, if any.

        Raises:
            CheckpointError: they are missing, damaged, of a wrong model or shape, or trained on other data.
        """
        gmf, mlp = (None if run is None else _weights_of(Path(run), data.fingerprint) for run in self.pretrained)
        if gmf is None or mlp is None:
            return
        start = {
            "gmf_user.weight": gmf.get("user_embedding.weight"),
            "gmf_item.weight": gmf.get("item_embedding.weight"),
            "mlp_user.weight": mlp.get("user_embedding.weight"),
            "mlp_item.weight": mlp.get("item_embedding.weight"),
            **{name: weight for name, weight in mlp.items() if name.startswith("tower.")},
        }
        own = self.state_dict()
        for name in sorted(own.keys() - start.keys() - {"output.weight", "output.bias"} | start.keys()):
            weight = start.get(name)
            if weight is None or name not in own or weight.shape != own[name].shape:
                raise CheckpointError(
                    f"the pre-trained runs do not fit: {name} is {None if weight is None else list(weight.shape)}",
                    expected=f"{list(own[name].shape) if name in own else 'no such layer'}",
                    fix="train model=gmf and model=ncf_mlp with model.embedding_dim and model.hidden_dims as here",
                    value=name,
                )
        parts = [self.alpha * gmf["output.weight"], (1 - self.alpha) * mlp["output.weight"]]
        start["output.weight"] = torch.cat(parts, dim=1)
        start["output.bias"] = self.alpha * gmf["output.bias"] + (1 - self.alpha) * mlp["output.bias"]
        self.load_state_dict(start)


def prediction_layer(width: int) -> nn.Linear:
    """``Linear(width → 1)`` with LeCun uniform initialisation."""
    layer = nn.Linear(width, 1)
    bound = (3 / width) ** 0.5
    with torch.no_grad():
        layer.weight.uniform_(-bound, bound)
        layer.bias.zero_()
    return layer


def _weights_of(run: Path, fingerprint: str) -> dict[str, Tensor]:
    """The best weights of a run, which must have this fingerprint: another split would leak held-out items."""
    checkpoint = load(run / "checkpoints" / "best.ckpt")
    states = [state for state in checkpoint.values() if isinstance(state, dict) and "interactions" in state]
    trained_on = "".join(f"{state['interactions']}-{state['split']}" for state in states[:1])
    if trained_on != fingerprint:
        raise CheckpointError(
            f"{run} was trained on other interactions, or on another split of them",
            expected=f"a run on the same data and split: {fingerprint}",
            fix="train model=gmf and model=ncf_mlp on this dataset and split",
            value=trained_on,
        )
    weights: dict[str, Tensor] = checkpoint["state_dict"]
    return weights
