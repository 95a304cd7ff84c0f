"""The frame that charts share: a grid, ticks and what the axes mean."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hydrarec.reports.comparison.charts.svg import GREY, Scale, line, text, tick_label
from hydrarec.tasks.metrics.registry import lower_is_better


@dataclass(frozen=True)
class Frame:
    """The rectangle that a chart's data fill, in its picture."""

    left: float
    top: float
    right: float
    bottom: float

    def inside(self, y: float) -> float:
        """The nearest height within the frame."""
        return min(max(y, self.top), self.bottom)

    def axes(self, x: Scale, y: Scale, x_label: str, y_label: str, *, whole: bool = False) -> str:
        """``whole``: x counts something."""
        parts = []
        for value in y.ticks():
            parts.append(line(self.left, y(value), self.right, y(value), class_="grid"))
            parts.append(text(self.left - 7, y(value) + 4, tick_label(value), text_anchor="end", class_="tick"))
        for value in x.ticks(whole=whole):
            parts.append(line(x(value), self.bottom, x(value), self.bottom + 4, stroke=GREY))
            parts.append(text(x(value), self.bottom + 18, tick_label(value), text_anchor="middle", class_="tick"))
        parts.append(line(self.left, self.bottom, self.right, self.bottom, stroke=GREY))
        parts.append(text(self.left, self.top - 12, y_label, class_="axis"))
        parts.append(text(self.right, self.bottom + 36, x_label, text_anchor="end", class_="axis"))
        return "".join(parts)


def legible(values: Sequence[float], metric: str) -> list[float]:
    """``values`` without those so much worse than most that a scale over them would flatten all the rest."""
    ordered = sorted(values, reverse=not lower_is_better(metric))
    typical = abs(ordered[len(ordered) * 2 // 3] - ordered[0])
    return [value for value in ordered if abs(value - ordered[0]) <= 4 * typical]


def direction(metric: str) -> str:
    """``test/rmse (lower is better)``."""
    return f"{metric} ({'lower' if lower_is_better(metric) else 'higher'} is better)"
