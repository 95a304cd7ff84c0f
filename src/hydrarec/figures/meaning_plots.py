"""What components mean: their correlations with what is known of the items."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from hydrarec.analysis.meaning import Correlation
from hydrarec.figures.style import GREY, PALETTE, new_figure


def correlations(panels: Sequence[tuple[str, Sequence[Correlation]]], level: float) -> Figure:
    """A panel per component: its strongest correlations, strongest on top, with their intervals.

    Args:
        panels: name of the component, and its rows, strongest first. level: coverage of the intervals.
    """
    columns = min(3, len(panels))
    lines = -(-len(panels) // columns)
    most = max(len(rows) for _, rows in panels)
    figure = new_figure(3.9 * columns, lines * (0.25 * most + 1.0) + 0.3)
    axes = figure.subplots(lines, columns, squeeze=False, sharex=True).ravel()
    for axis, (name, rows) in zip(axes, panels, strict=False):
        places = np.arange(len(rows))[::-1]
        axis.axvline(0, color=GREY, linewidth=0.8)
        for place, row in zip(places, rows, strict=True):
            colour = PALETTE[0] if row.significant else GREY
            axis.plot([row.low, row.high], [place, place], color=colour, linewidth=1.3)
            axis.plot(
                row.r, place, "o", color=colour, markersize=5, markerfacecolor=colour if row.significant else "white"
            )
        axis.set_yticks(places, [row.attribute for row in rows])
        axis.set(title=name, xlabel="correlation r")
        axis.set_ylim(-0.7, len(rows) - 0.3)
        axis.tick_params(labelbottom=True)
        axis.grid(True)
    for axis in axes[len(panels) :]:
        axis.remove()
    figure.legend(handles=_legend(level), loc="outside lower center", ncols=2)
    return figure


def _legend(level: float) -> list[Line2D]:
    said = f"with {level:.0%} bootstrap interval"
    return [
        Line2D([], [], color=PALETTE[0], marker="o", markersize=5, label=f"beyond chance, {said}"),
        Line2D([], [], color=GREY, marker="o", markersize=5, markerfacecolor="white", label="not told from 0"),
    ]
