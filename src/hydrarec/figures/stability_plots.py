"""Components over several seeds: which are found again."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from hydrarec.analysis.stability import Stability
from hydrarec.figures.style import GREY, PALETTE, new_figure


def stability(found: Stability, names: Sequence[str], least: float) -> Figure:
    """A row per component: r² with its counterparts and R² within their subspace, beside chance, and the verdict.

    Args:
        names: of the components, [K]. least: share from which a component is a finding.
    """
    rows = np.arange(len(names))[::-1]
    figure = new_figure(8.2, 1.5 + 0.42 * len(names))
    axis = figure.subplots()
    for values, colour, height in (
        (found.axis_by_run, PALETTE[0], 0.12),
        (found.subspace_by_run, PALETTE[1], -0.12),
    ):
        axis.scatter(values, np.tile(rows + height, (len(values), 1)), s=9, color=colour, alpha=0.5, linewidths=0)
    marks = {"s": 46, "zorder": 3}
    axis.scatter(found.axis, rows + 0.12, color=PALETTE[0], label="as an axis: r²", **marks)  # type: ignore[arg-type]
    axis.scatter(
        found.subspace,
        rows - 0.12,
        color=PALETTE[1],
        marker="D",
        label="within the subspace: R²",
        **marks,  # type: ignore[arg-type]
    )
    for nulls, height in ((found.axis_null, 0.12), (found.subspace_null, -0.12)):
        axis.scatter(nulls, rows + height, color=GREY, marker="|", s=60)
    axis.scatter([], [], color=GREY, marker="|", s=60, label="reached by chance")
    axis.scatter([], [], s=9, color=GREY, label="each other run")
    axis.axvline(least, color=GREY, linestyle="--", linewidth=1.0, label=f"asked of a finding: {least:g}")
    axis.set_yticks(rows, names)
    axis.set(title="Are the components found again?", xlabel="share of the component found in the other runs")
    axis.set_xlim(-0.03, 1.03)
    axis.set_ylim(-0.6, len(names) - 0.4)
    axis.grid(True, axis="x")
    for row, verdict in zip(rows, found.verdicts, strict=True):
        axis.text(1.05, row, verdict, va="center", transform=axis.get_yaxis_transform())
    figure.legend(*axis.get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure
