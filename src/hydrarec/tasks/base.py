"""Objective of a task: the training loss and the evaluation metrics."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Literal, Protocol

import torch
from torch import Tensor


class Scorer(Protocol):
    """Interface that an objective needs from a model."""

    @property
    def floats_per_pair(self) -> int:
        """Float32 elements in memory to score one (user, item) pair."""
        ...

    def __call__(self, users: Tensor, items: Tensor) -> Tensor:
        """Scores, of the shape that ``users`` and ``items`` broadcast to."""
        ...

    def catalogue_scores(self, users: Tensor) -> Tensor:
        """Scores of all items, [U, num_items]."""
        ...


class Objective(torch.nn.Module, ABC):
    """Loss and metrics of a task."""

    task: ClassVar[str]  # rating or ranking

    @classmethod
    @abstractmethod
    def produced(cls, settings: Mapping[str, Any]) -> list[str]:
        """Names of the metrics that :meth:`report` returns in every epoch under ``settings``."""

    @abstractmethod
    def loss(self, scores: Tensor, targets: Tensor) -> Tensor:
        """Mean loss of a batch."""

    def predict(self, scores: Tensor) -> Tensor:
        """Convert raw scores to predictions of the task."""
        return scores

    @abstractmethod
    def reset(self, *, thorough: bool) -> None:
        """Start an evaluation; ``thorough`` adds metrics that are too slow for every epoch."""

    @abstractmethod
    def evaluate(self, model: Scorer, batch: Any) -> None:
        """Add a batch to the evaluation."""

    @abstractmethod
    def report(self) -> dict[str, Tensor]:
        """Metrics of everything evaluated since the last reset: float64 scalars, reduced over all processes."""

    @abstractmethod
    def unit(self, protocol: str) -> Literal["ratings", "users", "held-out items"]:
        """What the metrics of a protocol are means over; the protocol of ratings is the empty text."""

    @abstractmethod
    def outcomes(self) -> dict[str, Tensor]:
        """Outcomes per row of the part, arrays [N] in the order of its rows, gathered from all processes."""
