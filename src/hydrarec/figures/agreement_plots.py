"""Figures on the agreement of embeddings: between two models, and between one model's seeds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from hydrarec.analysis.stability import Stability
from hydrarec.figures.style import GREY, PALETTE, Floats, label_rows, legend_below, new_figure


def comparison(
    names: Sequence[str], values: Sequence[float], chance: Sequence[float], shared: Floats, expected: float, k: int
) -> Figure:
    """Similarity of two models' embeddings by each measure, and shared neighbours per item, both against chance.

    Args:
        names, values, chance: of the measures, from 0 (unrelated) to 1 (identical). shared: share of each item's ``k``
            neighbours that both models have, float64 [n]. expected: the same share by chance.
    """
    figure = new_figure(9.6, 3.4)
    measures, items = figure.subplots(1, 2, width_ratios=(1.15, 1))
    rows = label_rows(measures, names)
    measures.hlines(rows, chance, values, color=GREY, linewidth=1.0)
    measures.scatter(values, rows, color=PALETTE[0], s=46, zorder=3, label="the two models")
    measures.scatter(chance, rows, color=GREY, marker="|", s=90, zorder=2, label="by chance")
    measures.set(title="How alike the embeddings are", xlabel="0: nothing in common, 1: the same", xlim=(-0.05, 1.05))
    measures.grid(True, axis="x")
    measures.legend(loc="lower right" if max(values, default=0) < 0.6 else "best")
    known = shared[~np.isnan(shared)]
    percent = np.full(len(known), 100 / max(1, len(known)))
    items.hist(known, bins=(np.arange(k + 2) - 0.5) / k, color=PALETTE[0], weights=percent)
    items.axvline(float(known.mean()) if len(known) else np.nan, color="black", linestyle="--", label="mean")
    items.axvline(expected, color=PALETTE[1], linestyle=":", linewidth=1.6, label="expected by chance")
    items.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    items.yaxis.set_major_formatter(PercentFormatter(decimals=0))
    items.set(title="Neighbours that an item keeps", xlabel=f"common among {k} neighbours", ylabel="share of the items")
    items.legend()
    return figure


def stability(result: Stability, names: Sequence[str], least: float) -> Figure:
    """A row per component: r² with its counterparts, R² in their subspace, the chance levels, and the verdict.

    Args:
        names: component names, [K]. least: minimum share of variance for a finding.
    """
    figure = new_figure(8.2, 1.5 + 0.42 * len(names))
    axis = figure.subplots()
    rows = label_rows(axis, names)
    kinds = (
        (result.axis, result.axis_by_run, result.axis_null, 0.12, "o", "as an axis: r²"),
        (result.subspace, result.subspace_by_run, result.subspace_null, -0.12, "D", "within the subspace: R²"),
    )
    for colour, (means, by_run, nulls, shift, marker, label) in zip(PALETTE, kinds, strict=False):
        heights = rows + shift
        axis.scatter(by_run, np.tile(heights, (len(by_run), 1)), s=9, color=colour, alpha=0.5, linewidths=0)
        axis.scatter(means, heights, s=46, color=colour, marker=marker, zorder=3, label=label)
        axis.scatter(nulls, heights, color=GREY, marker="|", s=60)
    axis.scatter([], [], color=GREY, marker="|", s=60, label="reached by chance")
    axis.scatter([], [], s=9, color=GREY, label="each other run")
    axis.axvline(least, color=GREY, linestyle="--", linewidth=1.0, label=f"required of a finding: {least:g}")
    axis.set(title="Are the components found again?", xlabel="share of the component found in the other runs")
    axis.set_xlim(-0.03, 1.03)
    axis.grid(True, axis="x")
    for row, verdict in zip(rows, result.verdicts, strict=True):
        axis.text(1.05, row, verdict, va="center", transform=axis.get_yaxis_transform())
    legend_below(figure, columns=3)
    return figure
