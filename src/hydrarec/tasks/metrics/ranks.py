"""Rank of each held-out item among its candidates; ties are kept, not broken."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torchmetrics import Metric

from hydrarec.core.blocks import floats_at_once

_SCRATCH_FLOATS = 2**20  # scores compared at once: 4 MiB, fits in caches


class NotFiniteError(ValueError):
    """Scores that cannot be ranked because the model diverged."""


class Ranks(NamedTuple):
    """Ranks of T held-out (relevant) items among the candidates of their query (usually a user).

    With ties the rank of an item is a distribution: uniform over ``better + 1 … better + tied + 1``.
    """

    queries: Tensor  # int64 [T], id of the item's query: non-decreasing, so that a query's items are adjacent
    better: Tensor  # int64 [T], candidates scored strictly higher, other relevant items included
    tied: Tensor  # int64 [T], other candidates with an equal score, other relevant items included
    candidates: Tensor  # int64 [T], all candidates of the query, the relevant items included


def count_ranks(scores: Tensor, rows: Tensor, items: Tensor) -> tuple[Tensor, Tensor]:
    """``better`` and ``tied``, int64 [T], of the cells (``rows``, ``items``) among all scores of their row.

    ``scores``: float [U, M], −inf where an item is no candidate; ``rows``, ``items``: int64 [T]. No temporary holds more
    than a block (or one row).
    """
    # max() propagates NaN. Comparisons with NaN are false: a diverged model would rank every held-out item first.
    if scores.numel() and scores.max().isnan():
        raise NotFiniteError("scores to be ranked hold NaN")
    targets = scores[rows, items]
    if (targets == -torch.inf).any():
        raise NotFiniteError("a held-out item has the score −inf, which marks items that are no candidates")
    better, tied = torch.empty_like(rows), torch.empty_like(rows)
    step = max(1, floats_at_once(scores.device, _SCRATCH_FLOATS) // max(1, scores.shape[1]))
    for start in range(0, len(rows), step):
        part = slice(start, start + step)
        row, target = scores[rows[part]], targets[part, None]  # [t, M], [t, 1]
        better[part] = (row > target).sum(1)
        tied[part] = (row == target).sum(1) - 1  # exclude the item itself
    return better, tied


def count_candidate_ranks(target: Tensor, others: Tensor, valid: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """``better`` and ``tied``, int64 [T], of ``target`` float [T] among ``others`` float [T, C], its other candidates.

    ``valid``: bool [T, C], False for padding in ``others``.
    """
    if target.isnan().any() or (others.isnan() if valid is None else others.isnan() & valid).any():
        raise NotFiniteError("scores to be ranked hold NaN")
    higher, equal = others > target[:, None], others == target[:, None]
    if valid is not None:
        higher, equal = higher & valid, equal & valid
    return higher.sum(1), equal.sum(1)


class RankCollector(Metric):
    """Collects the ranks of all held-out pairs over batches and processes; shares may differ in size."""

    full_state_update = False
    columns: list[Tensor]

    def __init__(self) -> None:
        super().__init__()
        # One table instead of five columns: a single collective between processes.
        self.add_state("columns", [], dist_reduce_fx="cat")
        self.reset()

    def reset(self) -> None:
        super().reset()
        # A process without rows still has to send a table of the right dtype.
        self.columns.append(torch.empty(0, 5, dtype=torch.int64, device=self.device))

    def update(self, ids: Tensor, ranks: Ranks) -> None:
        """Add a batch. ``ids``: int64 [T], unique per held-out pair, in the order of the queries."""
        self.columns.append(torch.stack([ids, *ranks], dim=1))

    def ranks(self) -> tuple[Tensor, Ranks]:
        """Return ``ids``, int64 [T], sorted, and their ranks: independent of batches and number of processes."""
        ids, *columns = self.compute().unbind(1)
        return ids, Ranks(*columns)

    def compute(self) -> Tensor:
        """Return ids and ranks as one table, int64 [T, 5], since the base class would squeeze columns of one element.

        Duplicates of a pair (from samplers that pad shares) count once.
        """
        table = torch.cat(self.columns) if isinstance(self.columns, list) else self.columns
        table = table[table[:, 0].argsort()]
        repeated = torch.nonzero(table[1:, 0] == table[:-1, 0]).squeeze(1)
        if (table[repeated] != table[repeated + 1]).any():
            raise ValueError("one held-out pair was given with two different ranks")
        keep = torch.ones(len(table), dtype=torch.bool, device=table.device)
        keep[repeated + 1] = False
        return table[keep]
