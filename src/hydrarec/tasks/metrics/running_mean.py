"""Mean loss of an epoch."""

from __future__ import annotations

import math


class RunningMean:
    """Weighted mean over an epoch; its partial sums are stored in the checkpoint."""

    def __init__(self) -> None:
        self.total, self.weight = 0.0, 0

    def add(self, total: float, weight: int) -> None:
        self.total += total
        self.weight += weight

    def take(self) -> float:
        """Return the mean, NaN if nothing was added, and reset."""
        mean = self.total / self.weight if self.weight else math.nan
        self.total, self.weight = 0.0, 0
        return mean

    def state_dict(self) -> dict[str, float]:
        return {"total": self.total, "weight": self.weight}

    def load_state_dict(self, state: dict[str, float]) -> None:
        self.total, self.weight = state["total"], int(state["weight"])
