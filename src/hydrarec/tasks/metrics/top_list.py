"""Ranking metrics from the ranks of held-out items, with ties counted by expectation."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple

import torch
from torch import Tensor

from hydrarec.tasks.metrics.ranks import Ranks
from hydrarec.tasks.metrics.registry import measures


def metrics_of(ranks: Ranks, ks: Sequence[int]) -> dict[str, Tensor]:
    """Compute every registered ranking metric at every k per query: float64 [Q], in the order of ``ranks.queries``.

    Each is the exact expectation over a uniformly random order of tied candidates (McSherry & Najork, "Computing
    information retrieval performance measures efficiently in the presence of tied scores", ECIR 2008), so a
    constant scorer gets chance level: hr@10 = 10/100 among 1 + 99 candidates.
    """
    if any(k < 1 for k in ks):
        raise ValueError(f"ranking metrics need k ≥ 1, got {list(ks)}")
    groups = TiedGroups.of(ranks)
    tops = {k: TopList(groups, k) for k in (1, *ks)}
    return {measure.name: measure.metric.values(tops[measure.k or 1]) for measure in measures("ranks", ks)}


class TopList:
    """Expected statistics of each query's first k candidates over every order of the ties: float64 [Q]."""

    def __init__(self, groups: TiedGroups, k: int) -> None:
        self._groups, self.k, self.num_relevant = groups, k, groups.num_relevant
        # The positions of a group within the top k are better + 1 … better + inside.
        self._inside = (k - groups.better).clamp(min=0).minimum(groups.size)
        self._start = groups.better.clamp(max=k)
        self._positions = torch.arange(1, k + 1, device=groups.better.device, dtype=torch.float64)
        self._density = groups.relevant / groups.size.double()  # P(a position holds a relevant item)

    @classmethod
    def of(cls, ranks: Ranks, k: int) -> TopList:
        return cls(TiedGroups.of(ranks), k)

    @cached_property
    def hits(self) -> Tensor:
        """Expected number of relevant items."""
        return self._groups.total(self._density * self._inside)

    @cached_property
    def gain(self) -> Tensor:
        """Expected Σ 1/log2(rank + 1) over the relevant items."""
        return self._groups.total(self._density * self._over_positions(self._discounts))

    @cached_property
    def ideal_gain(self) -> Tensor:
        """:attr:`gain` of an ideal list, with min(|R|, k) relevant items at the top."""
        return self._discounts[self.num_relevant.clamp(max=self.k)]

    @cached_property
    def precision_sum(self) -> Tensor:
        """Expected sum of the precision at the rank of each relevant item."""
        groups, reciprocals = self._groups, self._reciprocals
        # Given a relevant item at better + x, earlier + 1 + (relevant − 1)(x − 1)/(size − 1) are expected up to there,
        # and Σ_x (x − 1)/(better + x) follows from Σ_x 1/(better + x).
        slope = (groups.relevant - 1) / (groups.size - 1).clamp(min=1).double()
        precisions = (groups.earlier + 1) * reciprocals + slope * (self._inside - (groups.better + 1) * reciprocals)
        return groups.total(self._density * precisions)

    @property
    def hit(self) -> Tensor:
        """Probability of at least one relevant item."""
        return self._first_relevant[0]

    @property
    def reciprocal_rank(self) -> Tensor:
        """Expected 1 / rank of the first relevant item, 0 without one."""
        return self._first_relevant[1]

    @property
    def ordered_pairs(self) -> Tensor:
        """Share of pairs (relevant, other candidate) in the right order, independent of k; a tied pair counts 1/2."""
        groups = self._groups
        others = groups.size - groups.relevant  # tied, not relevant
        lost = groups.total(groups.relevant * (groups.better - groups.earlier + others.double() / 2))
        pairs = self.num_relevant * (groups.candidates[groups.first] - self.num_relevant)
        return torch.where(pairs > 0, 1 - lost / pairs.clamp(min=1), 0.5)

    @cached_property
    def _discounts(self) -> Tensor:
        return _prefix_sums(1 / torch.log2(self._positions + 1))

    @cached_property
    def _reciprocals(self) -> Tensor:
        """Σ 1/position over each group's positions within the top k. [G]."""
        return self._over_positions(_prefix_sums(1 / self._positions))

    def _over_positions(self, sums: Tensor) -> Tensor:
        """Sum over each group's positions within the top k, [G], from prefix sums [k + 1] over positions."""
        return sums[self._start + self._inside] - sums[self._start]

    @cached_property
    def _first_relevant(self) -> tuple[Tensor, Tensor]:
        """Probability that each query's best group puts a relevant item into the top k, and the first one's expected 1/rank.

        Lower groups cannot matter: if part of the best group is beyond k, they are beyond k entirely.
        """
        first = self._groups.first
        better, size, relevant = (x[first] for x in (self._groups.better, self._groups.size, self._groups.relevant))
        inside = self._inside[first]
        hit, reciprocal = inside / size.double(), self._reciprocals[first] / size  # one relevant item: uniform
        several = torch.nonzero(relevant > 1).squeeze(1)
        if not len(several):
            return hit, reciprocal
        better, size, relevant, inside = (column[several] for column in (better, size, relevant, inside))
        # A first relevant item at x has x − 1 others before it, so x never exceeds size − relevant + 1.
        last = inside.minimum(size - relevant + 1)
        missed = torch.ones(len(several), dtype=torch.float64, device=better.device)  # P(none in first x − 1)
        expected = torch.zeros_like(missed)
        for x in range(1, int(last.max()) + 1):
            here = torch.where(x <= last, missed * relevant / (size - x + 1).clamp(min=1), 0.0)
            expected += here / (better + x)
            missed -= here
        hit[several], reciprocal[several] = 1 - missed, expected
        return hit, reciprocal


class TiedGroups(NamedTuple):
    """The G groups of tied candidates with a relevant item, best to worst within each query. All int64."""

    better: Tensor  # [G], candidates above the group
    size: Tensor  # [G], candidates in the group
    relevant: Tensor  # [G], relevant items in the group, at least one
    earlier: Tensor  # [G], relevant items above the group
    candidates: Tensor  # [G], candidates of the query
    per_query: Tensor  # [Q], groups of each query
    first: Tensor  # [Q], index of each query's best group
    num_relevant: Tensor  # [Q], relevant items of each query

    @classmethod
    def of(cls, ranks: Ranks) -> TiedGroups:
        if (ranks.queries.diff() < 0).any():
            raise ValueError("the queries of ranks must be non-decreasing")
        _, query, num_relevant = torch.unique_consecutive(ranks.queries, return_inverse=True, return_counts=True)
        stride = ranks.better.max() + 1 if len(query) else 1
        keys, order = torch.sort(query * stride + ranks.better, stable=True)
        _, relevant = torch.unique_consecutive(keys, return_counts=True)
        heads = order[relevant.cumsum(0) - relevant]
        size, of_query = ranks.tied[heads] + 1, query[heads]
        if (relevant > size).any():
            raise ValueError("more relevant items of one query share a rank than candidates are tied there")
        if (ranks.better + ranks.tied >= ranks.candidates).any():
            raise ValueError("more candidates are better or tied than there are")
        per_query = torch.unique_consecutive(of_query, return_counts=True)[1]
        first = per_query.cumsum(0) - per_query
        above = relevant.cumsum(0) - relevant
        earlier = above - above[first][of_query]
        better, candidates = ranks.better[heads], ranks.candidates[heads]
        return cls(better, size, relevant, earlier, candidates, per_query, first, num_relevant)

    def total(self, values: Tensor) -> Tensor:
        """Sum over each query's groups: float64 [G] → [Q]. The order is fixed, unlike that of atomic additions on a GPU."""
        if len(self.per_query) == len(values):
            return values
        return torch.segment_reduce(values, "sum", lengths=self.per_query, unsafe=True)


def _prefix_sums(values: Tensor) -> Tensor:
    """Prefix sums that start from 0: [k] → [k + 1]."""
    return torch.cat([values.new_zeros(1), values.cumsum(0)])
