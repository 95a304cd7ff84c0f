"""Candidates: the items against which the sampled protocol ranks a held-out item, drawn once and then fixed."""

from __future__ import annotations

import torch
from torch import Tensor

from hydrarec.data.batching.negatives import mixed

_BLOCK = 2**13  # queries per block; bounds the memory of the comparisons


def draw_candidates(
    users: Tensor, positions: Tensor, touched: tuple[Tensor, Tensor], num_items: int, count: int, seed: int
) -> Tensor:
    """Draw ``count`` distinct items per query, uniformly from those its user never touched: int64 [T, count].

    A user with fewer such items gets all of them, padded with −1. Uses Floyd's algorithm (Bentley & Floyd 1987, *A
    sample of brilliance*) for all queries at once: one random number per drawn item, no rejection.

    Args:
        users: user of each query, int64 [T].
        positions: random counter of each query, int64 [T].
        touched: users and items of all interactions in all parts, int64 [N] each, sorted by user, then item.
        num_items: size of the catalogue.
        seed: random seed.
    """
    owners, items = touched
    num_users = int(max(owners.max(), users.max())) + 1
    degrees = torch.bincount(owners, minlength=num_users)
    starts = degrees.cumsum(0) - degrees
    ranks = torch.arange(len(owners), device=owners.device) - starts[owners]
    keys = owners * (num_items + 1) + items - ranks
    blocks = []
    for block in torch.arange(len(users), device=users.device).split(_BLOCK):
        free = num_items - degrees[users[block]]
        points = _distinct(free, positions[block], count, seed)
        wanted = users[block].unsqueeze(1) * (num_items + 1) + points
        passed = torch.searchsorted(keys, wanted, right=True) - starts[users[block]].unsqueeze(1)
        blocks.append(torch.where(points < 0, points, points + passed))
    return torch.cat(blocks) if blocks else users.new_empty(0, count)


def _distinct(free: Tensor, positions: Tensor, count: int, seed: int) -> Tensor:
    """Uniform samples without replacement from range(free), padded with −1: int64 [T, count]."""
    points = torch.full((len(free), count), -1, dtype=torch.int64, device=free.device)
    hashes = mixed(positions.unsqueeze(1) * count + torch.arange(count, device=free.device), seed) & 0xFFFFFFFF
    wanted = free.clamp(max=count)
    for number in range(count):
        last = free - wanted + number  # the sample grows from range(last) to range(last + 1)
        drawn = (hashes[:, number] * (last + 1)) >> 32
        known = (points[:, :number] == drawn.unsqueeze(1)).any(dim=1)
        points[:, number] = torch.where(number < wanted, torch.where(known, last, drawn), -1)
    return points
