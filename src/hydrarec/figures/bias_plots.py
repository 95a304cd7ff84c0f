"""Biases (reference C5): of items against their mean rating, and of users."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import zip_longest

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from hydrarec.figures.labels import bare, place_titles, shortened
from hydrarec.figures.style import GREY, PALETTE, new_figure

Floats = NDArray[np.float64]
_COLOURS = ("#000000", PALETTE[3], PALETTE[0], PALETTE[5])


def against_means(
    means: Floats, biases: Floats, marked: Mapping[str, Sequence[int]], titles: Sequence[str], mean_name: str
) -> Figure:
    """A dot per item; those of each list in ``marked`` stand out, with title.

    Args:
        means, biases: float64 [n]. marked: what is said of a list, and its places in them, most important first.
        titles: [n]. mean_name: of the axis.
    """
    figure = new_figure(11.0, 8.0)
    axis = figure.subplots()
    points = np.column_stack([means, biases])
    axis.scatter(
        points[:, 0],
        points[:, 1],
        s=6,
        color="#C8C8C8",
        linewidths=0,
        zorder=0.5,
        label=f"{len(points):,} most rated items",
    )
    for (label, places), colour, marker in zip(marked.items(), _COLOURS, "oo^v", strict=False):
        if len(places):
            axis.scatter(
                points[list(places), 0],
                points[list(places), 1],
                s=26,
                color=colour,
                marker=marker,
                zorder=2,
                label=label,
            )
    axis.axhline(0, color="#E0E0E0", linewidth=0.8, zorder=0)
    axis.set(title="Learnt item bias against mean rating", xlabel=mean_name, ylabel="item bias (raw score)")
    axis.margins(0.05)
    figure.legend(*axis.get_legend_handles_labels(), loc="outside lower center", ncols=5)
    in_turn = zip_longest(*marked.values())  # the first of each list before the second of any
    titled = list(dict.fromkeys(place for turn in in_turn for place in turn if place is not None))
    names = [shortened(bare(titles[place]), 36) for place in titled]
    place_titles(axis, points[titled], names, fontsize=7.5, zorder=3)
    return figure


def users(biases: Floats) -> Figure:
    """The distribution of user biases, float64 [n], with their median and middle half."""
    low, median, high = np.quantile(biases, [0.25, 0.5, 0.75])
    figure = new_figure(5.4, 3.2)
    axis = figure.subplots()
    axis.hist(biases, bins=min(60, max(10, len(biases) // 15)), color=PALETTE[0])
    axis.axvspan(low, high, color=GREY, alpha=0.25, zorder=0, label=f"middle half: {low:.3g} to {high:.3g}")
    axis.axvline(median, color="black", linewidth=1.0, linestyle="--", label=f"median: {median:.3g}")
    axis.set(title=f"Biases of {len(biases):,} users", xlabel="user bias (raw score)", ylabel="users")
    axis.legend()
    return figure
