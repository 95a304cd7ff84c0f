"""Forest plots (reference C5): a row per estimate with its interval; filled if significant, else open."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from hydrarec.analysis.meaning import Correlation
from hydrarec.figures.browser_svg import mark
from hydrarec.figures.labels import shortened
from hydrarec.figures.scales import MetricAxis, padded
from hydrarec.figures.style import GREY, PALETTE, label_rows, new_figure, new_panels


@dataclass(frozen=True)
class Interval:
    """An estimate ``middle`` with its interval, a ``note`` printed next to it, and a ``tooltip``."""

    name: str
    low: float
    middle: float
    high: float
    significant: bool
    note: str = ""
    tooltip: str = ""


def forest(rows: Sequence[Interval], title: str, xlabel: str) -> Figure:
    """Forest plot of differences from zero; those that would flatten the others become text at the edge."""
    figure = new_figure(6.4, 1.15 + 0.26 * len(rows))
    axis = figure.subplots()
    shown = MetricAxis("distance", lower_is_better=True).legible([0.0, *(abs(row.middle) for row in rows)])
    ends = [end for row in rows if abs(row.middle) in shown for end in (row.low, row.high)]
    low, high = padded([0.0, *ends])
    _draw_intervals(axis, rows)
    for place, row in enumerate(reversed(rows)):
        axis.text(1.02, place, row.note, va="center", transform=axis.get_yaxis_transform())
        if not low <= row.middle <= high:
            edge, side = (high, "right") if row.middle > high else (low, "left")
            words = f"{row.middle:+.3g}, off the scale".replace("-", "−")
            axis.text(edge, place, words, ha=side, va="center", color="#5B6573", backgroundcolor="white")
    axis.set(title=title, xlabel=xlabel, xlim=(low, high))
    axis.locator_params(axis="x", nbins=6)
    _legend(figure, "different", "not distinguishable")
    return figure


def correlations(panels: Sequence[tuple[str, Sequence[Correlation]]], level: float) -> Figure:
    """A panel per component with its strongest correlations with item attributes, strongest on top.

    Args:
        panels: component name and its rows, strongest first. level: coverage of the intervals.
    """
    most = max(len(rows) for _, rows in panels)
    figure, axes = new_panels(len(panels), 3.9, 0.25 * most + 1.1, sharex=True)
    for axis, (name, rows) in zip(axes, panels, strict=True):
        _draw_intervals(axis, [Interval(row.attribute, row.low, row.r, row.high, row.significant) for row in rows])
        axis.set(title=name, xlabel="correlation r")
        axis.tick_params(labelbottom=True)
    _legend(figure, f"beyond chance, with {level:.0%} bootstrap interval", "not significant")
    return figure


def _draw_intervals(axis: Axes, rows: Sequence[Interval]) -> None:
    axis.axvline(0, color=GREY, linewidth=0.8)
    places = label_rows(axis, [shortened(row.name, 28) for row in rows])
    for number, (place, row) in enumerate(zip(places, rows, strict=True)):
        ends = [row.low, row.middle, row.high]
        [drawn] = axis.plot(ends, [place] * 3, markevery=[1], **_style(row.significant))
        mark(drawn, "interval", number, row.tooltip)
    axis.grid(True)


def _legend(figure: Figure, significant: str, other: str) -> None:
    handles = [Line2D([], [], label=significant, **_style(True)), Line2D([], [], label=other, **_style(False))]
    figure.legend(handles=handles, loc="outside lower center", ncols=2)


def _style(significant: bool) -> dict[str, Any]:
    colour = PALETTE[0] if significant else GREY
    fill = colour if significant else "white"
    return {"color": colour, "linewidth": 1.3, "marker": "o", "markersize": 5, "markerfacecolor": fill}
