"""Figures of biases (reference C5): item biases against mean ratings, and the user biases."""

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
    """Scatter plot of item biases against mean ratings; items in ``marked`` are highlighted and titled.

    Args:
        means, biases: float64 [n]. marked: by legend label, positions in [n], most important first.
        titles: [n]. mean_name: axis label of the means.
    """
    layers = [Layer(f"{len(means):,} most rated items", range(len(means)), "#C8C8C8", 6)]
    for (label, places), colour, marker in zip(marked.items(), _COLOURS, "oo^v", strict=False):
        layers.append(Layer(label, places, colour, marker=marker))
    in_turn = zip_longest(*marked.values())  # round-robin: the first of each list, then the second of each
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
