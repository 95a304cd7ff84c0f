"""Plots of metrics over epochs, trials and costs, for one run (reference B4) or several configurations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from hydrarec.figures.browser_svg import mark
from hydrarec.figures.labels import place_titles, shortened
from hydrarec.figures.scales import PLAIN_NUMBERS, MetricAxis, apart, padded, set_log_ticks, suits_log
from hydrarec.figures.style import GREY, Style, new_figure, new_panels
from hydrarec.tasks.metrics.registry import Measure

_MARKED = 40  # most epochs drawn with a dot each
LABELLED = 10  # best points labelled; hundreds of names would cover the chart


@dataclass(frozen=True)
class Curve:
    """A curve of ``y`` over ``x``; ``spread`` is the standard deviation over seeds, NaN for a single seed."""

    name: str
    style: Style
    x: Sequence[float]
    y: Sequence[float]
    spread: Sequence[float] = ()


def training_curves(rows: Sequence[dict[str, Any]], selected: int | None) -> Figure | None:
    """A panel for losses and one per headline metric, with a line per part or protocol; None if there is no data.

    Args:
        rows: a run's history, a row per epoch.
        selected: the epoch whose weights were kept, or None.
    """
    panels = _panels(rows)
    if not panels:
        return None
    figure, axes = new_panels(len(panels), 3.6, 3.0, columns=len(panels))
    dots: dict[str, Any] = {"marker": "o" if len(rows) <= _MARKED else "", "markersize": 3, "markevery": 1}
    for axis, (metric, names) in zip(axes, panels.items(), strict=True):
        for number, (label, name) in enumerate(names.items()):
            x, y = zip(*[(row["epoch"], row[name]) for row in rows if name in row], strict=True)
            _draw(axis, Curve(label, Style.number(number), x, y), **dots)
        axis.set(title=metric, xlabel="epoch", ylabel=metric)
        if selected is not None and len(rows) > 1:
            axis.axvline(selected, color=GREY, linewidth=0.8, linestyle=":", label=f"selected: {selected}")
        axis.legend()
    return figure


def metric_curves(curves: Sequence[Curve], measure: MetricAxis, title: str, xlabel: str, **line: Any) -> Figure:
    """Curves of one metric, each with its name at the end and a band of ± one standard deviation.

    Args:
        line: properties of all curves, such as ``drawstyle``.
    """
    height = max(3.4, 0.18 * len(curves) + 0.9)
    figure = new_figure(6.4, height)
    axis = figure.subplots()
    for number, curve in reversed(list(enumerate(curves))):  # draw the first on top
        _draw(axis, curve, number, **line)
    axis.set(title=title, xlabel=xlabel, ylabel=measure.label, ylim=_limits(curves, measure))
    axis.set_xlim(*padded([1.0, *(curve.x[-1] for curve in curves)]))
    _name_ends(axis, curves, gap=0.18 / (height - 0.8))
    return figure


def metric_against_cost(points: Sequence[Curve], measure: MetricAxis, cost: str) -> Figure:
    """A marker per configuration, best first, with a bar of ± one standard deviation; only the best are labelled."""
    figure = new_figure(6.4, 3.4)
    axis = figure.subplots()
    low, high = _limits(points, measure)
    for number, point in reversed(list(enumerate(points))):  # draw the best on top
        [x], [value], [sd] = point.x, point.y, np.nan_to_num(point.spread)
        ends = np.clip([value - sd, value, value + sd], low, high)
        style: dict[str, Any] = {"color": point.style.colour, "marker": point.style.marker, "clip_on": False}
        [drawn] = axis.plot([x] * 3, ends, linewidth=1.2, markevery=[1], markersize=6, mec="white", mew=0.6, **style)
        mark(drawn, "point", number, f"{point.name}: {value:.4f}")
    axis.set(title=f"{measure.name} against {cost}", xlabel=cost, ylabel=measure.label, ylim=(low, high))
    axis.xaxis.set_major_formatter(PLAIN_NUMBERS)
    costs = [point.x[0] for point in points]
    if suits_log(costs):
        axis.set_xscale("log")
        set_log_ticks(axis.xaxis, min(costs), max(costs))
    axis.margins(x=0.08)
    axis.grid(True)
    places = np.array([(point.x[0], np.clip(point.y[0], low, high)) for point in points])
    place_titles(axis, places, [_titled(point, low, high) for point in points[:LABELLED]], fontsize=8)
    return figure


def _titled(point: Curve, low: float, high: float) -> str:
    value = point.y[0]
    off_scale = "" if low <= value <= high else f" {value:.3g} {'↑' if value > high else '↓'}"
    return shortened(point.name, 34) + off_scale


def _limits(curves: Sequence[Curve], measure: MetricAxis) -> tuple[float, float]:
    """Limits of the y axis: over all values that are legible together, with their spread."""
    values = np.concatenate([curve.y for curve in curves])
    spreads = np.concatenate([curve.spread if len(curve.spread) else np.zeros(len(curve.y)) for curve in curves])
    shown = np.isin(values, measure.legible(values.tolist()))
    ends = np.stack([values, values - spreads, values + spreads])[:, shown]
    return padded(ends[np.isfinite(ends)].tolist())


def _draw(axis: Axes, curve: Curve, number: int = 0, **line: Any) -> None:
    colour = curve.style.colour
    spread = np.array(curve.spread)
    if np.isfinite(spread).any():
        band = axis.fill_between(curve.x, curve.y - spread, curve.y + spread, color=colour, alpha=0.15, linewidth=0)
        mark(band, "band", number)
    ends = {"marker": curve.style.marker, "markersize": 4, "markevery": [-1]}
    style: dict[str, Any] = {**ends, "linewidth": 1.4, "linestyle": curve.style.dash, **line}
    [drawn] = axis.plot(curve.x, curve.y, color=colour, **style)
    mark(drawn, "curve", number, curve.name)
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.grid(True)


def _name_ends(axis: Axes, curves: Sequence[Curve], gap: float) -> None:
    """Write each curve's name right of the axes and join it to the curve's end; ``gap`` is a fraction of axes height."""
    inside = axis.transLimits.transform([(curve.x[-1], curve.y[-1]) for curve in curves]).clip(0, 1)
    places = apart(inside[:, 1].tolist(), gap, 0.0, 1 - gap / 2)
    for number, (curve, (x, y), place) in enumerate(zip(curves, inside, places, strict=True)):
        loose: dict[str, Any] = {"transform": axis.transAxes, "clip_on": False}
        [leader] = axis.plot([x, 1.03], [y, place], color="#B4BCC6", linewidth=0.7, zorder=0, **loose)
        [key] = axis.plot(1.05, place, curve.style.marker, color=curve.style.colour, markersize=5, **loose)
        name = axis.text(1.08, place, shortened(curve.name, 28), va="center", transform=axis.transAxes)
        for artist, kind in ((leader, "leader"), (key, "key"), (name, "legend")):
            mark(artist, kind, number, curve.name)


def _panels(rows: Sequence[dict[str, Any]]) -> dict[str, dict[str, str]]:
    """The lines of each panel: label → column name in the rows."""
    panels: dict[str, dict[str, str]] = {}
    lengths: dict[str, int | None] = {}
    for name in dict.fromkeys(name for row in rows for name in row):
        measure = Measure.parse(name)
        if measure is None or not measure.metric.drawn:
            continue
        lengths.setdefault(measure.metric.name, measure.k)
        if measure.k == lengths[measure.metric.name]:  # use the first of several list lengths, which is monitored
            part = "training" if measure.part == "train" else "validation"
            panels.setdefault(measure.label, {})[", ".join(filter(None, [part, measure.protocol]))] = name
    return panels
