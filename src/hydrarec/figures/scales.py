"""Axis limits and tick labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axis import Axis
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter


@dataclass(frozen=True)
class MetricAxis:
    """A metric on an axis: its name and direction."""

    name: str
    lower_is_better: bool

    @property
    def label(self) -> str:
        return f"{self.name} ({'lower' if self.lower_is_better else 'higher'} is better)"

    def legible(self, values: Sequence[float]) -> list[float]:
        """``values``, best first, without outliers so bad that an axis over all values would flatten the rest."""
        ordered = sorted(values, reverse=not self.lower_is_better)
        typical = abs(ordered[len(ordered) * 2 // 3] - ordered[0])
        return [value for value in ordered if abs(value - ordered[0]) <= 4 * typical]


def padded(values: Sequence[float]) -> tuple[float, float]:
    """Axis limits over ``values`` with a margin of 5 % at both ends."""
    low, high = min(values), max(values)
    room = (high - low or abs(high) or 1.0) * 0.05
    return low - room, high + room


def suits_log(values: Sequence[float]) -> bool:
    """Whether a logarithmic axis suits ``values``."""
    return min(values) > 0 and max(values) > 2 * min(values)


def log_locator(low: float, high: float) -> LogLocator:
    """Ticks at powers of ten, and at 2 and 5 times these if they would be too few."""
    return LogLocator(subs=(1.0,) if high / low > 300 else (1.0, 2.0, 5.0))


def set_log_ticks(axis: Axis, low: float, high: float) -> None:
    """Label a few ticks of a logarithmic axis from ``low`` to ``high`` with plain numbers."""
    axis.set_major_locator(log_locator(low, high))
    axis.set_major_formatter(PLAIN_NUMBERS)
    axis.set_minor_formatter(NullFormatter())


def plain_number(value: float, position: int | None = None) -> str:
    """Format ``0.1``, ``1,000``, ``10M``: matplotlib's log labels are formulas, which our figures do not parse."""
    return (f"{value / 1e6:,.6g}M" if value >= 1e6 else f"{value:,.6g}").replace("-", "−")


PLAIN_NUMBERS = FuncFormatter(plain_number)


def apart(places: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Move ``places`` as little as needed within low … high so that labels of height ``gap`` do not overlap."""
    order = np.argsort(places, kind="stable")
    moved = list(places)
    floor = low
    for index in order:
        moved[index] = max(moved[index], floor)
        floor = moved[index] + gap
    ceiling = high
    for index in order[::-1]:
        moved[index] = min(moved[index], ceiling)
        ceiling = moved[index] - gap
    return moved
