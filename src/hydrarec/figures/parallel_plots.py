"""Parallel coordinates: an axis per setting, a line per configuration, coloured by rank."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from hydrarec.figures.browser_svg import mark
from hydrarec.figures.labels import shortened
from hydrarec.figures.scales import MetricAxis, apart, log_locator, plain_number, suits_log
from hydrarec.figures.style import SEQUENTIAL, new_figure

Value = float | str
MOST_LABELS = 24


@dataclass(frozen=True)
class Scale:
    """The scale of an axis: heights of all values and of the labels, from 0 to 1."""

    name: str
    heights: Sequence[float]
    ticks: dict[str, float]


def parallel_coordinates(
    settings: Sequence[tuple[str, Sequence[Value]]], names: Sequence[str], scores: Sequence[float], measure: MetricAxis
) -> Figure:
    """Parallel coordinates of settings and the resulting score.

    Args:
        settings: name and values, one value per configuration, best first. names, scores: of the configurations.
    """
    score = _number_scale(measure.label, scores, measure.legible(scores), falling=measure.lower_is_better)
    scales = [*(_scale(name, values) for name, values in settings), score]
    figure = new_figure(max(6.4, 1.5 * len(scales) + 0.6), 3.4)
    axis = figure.subplots()
    count = len(names)
    colours = colormaps[SEQUENTIAL](np.linspace(0, 0.85, count))
    for rank in reversed(range(count)):  # draw the best on top
        line: dict[str, Any] = (
            {"linewidth": 1.1, "alpha": max(0.25, min(0.9, 40 / count))} if rank else {"linewidth": 2.2}
        )
        [strand] = axis.plot([scale.heights[rank] for scale in scales], color=colours[rank], **line)
        mark(strand, "strand", rank, f"{names[rank]}: {scores[rank]:.4f}")
    for place, scale in enumerate(scales):
        _draw(axis, place, scale)
    axis.set(title=f"Settings and {measure.name}", xlim=(-0.4, len(scales) - 0.3), ylim=(-0.04, 1.04))
    axis.set_xticks(range(len(scales)), [shortened(scale.name, 32) for scale in scales])
    axis.tick_params(length=0, labeltop=True, labelbottom=False)
    axis.set_yticks([])
    axis.spines[:].set_visible(False)
    return figure


def _draw(axis: Axes, place: int, scale: Scale) -> None:
    axis.vlines(place, 0, 1, color="#333333", linewidth=0.8)
    heights = list(scale.ticks.values())
    axis.plot([place] * len(heights), heights, "_", color="#333333", markersize=5)
    for label, height in zip(scale.ticks, apart(heights, 0.055, 0.0, 1.0), strict=True):
        axis.text(place + 0.05, height, shortened(label, 18), va="center", fontsize=8)


def _scale(name: str, values: Sequence[Value]) -> Scale:
    """Place numbers to scale and other values at equal distances."""
    numbers = [value for value in values if not isinstance(value, str)]
    if len(numbers) == len(values):
        return _number_scale(name, numbers, numbers, log=suits_log(numbers))
    options = sorted(set(values), key=lambda value: (isinstance(value, str), value))
    places = dict(zip(options, np.linspace(0, 1, len(options)).tolist(), strict=True))
    ticks = {str(option): place for option, place in list(places.items())[:MOST_LABELS]}
    return Scale(name, [places[value] for value in values], ticks)


def _number_scale(
    name: str, values: Sequence[float], span: Sequence[float], *, log: bool = False, falling: bool | None = None
) -> Scale:
    """A scale over ``span``, clipping values outside. ``falling``: whether the lowest is on top; None: a setting."""
    low, high = min(span), max(span)
    size = np.log if log else np.asarray

    def heights(numbers: Sequence[float]) -> list[float]:
        found: list[float] = np.interp(size(numbers), size([low, high]), [0.0, 1.0]).tolist()
        return [1 - height for height in found] if falling else found

    ticks = sorted(set(span))
    if len(ticks) > 6 or falling is not None:
        locator = log_locator(low, high) if log else MaxNLocator(6)
        ticks = [value for value in map(float, locator.tick_values(low, high)) if low <= value <= high]
    return Scale(name, heights(values), dict(zip(map(plain_number, ticks), heights(ticks), strict=True)))
