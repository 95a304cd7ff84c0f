"""Neighbourhood models for implicit feedback: items like those of the user's history, users with a like history."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from hydrarec.config.kinds import Count, NonNegative
from hydrarec.data.batches import TrainingData
from hydrarec.models.histories import HistoryRecommender, SparseRows

_BM25_K1, _BM25_B = 1.2, 0.75
_EPSILON = 1e-6  # of the denominator, where nobody and nothing is shrunk


class _Neighbours(HistoryRecommender):
    """What both have in common, with the definitions of Ferrari Dacrema et al. (2021, TOIS 39:20, §4).

    Args:
        topk: neighbours of each item or user.
        shrink: of similarities with little support, towards 0.
        normalize: cosine similarity; without it the number of common interactions, weighted, not shrunk.
        feature_weighting: of the interactions, in similarity and score, see :func:`weighted`.
    """

    observed = (*HistoryRecommender.observed, "neighbours", "similarities")
    neighbours: Tensor  # int32 [rows, k], k = topk or all rows where there are fewer
    similarities: Tensor  # float32 [rows, k], falling

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

    def find_neighbours(self, rows: SparseRows) -> None:
        """Fill ``neighbours`` and ``similarities`` with those of ``rows``, a part of all pairs at a time."""
        counted = torch.ones_like(rows.columns, dtype=torch.float32) if rows.values is None else rows.values
        norms = counted.new_zeros(rows.num_rows).index_add_(0, rows.rows_of_entries(), counted.square()).sqrt()
        neighbours, similarities = [], []
        for first, products in rows.gram():
            own = torch.arange(products.shape[1], device=products.device)
            similarity = products.T.contiguous()  # [C, num_rows]
            if self.normalize:
                similarity /= torch.outer(norms[first + own], norms) + self.shrink + _EPSILON
            similarity[own, first + own] = 0
            best = similarity.topk(min(self.topk, rows.num_rows), dim=1)
            neighbours.append(best.indices.int())
            similarities.append(best.values)
        self.neighbours, self.similarities = torch.cat(neighbours), torch.cat(similarities)

    def forget_neighbours(self, rows: int) -> None:
        """None but oneself, with similarity 0."""
        self.neighbours, self.similarities = torch.zeros(rows, 1, dtype=torch.int32), torch.zeros(rows, 1)


class ItemKNN(_Neighbours):
    """``s_ui = Σ_{j ∈ N_k(i)} sim(i, j) x_uj`` (Sarwar et al. 2001; Deshpande & Karypis 2004), with

    ``sim(i, j) = ⟨x_i, x_j⟩ / (‖x_i‖ ‖x_j‖ + shrink)``, x_i the column of item i, and ``N_k(i)`` the k items most similar to i.

    Args:
        topk, shrink, normalize, feature_weighting: see :class:`_Neighbours`.
    """

    def observe(self, data: TrainingData) -> None:
        super().observe(data)
        self.keep(SparseRows.by_user(data))
        self.forget_neighbours(data.num_items)

    def solve(self, data: TrainingData, epoch: int) -> None:
        items = weighted(SparseRows.by_user(data).transposed(), self.feature_weighting)
        self.find_neighbours(items)
        self.keep(items.transposed())

    def catalogue_scores(self, users: Tensor) -> Tensor:
        histories = self.kept(self.num_items).take(users).columns_first()  # [num_items, U]
        scores = functional.embedding_bag(self.neighbours, histories, mode="sum", per_sample_weights=self.similarities)
        return scores.T.contiguous()

    def item_weights(self, items: Tensor) -> Tensor:
        """The similarities, of the neighbours alone."""
        weights = self.similarities.new_zeros(len(items), self.num_items)
        return weights.scatter_(1, self.neighbours[items].long(), self.similarities[items])


class UserKNN(_Neighbours):
    """``s_ui = Σ_{v ∈ N_k(u)} sim(u, v) x_vi``, with

    ``sim(u, v) = ⟨x_u, x_v⟩ / (‖x_u‖ ‖x_v‖ + shrink)`` and ``N_k(u)`` the k users most similar to u (Herlocker et al. 1999).

    Departure: the neighbours are those of u, as in the paper; the published code of Ferrari Dacrema et al. takes those users
    v that count u among *their* k.

    Args:
        topk, shrink, normalize, feature_weighting: see :class:`_Neighbours`.
    """

    def observe(self, data: TrainingData) -> None:
        super().observe(data)
        self.keep(SparseRows.by_user(data).transposed())
        self.forget_neighbours(data.num_users)

    def solve(self, data: TrainingData, epoch: int) -> None:
        items = weighted(SparseRows.by_user(data).transposed(), self.feature_weighting)
        self.find_neighbours(items.transposed())
        self.keep(items)

    def catalogue_scores(self, users: Tensor) -> Tensor:
        of_others = torch.zeros(self.num_users, len(users), device=users.device)
        places = torch.arange(len(users), device=users.device).unsqueeze(1)
        of_others[self.neighbours[users].long(), places] = self.similarities[users]
        return self.kept(self.num_users).times(of_others).T.contiguous()


def weighted(items: SparseRows, weighting: str) -> SparseRows:
    """Binary interactions by item, weighted as if items were documents and users their terms.

    With ``idf_u = ln(num_items / (1 + |I_u|))``: ``tfidf`` is ``idf_u``; ``bm25`` is
    ``(K + 1) / (K (1 − b + b |U_i| / mean |U_i|) + 1) · idf_u``, K = 1.2, b = 0.75 (Robertson & Zaragoza 2009). ``none``: 1.
    """
    if weighting == "none":
        return items
    lengths = items.starts.diff().float()
    uses = torch.bincount(items.columns, minlength=items.num_columns)
    idf = math.log(items.num_rows) - (1.0 + uses).log()
    values = idf[items.columns]
    if weighting == "bm25":
        relative = lengths / lengths.mean()
        gain = (_BM25_K1 + 1) / (_BM25_K1 * (1 - _BM25_B + _BM25_B * relative) + 1)
        values = values * gain[items.rows_of_entries()]
    return replace(items, values=values)
