"""The style of all figures, and saving them: PNG for viewing, PDF for papers.

Figures are made without pyplot, whose global state would keep all of them alive in a long process.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from cycler import cycler
from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from hydrarec.core.files import atomic_write

Floats = NDArray[np.float64]

# Okabe & Ito (2008): safe for colour blindness. Brown replaces their yellow, which is faint on white.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#8A6D3B", "#000000")
DASHES = ("-", "--", ":", "-.")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
FORMATS = ("png", "pdf")
GREY = "#8C8C8C"  # background: nulls, other points
PALE = "#E0E0E0"  # fainter background: grids, zero lines
SEQUENTIAL, DIVERGING = "cividis", "RdBu_r"  # colour maps for amounts, and for values around zero

_STYLE = {
    "font.size": 9,
    "text.parse_math": False,  # titles may contain dollar signs
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.prop_cycle": cycler(color=PALETTE),
    "axes.formatter.useoffset": False,
    "legend.frameon": False,
    "grid.color": PALE,
    "grid.linewidth": 0.6,
    "pdf.fonttype": 42,  # text stays text
    "svg.fonttype": "none",
    "figure.constrained_layout.use": True,
    "figure.dpi": 150,  # also while drawing: label placement must match the saved file
    "savefig.dpi": "figure",
}


@dataclass(frozen=True)
class Style:
    """Colour, dashes and marker that identify one curve or point."""

    colour: str
    dash: str = "-"
    marker: str = "o"

    @classmethod
    def number(cls, index: int) -> Style:
        """The style of curve ``index``; neighbours differ in all three, also in greyscale."""
        turn = index // len(PALETTE)
        dash = DASHES[turn % len(DASHES)] if turn else DASHES[index % 2]
        return cls(PALETTE[index % len(PALETTE)], dash, MARKERS[index % 4])


def new_figure(width: float, height: float) -> Figure:
    """An empty figure of ``width`` × ``height`` inches; add axes with ``figure.subplots``."""
    style.use(_STYLE)
    # Titles in scripts without an installed font appear as boxes; the tables show them as text.
    warnings.filterwarnings("ignore", message="Glyph .* missing from")
    figure = Figure(figsize=(width, height))
    FigureCanvasAgg(figure)
    return figure


def new_panels(
    number: int, width: float, height: float, *, columns: int = 3, **kwargs: Any
) -> tuple[Figure, list[Axes]]:
    """A figure of ``number`` axes, each ``width`` × ``height`` inches, in rows of ``columns``."""
    columns = min(columns, number)
    rows = -(-number // columns)
    figure = new_figure(width * columns, height * rows)
    axes = figure.subplots(rows, columns, squeeze=False, **kwargs).ravel()
    for axis in axes[number:]:
        axis.remove()
    return figure, list(axes[:number])


def label_rows(axis: Axes, names: Sequence[str], **kwargs: Any) -> NDArray[np.int64]:
    """Give the y axis a row per name, the first on top; return the rows' y positions."""
    rows = np.arange(len(names))[::-1]
    axis.set_yticks(rows, names, **kwargs)
    axis.set_ylim(-0.6, len(names) - 0.4)
    return rows


def legend_below(figure: Figure, columns: int) -> None:
    """Put the legend of the figure's first axes below all axes."""
    handles, labels = figure.axes[0].get_legend_handles_labels()
    if handles:
        figure.legend(handles, labels, loc="outside lower center", ncols=columns)


def save(figure: Figure, path: Path, formats: Sequence[str] = FORMATS) -> list[Path]:
    """Write ``path``.png and ``path``.pdf atomically, byte-identical for identical figures; return their paths."""
    path.parent.mkdir(parents=True, exist_ok=True)
    written = [path.with_name(f"{path.name}.{kind}") for kind in formats]
    for kind, file in zip(formats, written, strict=True):
        metadata = {"CreationDate": None} if kind == "pdf" else {"Software": None}
        with atomic_write(file) as stream:
            figure.savefig(stream, format=kind, metadata=metadata)
    return written
