"""The model's input: batches, and the training part as a whole."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

import torch
from torch import Tensor

_MIX = 0x9E3779B97F4A7C15  # 2⁶⁴ / golden ratio; scatters neighbouring (seed, epoch) pairs

Unit = Literal["interactions", "users", "items"]  # unit of a batch row; set by the model


class Batch(NamedTuple):
    """Users and items of broadcastable shapes, and the targets for their scores.

    Ratings: ``users``, ``items`` int64 [B], ``targets`` float32 [B]. A positive and its n negatives: ``users`` [B, 1],
    ``items`` [B, 1 + n], positive first, ``targets`` [B, 1 + n], one 1 and n zeros. A positive against the whole
    catalogue: ``users`` [B, 1], ``items`` [1, num_items], ``targets`` int64 [B], the positive item. Whole users:
    ``users`` [B], no items, ``targets`` zeros [B]; whole items: the same with ``items``.
    """

    users: Tensor
    items: Tensor
    targets: Tensor


@dataclass(frozen=True)
class TrainingData:
    """The whole training part: all data available to a model besides its batches.

    ``users``, ``items``: int64 [N], sorted by user, then item; ``targets``: float32 [N], 1 for implicit feedback;
    ``scale``: lowest and highest rating, None for implicit feedback; ``fingerprint``: of interactions and split.
    """

    users: Tensor
    items: Tensor
    targets: Tensor
    num_users: int
    num_items: int
    scale: tuple[float, float] | None
    fingerprint: str

    def to(self, device: torch.device) -> TrainingData:
        """A copy on ``device``."""
        moved = {name: getattr(self, name).to(device) for name in ("users", "items", "targets")}
        return replace(self, **moved)


def epoch_seed(seed: int, epoch: int, step: int = 0) -> int:
    """Hash the arguments to a 63-bit seed; neighbouring arguments give unrelated seeds (splitmix64's finaliser)."""
    word = (seed * 0xD1342543DE82EF95 + epoch * _MIX + step * 0xBF58476D1CE4E5B9) & 0xFFFFFFFFFFFFFFFF
    word = ((word ^ (word >> 30)) * 0xBF58476D1CE4E5B9) & 0xFFFFFFFFFFFFFFFF
    word = ((word ^ (word >> 27)) * 0x94D049BB133111EB) & 0xFFFFFFFFFFFFFFFF
    return (word ^ (word >> 31)) >> 1
