"""Neighbourhood models for implicit feedback: item-based and user-based k nearest neighbours."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from hydrarec.core.console import progress
from hydrarec.core.kinds import Count, NonNegative
from hydrarec.data.batching.batches import TrainingData
from hydrarec.models.parts.histories import GRAM_FLOATS, HistoryRecommender, SparseRows, StoredRows
from hydrarec.models.solved import SolvedRecommender

_BM25_K1, _BM25_B = 1.2, 0.75
_EPSILON = 1e-6  # added to the denominator, which may be 0 without shrinkage


class _Neighbours(HistoryRecommender, SolvedRecommender):
    """Common base of both models, as defined by Ferrari Dacrema et al. (2021, TOIS 39:20, §4).

    Args:
        topk: number of neighbours of each item or user.
        shrink: shrinkage of similarities with little support towards 0.
        normalize: use cosine similarity; otherwise the weighted number of common interactions, without shrinkage.
        feature_weighting: weighting of interactions in similarity and score, see :func:`weights_of_pairs`.
    """

    observed = (*HistoryRecommender.observed, "neighbours", "similarities")
    neighbours: Tensor  # int32 [rows, k], k = topk, or all rows if there are fewer
    similarities: Tensor  # float32 [rows, k], decreasing

    def __init__(
        self,
        *,
        num_users: int,
        num_items: int,
        topk: Count,
        shrink: NonNegative,
        normalize: bool,
        feature_weighting: Literal["none", "bm25", "tfidf"],
    ) -> None:
        super().__init__(num_users=num_users, num_items=num_items)
        self.topk, self.shrink, self.normalize, self.feature_weighting = topk, shrink, normalize, feature_weighting

    def working_bytes(self, interactions: int, batch_size: int) -> int:
        rows, columns = self.num_items, self.num_users
        if isinstance(self, UserKNN):
            rows, columns = columns, rows
        kept = 2 * 8 * rows * min(self.topk, rows)  # indices and similarities, in blocks and together
        blocks = 3 * 4 * max(GRAM_FLOATS, rows, columns)
        return kept + blocks + 40 * interactions

    def observe(self, data: TrainingData) -> None:
        super().observe(data)
        rows = self.num_items if isinstance(self, ItemKNN) else self.num_users
        self.neighbours, self.similarities = torch.zeros(rows, 1, dtype=torch.int32), torch.zeros(rows, 1)

    def find_neighbours(self, rows: SparseRows) -> None:
        """Compute ``neighbours`` and ``similarities`` of ``rows``, a block of pairs at a time."""
        counted = torch.ones_like(rows.columns, dtype=torch.float32) if rows.values is None else rows.values
        norms = counted.new_zeros(rows.num_rows).index_add_(0, rows.rows_of_entries(), counted.square()).sqrt()
        neighbours, similarities = [], []
        with progress(f"{type(self).__name__}: neighbours", rows.num_rows, "rows") as advance:
            for first, products in rows.gram():
                own = torch.arange(products.shape[1], device=products.device)
                similarity = products.T.contiguous()  # [C, num_rows]
                if self.normalize:
                    similarity /= self.normaliser(norms[first + own], norms)
                similarity[own, first + own] = 0
                best = similarity.topk(min(self.topk, rows.num_rows), dim=1)
                neighbours.append(best.indices.int())
                similarities.append(best.values)
                advance(len(own))
        self.neighbours, self.similarities = torch.cat(neighbours), torch.cat(similarities)

    def normaliser(self, own: Tensor, norms: Tensor) -> Tensor:
        """Divisors of the inner products between rows with norms ``own`` [C] and ``norms`` [R]: float32 [C, R]."""
        return torch.outer(own, norms) + self.shrink + _EPSILON

    def weights_of(self, items: Tensor, counts: Tensor) -> Tensor:
        """Weights of a new user's ``items`` (int64 [n]): float32 [n]; ``counts``: training interactions per item."""
        uses = torch.full_like(items, len(items))
        return weights_of_pairs(items, uses, counts, self.num_items, self.feature_weighting)


class ItemKNN(_Neighbours):
    """``s_ui = Σ_{j ∈ N_k(i)} sim(i, j) x_uj`` (Sarwar et al. 2001; Deshpande & Karypis 2004), with

    ``sim(i, j) = ⟨x_i, x_j⟩ / (‖x_i‖ ‖x_j‖ + shrink)``, x_i the column of item i, and ``N_k(i)`` the k items most similar to i.

    Args:
        topk, shrink, normalize, feature_weighting: see :class:`_Neighbours`.
    """

    def solve(self, data: TrainingData, epoch: int) -> None:
        items = weighted(SparseRows.by_user(data).transposed(), self.feature_weighting)
        self.find_neighbours(items)
        self.histories = items.transposed()

    def scores_from(self, histories: SparseRows) -> Tensor:
        weights = histories.columns_first()  # [num_items, U]
        scores = functional.embedding_bag(self.neighbours, weights, mode="sum", per_sample_weights=self.similarities)
        return scores.T.contiguous()

    def scores_of_history(self, items: Tensor, targets: Tensor) -> Tensor:
        history = SparseRows.of_one(items, self.num_items)
        counts = torch.bincount(self.histories.columns, minlength=self.num_items)
        return self.scores_from(replace(history, values=self.weights_of(history.columns, counts)))[0]

    def item_weights(self, items: Tensor) -> Tensor:
        """The similarities to the neighbours; 0 for all other items."""
        weights = self.similarities.new_zeros(len(items), self.num_items)
        return weights.scatter_(1, self.neighbours[items].long(), self.similarities[items])


class UserKNN(_Neighbours):
    """``s_ui = Σ_{v ∈ N_k(u)} sim(u, v) x_vi``, with

    ``sim(u, v) = ⟨x_u, x_v⟩ / (‖x_u‖ ‖x_v‖ + shrink)`` and ``N_k(u)`` the k users most similar to u (Herlocker et al. 1999).

    Departure: the neighbours are those of u, as in the paper; the published code of Ferrari Dacrema et al. uses the users v
    that have u among *their* k neighbours.

    Args:
        topk, shrink, normalize, feature_weighting: see :class:`_Neighbours`.
    """

    histories = StoredRows(*HistoryRecommender.observed, columns="num_users")  # a row per item

    def observe(self, data: TrainingData) -> None:
        super().observe(data)
        self.histories = SparseRows.by_user(data).transposed()

    def solve(self, data: TrainingData, epoch: int) -> None:
        items = weighted(SparseRows.by_user(data).transposed(), self.feature_weighting)
        self.find_neighbours(items.transposed())
        self.histories = items

    def catalogue_scores(self, users: Tensor) -> Tensor:
        step = max(1, 16 * GRAM_FLOATS // self.num_users)  # a column of similarities to all users per user
        return torch.cat([self._scores_of(some) for some in users.split(step)])

    def _scores_of(self, users: Tensor) -> Tensor:
        similarities = torch.zeros(self.num_users, len(users), device=users.device)
        places = torch.arange(len(users), device=users.device).unsqueeze(1)
        similarities[self.neighbours[users].long(), places] = self.similarities[users]
        return self.histories.times(similarities).T.contiguous()

    def scores_of_history(self, items: Tensor, targets: Tensor) -> Tensor:
        """As in the base, from the new user's similarities to all training users."""
        items = torch.unique(items)
        by_item = self.histories
        values = torch.ones_like(by_item.columns, dtype=torch.float32) if by_item.values is None else by_item.values
        own = self.weights_of(items, by_item.starts.diff())
        weights = own.new_zeros(self.num_items).index_copy_(0, items, own)[by_item.rows_of_entries()]
        zeros = own.new_zeros(self.num_users)
        similarity = zeros.index_add(0, by_item.columns, weights * values)
        if self.normalize:
            norms = zeros.index_add(0, by_item.columns, values.square()).sqrt()
            similarity /= self.normaliser(own.norm().unsqueeze(0), norms)[0]
        best = similarity.topk(min(self.topk, self.num_users)).indices
        others = zeros.index_copy(0, best, similarity[best])
        return by_item.times(others.unsqueeze(1))[:, 0]


def weighted(items: SparseRows, weighting: str) -> SparseRows:
    """Apply the weights of :func:`weights_of_pairs` to binary interactions by item."""
    if weighting == "none":
        return items
    uses = torch.bincount(items.columns, minlength=items.num_columns)[items.columns]
    values = weights_of_pairs(items.rows_of_entries(), uses, items.starts.diff(), items.num_rows, weighting)
    return replace(items, values=values)


def weights_of_pairs(items: Tensor, uses: Tensor, counts: Tensor, num_items: int, weighting: str) -> Tensor:
    """Weights of interactions, float32 [n], treating items as documents and users as their terms.

    With ``idf_u = ln(num_items / (1 + |I_u|))``: ``tfidf`` is ``idf_u``; ``bm25`` is
    ``(K + 1) / (K (1 − b + b |U_i| / mean |U_i|) + 1) · idf_u``, K = 1.2, b = 0.75 (Robertson & Zaragoza 2009). ``none``: 1.

    Args:
        items: item of each interaction, int64 [n].
        uses: |I_u| of each interaction's user, int64 [n].
        counts: |U_i| of every item, int64 [num_items].
    """
    if weighting == "none":
        return torch.ones_like(items, dtype=torch.float32)
    weights = math.log(num_items) - (1.0 + uses).log()
    if weighting == "bm25":
        relative = counts / counts.float().mean()
        weights = weights * ((_BM25_K1 + 1) / (_BM25_K1 * (1 - _BM25_B + _BM25_B * relative) + 1))[items]
    return weights
