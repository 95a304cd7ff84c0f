"""Draws negatives, items that a user has not touched: exact, without rejection, from a counter-based generator.

Place all items side by side on a line, item i with length w_i, and cut out the user's positives p_0 < p_1 < ….
Point r of the remaining line is point ``r + S_c`` of the whole line, where c is the number of positives whose gap
``g_j = C(p_j) − S_j`` is at most r; C(i) is the weight before item i, S_j that of the user's first j positives.
With w = 1 this is ``r + #{j : p_j − j ≤ r}``, the r-th item that the user has not touched.
"""

from __future__ import annotations

import torch
from torch import Tensor

_GOLDEN, _MIX_1, _MIX_2 = -0x61C8864680B583EB, -0x40A7B892E31B1A47, -0x6B2FB644ECCEEE15  # splitmix64's, as int64
_LOW = 0xFFFFFFFF
_WHOLE = 2**28  # total weight when drawing by popularity: resolves shares of 4·10⁻⁹, and products fit int64


def mixed(counters: Tensor, seed: int) -> Tensor:
    """Hash each counter with ``seed`` (splitmix64, Steele et al. 2014): int64, all 64 bits, equal on every device."""
    word = counters * _GOLDEN + seed
    # int64 shifts keep the sign; the masks turn them into the logical shifts of the original algorithm.
    word = (word ^ ((word >> 30) & 0x3FFFFFFFF)) * _MIX_1
    word = (word ^ ((word >> 27) & 0x1FFFFFFFFF)) * _MIX_2
    return word ^ ((word >> 31) & 0x1FFFFFFFF)


def popularity_weights(counts: Tensor, alpha: float) -> Tensor:
    """Integer weights ∝ counts^alpha that sum to about 2²⁸, int64; an item without interactions is never drawn.

    Args:
        counts: training interactions per item, int64 [num_items].
    """
    shares = counts.double().pow(alpha) * (counts > 0)
    return (shares / shares.sum() * _WHOLE).ceil().long()


class NegativeSampler:
    """Draws items for a user outside a set of excluded pairs, in O(1) average time and O(pairs) memory.

    To count the gaps ≤ r without a binary search, each user's line is divided into as many buckets as the user has
    positives. A table holds the count at the start of each bucket, so only a few steps remain.

    Args:
        users, items: the excluded pairs, int64 [N], unique, sorted by user, then item.
        weights: weight of each item, int64 [num_items], with a sum below 2³¹; None: equal weights.
    """

    def __init__(
        self, users: Tensor, items: Tensor, num_users: int, num_items: int, weights: Tensor | None = None
    ) -> None:
        device = users.device
        degrees = torch.bincount(users, minlength=num_users)
        starts = degrees.cumsum(0) - degrees
        taken, before = self._taken(users, items, degrees, starts, weights)
        self.ends = None if weights is None else weights.cumsum(0)
        whole = num_items if self.ends is None else int(self.ends[-1])
        lost = torch.zeros(num_users, dtype=torch.int64, device=device)
        lost.index_add_(0, users, torch.ones_like(items) if weights is None else weights[items])
        self.free = whole - lost  # remaining weight per user, int64 [num_users]; 0: nothing can be drawn
        self.num_buckets = degrees.clamp(min=1)
        self.first_bucket = self.num_buckets.cumsum(0) - self.num_buckets
        # A sentinel slot per user, with a gap that no point reaches, ends each search.
        self.first_slot = starts + torch.arange(num_users, device=device)
        slots = torch.arange(len(users), device=device) + users
        self.gaps = torch.full((len(users) + num_users,), 2**31 - 1, dtype=torch.int32, device=device)
        self.gaps[slots] = (before - taken).int()
        self.taken = None
        if weights is not None:
            self.taken = torch.zeros(len(users) + num_users, dtype=torch.int64, device=device)
            self.taken[slots] = taken
            self.taken[self.first_slot + degrees] = lost
        self.table = self._table(users, before - taken, starts, whole)

    def draw(self, users: Tensor, positions: Tensor, count: int, seed: int) -> Tensor:
        """``count`` independent draws per user, int64 [R, count]; depends on users, positions and seed only.

        Args:
            users: int64 [R], each with at least one item to draw.
            positions: random counter of each row, int64 [R].
        """
        counters = positions.unsqueeze(1) * count + torch.arange(count, device=users.device)
        hashes = mixed(counters, seed) & _LOW
        points = ((hashes * self.free[users].unsqueeze(1)) >> 32).view(-1)
        buckets = ((hashes * self.num_buckets[users].unsqueeze(1)) >> 32) + self.first_bucket[users].unsqueeze(1)
        slots = self.table.index_select(0, buckets.view(-1))
        slots += self.gaps.index_select(0, slots) <= points
        more = (self.gaps.index_select(0, slots) <= points).nonzero().squeeze(1)
        while len(more):
            slots[more] += 1
            more = more[self.gaps.index_select(0, slots[more]) <= points[more]]
        if self.taken is None or self.ends is None:
            return points.view(-1, count) + (slots.view(-1, count) - self.first_slot[users].unsqueeze(1))
        points += self.taken.index_select(0, slots)
        return torch.searchsorted(self.ends, points, right=True).view(-1, count)

    def _taken(
        self, users: Tensor, items: Tensor, degrees: Tensor, starts: Tensor, weights: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """S_j and C(p_j) of each excluded pair, int64 [N] each."""
        if weights is None:
            return torch.arange(len(users), device=users.device) - starts[users], items
        running = weights[items].cumsum(0)
        exclusive = running - weights[items]
        first = exclusive[starts.clamp(max=max(len(users) - 1, 0))] if len(users) else starts
        return exclusive - first[users], (weights.cumsum(0) - weights)[items]

    def _table(self, users: Tensor, gaps: Tensor, starts: Tensor, whole: int) -> Tensor:
        """The first slot to search for each bucket of each user: int32 [Σ buckets]."""
        owners = torch.repeat_interleave(torch.arange(len(starts), device=users.device), self.num_buckets)
        numbers = torch.arange(len(owners), device=users.device) - self.first_bucket[owners]
        lowest_hash = -((-(numbers << 32)) // self.num_buckets[owners])
        lowest_point = (lowest_hash * self.free[owners]) >> 32
        keys, wanted = users * (whole + 1) + gaps, owners * (whole + 1) + lowest_point
        return (torch.searchsorted(keys, wanted, right=True) + owners).int()
