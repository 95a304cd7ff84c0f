"""Biases (reference C5): of items against their mean rating, and of users."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import zip_longest

import numpy as np
from matplotlib.figure import Figure

from hydrarec.figures.component_plots import Layer, item_map
from hydrarec.figures.style import GREY, PALETTE, Floats, new_figure

_COLOURS = ("#000000", PALETTE[3], PALETTE[0], PALETTE[1])


def against_means(
    means: Floats, biases: Floats, marked: Mapping[str, Sequence[int]], titles: Sequence[str], mean_name: str
) -> Figure:
    """A dot per item; those of each list in ``marked`` stand out, with title.

    Args:
        means, biases: float64 [n]. marked: what is said of a list, and its places in them, most important first.
        titles: [n]. mean_name: of the axis.
    """
    layers = [Layer(f"{len(means):,} most rated items", range(len(means)), "#C8C8C8", 6)]
    for (label, places), colour, marker in zip(marked.items(), _COLOURS, "oo^v", strict=False):
        layers.append(Layer(label, places, colour, marker=marker))
    in_turn = zip_longest(*marked.values())  # the first of each list before the second of any
    titled = list(dict.fromkeys(place for turn in in_turn for place in turn if place is not None))
    names = {"title": "Learned item bias against mean rating", "xlabel": mean_name, "ylabel": "item bias (raw score)"}
    return item_map(np.column_stack([means, biases]), titles, layers, titled, **names)


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
