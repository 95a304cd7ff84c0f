"""Beyond-accuracy metrics: coverage, popularity and inequality of the recommended lists."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torchmetrics import Metric

from hydrarec.tasks.metrics.registry import measures


class Shown(NamedTuple):
    """Counts of the items in the first k places of all lists."""

    counts: Tensor  # int64 [M], number of lists that contain each item
    popularity: Tensor  # int64 [M], training interactions of each item

    @property
    def inequality(self) -> Tensor:
        """Gini coefficient of the counts: half the relative mean difference, summed in integers.

        Σ_i (2i − M − 1) x_i / (M Σ x) over ascending x_1 … x_M. Adomavicius & Kwon, TKDE 2012, report 1 − Gini instead.
        """
        ascending, size = self.counts.sort().values, len(self.counts)
        weights = torch.arange(1 - size, size, 2, device=self.counts.device)
        return (weights * ascending).sum() / (size * self.counts.sum()).double()


class Exposure(Metric):
    """The registered metrics of recommended lists (coverage, popularity, inequality), from one count per item and k."""

    full_state_update = False
    counts: Tensor

    def __init__(self, num_items: int, ks: Sequence[int]) -> None:
        # Do not cache compute(): its result depends on its argument.
        super().__init__(compute_with_cache=False)
        if not ks or any(k < 1 for k in ks):
            raise ValueError(f"exposure needs at least one k, each ≥ 1, got {list(ks)}")
        self.ks, self.num_items = tuple(ks), num_items
        self.add_state("counts", torch.zeros(len(ks), num_items, dtype=torch.int64), dist_reduce_fx="sum")

    def update(self, lists: Tensor) -> None:
        """``lists``: int64 [U, K] with K ≥ every k, best first; −1 after the end of a list."""
        if lists.shape[1] < max(self.ks):
            raise ValueError(f"lists of {lists.shape[1]} items have no top {max(self.ks)}")
        for row, k in enumerate(self.ks):
            shown = lists[:, :k].flatten()
            # empty places go to an extra bin, dropped later: filtering would synchronise with the device
            counts = torch.zeros(self.num_items + 1, dtype=torch.int64, device=lists.device)
            bins = torch.where(shown < 0, self.num_items, shown)
            self.counts[row] += counts.index_add_(0, bins, torch.ones_like(bins))[:-1]

    def compute(self, popularity: Tensor) -> dict[str, Tensor]:  # type: ignore[override]
        """Return float64 scalars; popularity and Gini are NaN if nothing was recommended. ``popularity``: int64 [M]."""
        shown: dict[int | None, Shown] = {
            k: Shown(counts, popularity) for k, counts in zip(self.ks, self.counts, strict=True)
        }
        return {measure.name: measure.metric.values(shown[measure.k]) for measure in measures("lists", self.ks)}
