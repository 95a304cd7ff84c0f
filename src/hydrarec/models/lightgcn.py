"""LightGCN: embeddings propagated over the user-item graph."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from hydrarec.core.kinds import Dimension, EmbeddingLayer, Initialization, Layers, NonNegative
from hydrarec.data.batching.batches import Batch, TrainingData
from hydrarec.models.base import Recommender, Side
from hydrarec.models.parts.fold_in import Population, choices, posterior_mode
from hydrarec.models.parts.histories import SparseRows, StoredRows
from hydrarec.models.parts.layers import embedding_table
from hydrarec.models.parts.remembered import Remembered

Embeddings = tuple[Tensor, Tensor]  # all users and all items, float32 [num_users, d] and [num_items, d]


class Graph(NamedTuple):
    """The bipartite user-item graph with an edge per training interaction: both blocks of A, int32.

    ``of_users``: a row per user, a column per item; ``of_items``: its transpose.
    """

    of_users: SparseRows
    of_items: SparseRows

    def mean_of_layers(self, embeddings: Embeddings, num_layers: int) -> Embeddings:
        """``1/(K+1) · Σ_{k=0…K} Â^k E`` with ``Â = D^{−1/2} A D^{−1/2}`` (eqs. 7 and 8); nodes without edges get 0 from Â.

        Â is never materialised: its values are products of two degree factors, which scale rows before and after.
        """
        user_scale, item_scale = _inverse_root_of_degrees(self.of_users), _inverse_root_of_degrees(self.of_items)
        users, items = embeddings
        user_sum, item_sum = users, items
        for _ in range(num_layers):
            users, items = (
                user_scale * self.of_users.times(item_scale * items),
                item_scale * self.of_items.times(user_scale * users),
            )
            user_sum, item_sum = user_sum + users, item_sum + items
        return user_sum / (num_layers + 1), item_sum / (num_layers + 1)


def _inverse_root_of_degrees(rows: SparseRows) -> Tensor:
    """D^{−1/2} as a column, float32 [nodes, 1]; 0 where the degree is 0."""
    degrees = rows.starts.diff().unsqueeze(1)
    return torch.where(degrees > 0, degrees.float().rsqrt(), 0)


class Propagation(torch.autograd.Function):
    """:meth:`Graph.mean_of_layers` with a custom gradient.

    The mean of the layers is a polynomial in the symmetric Â, so the backward pass is the same operation and saves no
    activations.
    """

    @staticmethod
    def forward(ctx: Any, users: Tensor, items: Tensor, graph: Graph, num_layers: int) -> Embeddings:
        ctx.graph, ctx.num_layers = graph, num_layers
        return graph.mean_of_layers((users, items), num_layers)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, of_users: Tensor, of_items: Tensor) -> tuple[Tensor, Tensor, None, None]:
        return *ctx.graph.mean_of_layers((of_users, of_items), ctx.num_layers), None, None


class LightGCN(Recommender):
    """``s_ui = ⟨e_u, e_i⟩``, ``e = 1/(K+1) Σ_k Â^k e^(0)`` on the training graph (He et al. 2020, eqs. 3–8).

    Trained with any ranking loss (BPR in the paper) plus an L2 penalty on the layer-0 embeddings in the batch, per positive:
    ``l2/2 · 1/B Σ_b (‖e_u^(0)‖² + Σ_i ‖e_i^(0)‖²)``. The reported loss includes the penalty.

    Args:
        embedding_dim, embedding, init, init_scale: as in :class:`hydrarec.models.dot.Dot`; 64 and Xavier in the paper.
        num_layers: K, number of propagation steps.
        l2: penalty on the layer-0 embeddings; λ of eq. 15.

    Each step propagates once over the whole graph. If gradients are off, as in evaluation, the propagated embeddings are
    cached until a weight changes.

    Departure: eq. 15 sums the norms of the full tables; like the authors' code, this one uses those in the batch, halved.
    """

    tasks = ("ranking",)
    users_rows = StoredRows("user_starts", "items_of_users", columns="num_items")  # int32, a row per user
    items_rows = StoredRows("item_starts", "users_of_items", columns="num_users")  # int32, a row per item
    observed = (*users_rows.buffers, *items_rows.buffers)

    def __init__(
        self,
        *,
        num_users: int,
        num_items: int,
        embedding_dim: Dimension,
        embedding: EmbeddingLayer,
        init: Initialization,
        init_scale: NonNegative,
        num_layers: Layers,
        l2: NonNegative,
    ) -> None:
        super().__init__(num_users=num_users, num_items=num_items)
        self.num_layers, self.l2 = num_layers, l2
        self.user_embedding = embedding_table(embedding, num_users, embedding_dim, init, init_scale)
        self.item_embedding = embedding_table(embedding, num_items, embedding_dim, init, init_scale)
        self._remembered: Remembered[Embeddings] = Remembered()

    def observe(self, data: TrainingData) -> None:
        by_user = SparseRows.by_user(data)
        self.users_rows, self.items_rows = by_user.to_int32(), by_user.transposed().to_int32()

    @property
    def graph(self) -> Graph:
        return Graph(self.users_rows, self.items_rows)

    def forward(self, users: Tensor, items: Tensor) -> Tensor:
        return _scores(self.propagated(), users, items)

    def catalogue_scores(self, users: Tensor) -> Tensor:
        of_users, of_items = self.propagated()
        return of_users[users] @ of_items.T

    def scores_of_history(self, items: Tensor, targets: Tensor) -> Tensor:
        """As in the base: add the new user as a node with edges to ``items``, and fold in its layer-0 embedding.

        Departure: the new edges change only the new user's embedding, not those of the items.
        """
        with torch.inference_mode(False), torch.no_grad():
            items, below = torch.unique(items.clone()), (self.user_embedding.weight, self.item_embedding.weight)
            # Layers 1 to K of the new user are sums over the items' layers 0 to K − 1; this is their total.
            layers = self.num_layers * self.graph.mean_of_layers(below, self.num_layers - 1)[1]
            degrees = 1 + self.items_rows.starts.diff()[items].unsqueeze(1)
            neighbours = (layers[items] * degrees.rsqrt()).double().sum(0) / max(1, len(items)) ** 0.5
            of_items = self.propagated()[1].double() / (self.num_layers + 1)
            row = posterior_mode(
                Population.of(self.user_embedding.weight), choices(lambda row: of_items @ (row + neighbours), items)
            )
            return (of_items @ (row + neighbours)).float()

    def vectors(self, side: Side) -> Tensor:
        """The propagated embeddings, which the scores use."""
        return self.propagated()[0 if side == "user" else 1].detach()

    def batch_loss(self, batch: Batch) -> Tensor:
        loss = self.objective.loss(_scores(self.propagated(), batch.users, batch.items), batch.targets)
        if self.l2 == 0:
            return loss
        norms = self.user_embedding(batch.users).square().sum() + self.item_embedding(batch.items).square().sum()
        return loss + self.l2 / 2 * norms / max(1, len(batch.users))

    def propagated(self) -> Embeddings:
        """The propagated embeddings of all users and items; cached per weights and graph if gradients are off."""
        weights = self.user_embedding.weight, self.item_embedding.weight
        graph = [getattr(self, name) for name in self.observed]
        return self._remembered(lambda: Propagation.apply(*weights, self.graph, self.num_layers), [*weights, *graph])


def _scores(embeddings: Embeddings, users: Tensor, items: Tensor) -> Tensor:
    user, item = (functional.embedding(rows, table) for rows, table in zip((users, items), embeddings, strict=True))
    return (user * item).sum(-1)
