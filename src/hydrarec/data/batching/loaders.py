"""Loaders that yield chunks of ready batches, gathered from tensors on the device instead of sample by sample."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

from hydrarec.data.batching.batches import Batch
from hydrarec.data.batching.orders import Orders


class Samples(Protocol):
    """The rows of an epoch, and their conversion to batches."""

    def __len__(self) -> int: ...

    @property
    def device(self) -> torch.device: ...

    def batches(self, rows: Tensor, epoch: int, sizes: Sequence[int]) -> list[Batch]:
        """The batches of ``rows`` (int64 [R]) in ``epoch``: the first ``sizes[0]`` rows form the first, and so on."""
        ...


class BatchLoader:
    """Chunks of ready batches: each item is a list of up to ``steps`` batches of ``batch_size`` rows.

    Several optimiser steps per Trainer call make the Trainer's overhead negligible. The order of an epoch depends only
    on (seed, epoch). The position is part of the state, so
    a resumed run continues with the next chunk. Each rank takes a disjoint, near-equal, unpadded share of every batch,
    so N processes take the same steps as one; a share may be empty.

    Args:
        samples: the rows of the part, on the device.
        batch_size: rows per optimiser step, over all ranks; the last batch of an epoch may be smaller.
        steps: batches per chunk.
        seed: seed of the order; None keeps the rows in their original order (evaluation).
        rank, world_size: this process's share.
    """

    batch_sampler = None  # Lightning reads this if the loader has a sampler

    def __init__(
        self, samples: Samples, *, batch_size: int, steps: int, seed: int | None, rank: int = 0, world_size: int = 1
    ) -> None:
        self.samples, self.batch_size, self.steps = samples, batch_size, steps
        self.rank, self.world_size = rank, world_size
        self.epoch, self.position = 0, 0
        self._orders = None if seed is None else Orders(len(samples), seed, samples.device)

    @property
    def sampler(self) -> BatchLoader:
        """The loader itself, because Lightning sets the epoch of ``loader.sampler``."""
        return self

    def set_epoch(self, epoch: int) -> None:
        if epoch != self.epoch:
            self.epoch, self.position = epoch, 0

    def state_dict(self) -> dict[str, int]:
        """The current ``epoch`` and ``position``, the next chunk."""
        return {"epoch": self.epoch, "position": self.position}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.epoch, self.position = state["epoch"], state["position"]

    def __len__(self) -> int:
        """Number of chunks per epoch."""
        return -(-len(self.samples) // (self.batch_size * self.steps))

    @property
    def steps_per_epoch(self) -> int:
        return -(-len(self.samples) // self.batch_size)

    def __iter__(self) -> Iterator[list[Batch]]:
        # Lightning calls iter() before set_epoch(); a generator body runs at the first next(), when both are known.
        if self.position >= len(self):
            self.position = 0
        order = self._order()
        stride = self.batch_size * self.steps
        while self.position < len(self):
            start = self.position * stride
            shares = [
                rows[self.rank :: self.world_size] for rows in order[start : start + stride].split(self.batch_size)
            ]
            sizes = [len(share) for share in shares]
            rows = torch.cat(shares) if self.world_size > 1 else order[start : start + stride]
            self.position += 1
            yield self.samples.batches(rows, self.epoch, sizes)

    def _order(self) -> Tensor:
        """The row order of this epoch, int64 [N], on the device."""
        if self._orders is None:
            return torch.arange(len(self.samples), device=self.samples.device)
        return self._orders.of_epoch(self.epoch)
