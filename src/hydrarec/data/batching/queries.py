"""Held-out items as queries: their users, their candidates, and the items that the users have seen before."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor


class QueryBatch(NamedTuple):
    """Some users, each with all of their held-out items; all int64.

    Attributes:
        users: [U], each once.
        rows: place in ``users`` of each held-out item's user, [T], non-decreasing.
        items: the held-out items, [T].
        ids: place of each held-out item in its part, [T].
        candidates: what each is ranked among under the sampled protocol, [T, C], −1 where there are fewer; or [T, 0].
        seen_rows, seen_items: what the users have seen in earlier parts, [S] both, to be masked.
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
        candidates: int32 [T, C], −1 where there are fewer, C = 0 under the full protocol.
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
    """Batches of ``users_per_batch`` users; each rank takes its share of the users, without padding."""

    def __init__(self, queries: Queries, *, users_per_batch: int, rank: int = 0, world_size: int = 1) -> None:
        self.queries, self.users_per_batch = queries, users_per_batch
        self.users = torch.unique_consecutive(queries.users)[rank::world_size].contiguous()

    def __len__(self) -> int:
        return max(1, -(-len(self.users) // self.users_per_batch))

    def __iter__(self) -> Iterator[list[QueryBatch]]:
        if not len(self.users):  # fewer users than processes; Lightning accepts no loader without a batch
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
    """The positions of ``users`` in ``owners`` (sorted), and the row of the user that each belongs to: int64 both."""
    starts = torch.searchsorted(owners, users)
    lengths = torch.searchsorted(owners, users, right=True) - starts
    rows = torch.repeat_interleave(torch.arange(len(users), device=users.device), lengths)
    offsets = lengths.cumsum(0) - lengths
    return torch.arange(len(rows), device=users.device) - offsets[rows] + starts[rows], rows
