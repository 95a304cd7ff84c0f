"""Figures of principal components (references A3, B4, C5, D4): scree, scatter, items at either end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from hydrarec.figures.labels import bare, place_titles, shortened
from hydrarec.figures.style import (
    GREY,
    MARKERS,
    PALE,
    PALETTE,
    Floats,
    label_rows,
    legend_below,
    new_figure,
    new_panels,
)

OTHER = "other"


@dataclass(frozen=True)
class Layer:
    """Items drawn in one style, as positions in the list of all items."""

    label: str
    places: Sequence[int]
    colour: str
    size: float = 26
    marker: str = "o"


def item_map(
    points: Floats, titles: Sequence[str], layers: Sequence[Layer], titled: Sequence[int], **names: str
) -> Figure:
    """Scatter plot of items, float64 [n, 2], in layers from background to front; those in ``titled`` get a title.

    Args:
        titled: positions, most important first. names: axis labels.
    """
    figure = new_figure(11.0, 8.5)
    axis = figure.subplots()
    axis.axhline(0, color=PALE, linewidth=0.8, zorder=0)
    for layer in layers:
        if len(layer.places):
            depth = {"linewidths": 0, "zorder": 0.5} if layer.size < 10 else {"zorder": 2}
            style: dict[str, Any] = {"s": layer.size, "color": layer.colour, "marker": layer.marker, **depth}
            axis.scatter(*points[list(layer.places)].T, label=layer.label, **style)
    axis.set(**names)
    axis.margins(0.06)
    legend_below(figure, columns=5)
    place_titles(axis, points[titled], [shortened(bare(titles[p]), 36) for p in titled], fontsize=7.5, zorder=3)
    return figure


def scree(observed: Floats, null: Floats | None, kept: int) -> Figure:
    """Scree plot: the share of variance of each component, and that of shuffled data.

    Args:
        observed: variance, largest first, float64 [n]. null: the same of shuffled data, or None.
        kept: number of leading components above their null.
    """
    total = observed.sum() or 1.0
    numbers = np.arange(1, len(observed) + 1)
    figure = new_figure(6.0, 3.4)
    axis = figure.subplots()
    colours = [PALETTE[0] if number <= kept else GREY for number in numbers]
    axis.bar(numbers, 100 * observed / total, color=colours, width=0.8)
    if null is not None:
        axis.plot(numbers, 100 * null / total, ".-", color=PALETTE[1], markersize=3.5, label="shuffled embeddings")
        above = f"above it: {kept} component{'s' * (kept != 1)}"
        axis.legend(
            handles=[*axis.get_lines(), Patch(color=PALETTE[0], label=above), Patch(color=GREY, label="others")]
        )
    axis.set(title="Variance along each component", xlabel="component", ylabel="share of the variance (%)")
    axis.set_xlim(0.3, len(observed) + 0.7)
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    return figure


def scatter(
    scores: Floats, titles: Sequence[str], groups: Sequence[str] | None, titled: int, names: tuple[str, str]
) -> Figure:
    """Scatter plot of items on two components; the first ``titled`` in colour with title, the others in grey.

    Args:
        scores: float64 [n, 2], most rated first. titles: [n]. groups: colour group of each item, [n], ``other`` in
            grey; None for one colour. names: axis labels.
    """
    shown = range(min(titled, len(scores)))
    layers = [Layer("less rated items", range(len(shown), len(scores)), "#D0D0D0", 5)]
    if groups is None:
        layers.append(Layer(f"the {len(shown)} most rated items", shown, PALETTE[0]))
    else:
        members = {name: [place for place in shown if groups[place] == name] for name in sorted({*groups[:titled]})}
        others = members.pop(OTHER, [])
        for (name, places), colour, marker in zip(members.items(), PALETTE, MARKERS, strict=False):
            layers.append(Layer(name, places, colour, marker=marker))
        layers.append(Layer(OTHER, others, GREY, 16))
    title = "The most rated items on the first two components"
    return item_map(scores, titles, layers, shown, title=title, xlabel=names[0], ylabel=names[1])


def ends(
    values: Sequence[tuple[Floats, Floats]], titles: Sequence[tuple[Sequence[str], Sequence[str]]], names: Sequence[str]
) -> Figure:
    """A panel per component with its lowest and highest items by title, at their values.

    Args:
        values: per component, values of the lowest items, lowest first, and of the highest, highest first.
        titles: titles of these items. names: component names.
    """
    height = max(len(low) + len(high) for low, high in values)
    figure, axes = new_panels(len(values), 4.6, 0.19 * height + 0.9)
    for axis, (low, high), (low_titles, high_titles), name in zip(axes, values, titles, names, strict=True):
        rows = label_rows(axis, [shortened(title, 38) for title in [*high_titles, *low_titles[::-1]]], fontsize=7.5)
        axis.axvline(0, color=PALE, linewidth=0.8, zorder=0)
        axis.axhline(len(low) - 0.5, color=PALE, linewidth=0.8, zorder=0)
        axis.scatter(low[::-1], rows[len(high) :], color=PALETTE[1], s=18)
        axis.scatter(high, rows[: len(high)], color=PALETTE[0], s=18)
        axis.set(title=f"{name}: lowest and highest items", xlabel=f"value on {name}")
        axis.grid(True, axis="y")
    return figure
