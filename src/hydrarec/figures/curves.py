"""Training curves (reference B4): losses and validation metrics over epochs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from hydrarec.figures.style import GREY, new_figure
from hydrarec.tasks.metrics.registry import Measure

_MARKED = 40  # epochs up to which each one gets a dot


def training_curves(rows: Sequence[dict[str, Any]], selected: int | None) -> Figure | None:
    """A panel for the losses and one per headline metric, a line per part or protocol; None if there is nothing to draw.

    Args:
        rows: a run's history, a row per epoch.
        selected: the epoch whose weights were kept, if there is one.
    """
    panels = _panels(rows)
    if not panels:
        return None
    figure = new_figure(3.6 * len(panels), 3.0)
    axes = figure.subplots(1, len(panels), squeeze=False)[0]
    for axis, (metric, lines) in zip(axes, panels.items(), strict=True):
        _draw(axis, rows, lines)
        axis.set(title=metric, xlabel="epoch", ylabel=metric)
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
        if selected is not None and len(rows) > 1:
            axis.axvline(selected, color=GREY, linewidth=0.8, linestyle=":", label=f"selected: {selected}")
        axis.grid(True)
        axis.legend()
    return figure


def _draw(axis: Axes, rows: Sequence[dict[str, Any]], lines: dict[str, str]) -> None:
    marker = "o" if len(rows) <= _MARKED else ""
    for label, name in lines.items():
        points = [(row["epoch"], row[name]) for row in rows if name in row]
        axis.plot(*zip(*points, strict=True), label=label, marker=marker, markersize=3, linewidth=1.2)


def _panels(rows: Sequence[dict[str, Any]]) -> dict[str, dict[str, str]]:
    """Per panel, its lines: label → name in the rows."""
    panels: dict[str, dict[str, str]] = {}
    lengths: dict[str, int | None] = {}
    for name in dict.fromkeys(name for row in rows for name in row):
        measure = Measure.parse(name)
        if measure is None or not measure.metric.drawn:
            continue
        lengths.setdefault(measure.metric.name, measure.k)
        if measure.k == lengths[measure.metric.name]:  # of several list lengths the first, which monitors
            part = "training" if measure.part == "train" else "validation"
            panels.setdefault(measure.label, {})[", ".join(filter(None, [part, measure.protocol]))] = name
    return panels
