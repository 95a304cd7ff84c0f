"""A learning-rate schedule and the point at which a model steps it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from torch.optim import lr_scheduler


@dataclass(frozen=True)
class Schedule:
    """A scheduler and its interval: after each optimiser ``step``, each ``epoch``, or each epoch with the ``metric``."""

    scheduler: lr_scheduler.LRScheduler
    moves: Literal["step", "epoch", "metric"]
