"""Principal components of embeddings (references A3, B4, C5, D4): scree, scatter, items at either end."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from hydrarec.figures.labels import bare, place_titles, shortened
from hydrarec.figures.style import GREY, PALETTE, new_figure

Floats = NDArray[np.float64]
OTHER = "other"
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")  # beside the colours, for print in grey


def scree(observed: Floats, null: Floats | None, kept: int) -> Figure:
    """Share of the variance along each component beside what shuffled data reach.

    Args:
        observed: variance, largest first, float64 [n]. null: the same of shuffled data, or None.
        kept: leading components above their null.
    """
    total = observed.sum() or 1.0
    numbers = np.arange(1, len(observed) + 1)
    figure = new_figure(6.0, 3.4)
    axis = figure.subplots()
    colours = [PALETTE[0] if number <= kept else GREY for number in numbers]
    axis.bar(numbers, 100 * observed / total, color=colours, width=0.8)
    if null is not None:
        style = {"color": PALETTE[5], "marker": ".", "markersize": 3.5, "linewidth": 1.0}
        axis.plot(numbers, 100 * null / total, label="shuffled embeddings", **style)  # type: ignore[arg-type]
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
    """Items on two components; the first ``titled`` with title and colour, the others as a grey background.

    Args:
        scores: float64 [n, 2], most rated first. titles: [n]. groups: what colours an item, [n], ``other`` in grey; None
            for one colour. names: of the axes.
    """
    figure = new_figure(11.0, 8.5)
    axis = figure.subplots()
    axis.axhline(0, color="#E0E0E0", linewidth=0.8, zorder=0)
    axis.axvline(0, color="#E0E0E0", linewidth=0.8, zorder=0)
    background = scores[titled:]
    if len(background):
        axis.scatter(
            background[:, 0], background[:, 1], s=5, color="#D0D0D0", linewidths=0, zorder=0.5, label="less rated items"
        )
    shown = scores[:titled]
    if groups is None:
        axis.scatter(
            shown[:, 0], shown[:, 1], s=24, color=PALETTE[0], zorder=2, label=f"the {len(shown)} most rated items"
        )
    else:
        _grouped(axis, shown, groups[:titled])
    axis.set(title="The most rated items on the first two components", xlabel=names[0], ylabel=names[1])
    axis.margins(0.06)
    if axis.get_legend_handles_labels()[0]:
        figure.legend(*axis.get_legend_handles_labels(), loc="outside lower center", ncols=9)
    place_titles(axis, shown, [shortened(bare(title), 36) for title in titles[:titled]], fontsize=7.5, zorder=3)
    return figure


def _grouped(axis: Axes, points: Floats, groups: Sequence[str]) -> None:
    """One colour and marker per group, in order of their names; ``other`` last."""
    of_point = np.array(groups)
    named = sorted(set(groups) - {OTHER})
    for name, colour, marker in zip(named, colours_of(named), MARKERS, strict=False):
        axis.scatter(
            points[of_point == name, 0],
            points[of_point == name, 1],
            s=28,
            color=colour,
            marker=marker,
            zorder=2,
            label=name,
        )
    if OTHER in groups:
        axis.scatter(
            points[of_point == OTHER, 0], points[of_point == OTHER, 1], s=16, color=GREY, zorder=2, label=OTHER
        )


def colours_of(names: Sequence[str]) -> list[str]:
    """A colour per name, as many as can be told apart; yellow, hard to see on white, is not among them."""
    return [colour for colour in PALETTE if colour != "#F0E442"][: len(names)]


def ends(
    values: Sequence[tuple[Floats, Floats]], titles: Sequence[tuple[Sequence[str], Sequence[str]]], names: Sequence[str]
) -> Figure:
    """A panel per component: its lowest and highest items by title, at their values.

    Args:
        values: per component those of the lowest items, lowest first, and of the highest, highest first.
        titles: of the same items. names: of the components.
    """
    columns = min(3, len(values))
    lines = -(-len(values) // columns)
    height = max(len(low) + len(high) for low, high in values)
    figure = new_figure(4.6 * columns, lines * (0.19 * height + 0.9))
    axes = figure.subplots(lines, columns, squeeze=False).ravel()
    for axis, (low, high), (low_titles, high_titles), name in zip(axes, values, titles, names, strict=False):
        rows = np.arange(len(low) + len(high))
        axis.axvline(0, color="#E0E0E0", linewidth=0.8, zorder=0)
        axis.axhline(len(low) - 0.5, color="#E0E0E0", linewidth=0.8, zorder=0)
        axis.scatter(low, rows[: len(low)], color=PALETTE[5], s=18)
        axis.scatter(high[::-1], rows[len(low) :], color=PALETTE[0], s=18)
        labels = [*low_titles, *list(high_titles)[::-1]]
        axis.set_yticks(rows, [shortened(title, 38) for title in labels], fontsize=7.5)
        axis.set(title=f"{name}: lowest and highest items", xlabel=f"value on {name}")
        axis.set_ylim(-0.7, len(rows) - 0.3)
        axis.grid(True, axis="y")
    for axis in axes[len(values) :]:
        axis.remove()
    return figure
