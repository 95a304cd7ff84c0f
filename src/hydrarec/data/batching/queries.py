"""Ranking queries: held-out items with their users, candidates, and items seen earlier."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor


class QueryBatch(NamedTuple):
    """A batch of users with all of their held-out items; all tensors are int64.

    Attributes:
        users: distinct users, [U].
        rows: position in ``users`` of each held-out item's user, [T], non-decreasing.
        items: the held-out items, [T].
        ids: position of each held-out item in its part, [T].
        candidates: candidates of each item under the sampled protocol, [T, C], padded with −1; else [T, 0].
        seen_rows, seen_items: the users' items from earlier parts, [S] each, to be masked.
    """

    users: Tensor
    rows: Tensor
    items: Tensor
    ids: Tensor
    candidates: Tensor
    seen_rows: Tensor
    seen_items: Tensor


@dataclass(frozen=True)
class Queries:
    """All held-out items of a part.

    Attributes:
        users, items: int64 [T], sorted by user.
        candidates: int32 [T, C], padded with −1; C = 0 under the full protocol.
        seen_users, seen_items: the pairs to be masked, int64 and int32 [S], sorted by user.
    """

    users: Tensor
    items: Tensor
    candidates: Tensor
    seen_users: Tensor
    seen_items: Tensor

    @property
    def device(self) -> torch.device:
        """The device of all tensors."""
        return self.users.device

    def to(self, device: torch.device) -> Queries:
        """A copy on ``device``."""
        return Queries(**{name: column.to(device) for name, column in vars(self).items()})


class QueryLoader:
    """Loads batches of ``users_per_batch`` users; each rank takes its share of the users, without padding."""

    def __init__(self, queries: Queries, *, users_per_batch: int, rank: int = 0, world_size: int = 1) -> None:
        self.queries, self.users_per_batch = queries, users_per_batch
        self.users = torch.unique_consecutive(queries.users)[rank::world_size].contiguous()

    def __len__(self) -> int:
        return max(1, -(-len(self.users) // self.users_per_batch))

    def __iter__(self) -> Iterator[list[QueryBatch]]:
        if not len(self.users):  # fewer users than processes; Lightning rejects an empty loader
            yield []
            return
        for users in self.users.split(self.users_per_batch):
            ids, rows = _of_users(self.queries.users, users)
            seen, seen_rows = _of_users(self.queries.seen_users, users)
            yield [
                QueryBatch(
                    users=users,
                    rows=rows,
                    items=self.queries.items[ids],
                    ids=ids,
                    candidates=self.queries.candidates[ids].long(),
                    seen_rows=seen_rows,
                    seen_items=self.queries.seen_items[seen].long(),
                )
            ]


def _of_users(owners: Tensor, users: Tensor) -> tuple[Tensor, Tensor]:
    """All positions in ``owners`` (sorted) that belong to ``users``, and the row in ``users`` of each: both int64."""
    starts = torch.searchsorted(owners, users)
    lengths = torch.searchsorted(owners, users, right=True) - starts
    rows = torch.repeat_interleave(torch.arange(len(users), device=users.device), lengths)
    offsets = lengths.cumsum(0) - lengths
    return torch.arange(len(rows), device=users.device) - offsets[rows] + starts[rows], rows
