"""Ready batches: slices of tensors that already lie on the device. No sample is ever touched one by one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import torch
from torch import Tensor

_MIX = 0x9E3779B97F4A7C15  # 2⁶⁴ / golden ratio: spreads neighbouring (seed, epoch) pairs over all seeds


class Batch(NamedTuple):
    """``users``, ``items``: int64 [B]; ``targets``: float32 [B]."""

    users: Tensor
    items: Tensor
    targets: Tensor


@dataclass(frozen=True)
class TrainingData:
    """All that a model may know of the training part beside its batches.

    ``users``, ``items``: int64 [N]; ``targets``: float32 [N]; ``scale``: lowest and highest possible target.
    """

    users: Tensor
    items: Tensor
    targets: Tensor
    num_users: int
    num_items: int
    scale: tuple[float, float]

    def to(self, device: torch.device) -> TrainingData:
        moved = {name: getattr(self, name).to(device) for name in ("users", "items", "targets")}
        return replace(self, **moved)


class BatchLoader:
    """Chunks of ready batches: each item is a list of up to ``steps`` batches of ``batch_size`` rows.

    Several optimiser steps per Trainer call make the Trainer's own cost vanish. The order of an epoch is a function of
    (seed, epoch) alone, drawn on the CPU so that it is the same on every device. The position is part of the state, so
    that a resumed run goes on with the very next chunk. Ranks take disjoint, near-equal shares without padding.

    Args:
        data: all rows of the part, on the device.
        batch_size: rows per optimiser step; the last batch of an epoch may be smaller.
        steps: batches per chunk.
        seed: of the order; None keeps the rows in their own order (evaluation).
        rank, world_size: this process's share.
    """

    batch_sampler = None  # Lightning asks for it where there is a sampler

    def __init__(
        self, data: Batch, *, batch_size: int, steps: int, seed: int | None, rank: int = 0, world_size: int = 1
    ) -> None:
        self.data, self.batch_size, self.steps, self.seed = data, batch_size, steps, seed
        self.rank, self.world_size = rank, world_size
        self.num_rows = len(range(rank, len(data.users), world_size))
        self.epoch, self.position = 0, 0

    @property
    def sampler(self) -> BatchLoader:
        """Lightning tells the epoch to ``loader.sampler``."""
        return self

    def set_epoch(self, epoch: int) -> None:
        if epoch != self.epoch:
            self.epoch, self.position = epoch, 0

    def state_dict(self) -> dict[str, int]:
        """``position``: the next chunk of ``epoch``."""
        return {"epoch": self.epoch, "position": self.position}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.epoch, self.position = state["epoch"], state["position"]

    def __len__(self) -> int:
        """Chunks per epoch."""
        rows_per_chunk = self.batch_size * self.steps
        return -(-self.num_rows // rows_per_chunk)

    @property
    def steps_per_epoch(self) -> int:
        return -(-self.num_rows // self.batch_size)

    def __iter__(self) -> Iterator[list[Batch]]:
        # Lightning calls iter() before set_epoch(); a generator body runs at the first next(), when both are known.
        if self.position >= len(self):
            self.position = 0
        rows = self._ordered()
        stride = self.batch_size * self.steps
        while self.position < len(self):
            start = self.position * stride
            chunk = [column[start : start + stride].split(self.batch_size) for column in rows]
            self.position += 1
            yield [Batch(*columns) for columns in zip(*chunk, strict=True)]

    def _ordered(self) -> Batch:
        """One gather per epoch, so that each batch is a view."""
        if self.seed is None:
            return Batch(*(column[self.rank :: self.world_size] for column in self.data))
        generator = torch.Generator().manual_seed(epoch_seed(self.seed, self.epoch))
        order = torch.randperm(len(self.data.users), generator=generator)[self.rank :: self.world_size]
        order = order.to(self.data.users.device)
        return Batch(*(column[order] for column in self.data))


def epoch_seed(seed: int, epoch: int, step: int = 0) -> int:
    """A 63-bit seed that is a function of its arguments and differs for neighbouring ones (splitmix64's finaliser)."""
    word = (seed * 0xD1342543DE82EF95 + epoch * _MIX + step * 0xBF58476D1CE4E5B9) & 0xFFFFFFFFFFFFFFFF
    word = ((word ^ (word >> 30)) * 0xBF58476D1CE4E5B9) & 0xFFFFFFFFFFFFFFFF
    word = ((word ^ (word >> 27)) * 0x94D049BB133111EB) & 0xFFFFFFFFFFFFFFFF
    return (word ^ (word >> 31)) >> 1
