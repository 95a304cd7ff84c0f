"""Two models' embeddings against each other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from numpy.typing import NDArray

from hydrarec.figures.style import GREY, PALETTE, new_figure

Floats = NDArray[np.float64]


def comparison(
    names: Sequence[str], values: Sequence[float], chance: Sequence[float], shared: Floats, expected: float, k: int
) -> Figure:
    """How alike the embeddings are by each measure, and how many neighbours each item keeps; both beside chance.

    Args:
        names, values, chance: of the measures, from 0 (nothing in common) to 1 (the same). shared: share of common
            neighbours of each item, of ``k``, float64 [n]. expected: the same by chance.
    """
    figure = new_figure(9.6, 3.4)
    measures, items = figure.subplots(1, 2, width_ratios=(1.15, 1))
    rows = np.arange(len(names))[::-1]
    measures.hlines(rows, chance, values, color=GREY, linewidth=1.0)
    measures.scatter(values, rows, color=PALETTE[0], s=46, zorder=3, label="the two models")
    measures.scatter(chance, rows, color=GREY, marker="|", s=90, zorder=2, label="by chance")
    measures.set_yticks(rows, names)
    measures.set(title="How alike the embeddings are", xlabel="0: nothing in common, 1: the same")
    measures.set_xlim(-0.05, 1.05)
    measures.set_ylim(-0.6, len(names) - 0.4)
    measures.grid(True, axis="x")
    there = shared[~np.isnan(shared)]
    items.hist(
        there,
        bins=(np.arange(k + 2) - 0.5) / k,
        color=PALETTE[0],
        weights=np.full(len(there), 100 / max(1, len(there))),
    )
    items.axvline(float(there.mean()) if len(there) else np.nan, color="black", linestyle="--", label="mean")
    items.axvline(expected, color=PALETTE[5], linestyle=":", linewidth=1.6, label="expected by chance")
    items.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    items.yaxis.set_major_formatter(PercentFormatter(decimals=0))
    items.set(title="Neighbours that an item keeps", xlabel=f"common among {k} neighbours", ylabel="share of the items")
    items.legend()
    handles, labels = measures.get_legend_handles_labels()
    measures.legend(handles, labels, loc="lower right" if max(values, default=0) < 0.6 else "best")
    return figure
