"""How every figure looks, and how it is saved: PNG to look at, PDF for papers.

Figures are made without pyplot, whose global state would keep each of them alive in a long process.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path

from cycler import cycler
from matplotlib import style
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from hydrarec.core.files import atomic_write

# Okabe & Ito (2008): told apart with any kind of colour vision.
PALETTE = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#000000")
FORMATS = ("png", "pdf")
GREY = "#8C8C8C"  # of what is only background: grids, nulls, other points
SEQUENTIAL, DIVERGING = "cividis", "RdBu_r"  # colour maps for amounts, and for values around zero

_STYLE = {
    "font.size": 9,
    "text.parse_math": False,  # a title may hold dollars
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.prop_cycle": cycler(color=PALETTE),
    "legend.frameon": False,
    "grid.color": "#E0E0E0",
    "grid.linewidth": 0.6,
    "pdf.fonttype": 42,  # text stays text
    "figure.constrained_layout.use": True,
    "figure.dpi": 150,  # also while it is made: what fits between two texts must fit in the file
    "savefig.dpi": "figure",
}


def new_figure(width: float, height: float) -> Figure:
    """An empty figure of ``width`` × ``height`` inches in the house's style; add axes with ``figure.subplots``."""
    style.use(_STYLE)
    # A title in a script that no font at hand can draw appears as boxes; the tables have it as it is.
    warnings.filterwarnings("ignore", message="Glyph .* missing from")
    figure = Figure(figsize=(width, height))
    FigureCanvasAgg(figure)
    return figure


def save(figure: Figure, path: Path, formats: Sequence[str] = FORMATS) -> list[Path]:
    """Write ``path``.png and ``path``.pdf, each whole or not at all, the same bytes for the same figure; their paths."""
    path.parent.mkdir(parents=True, exist_ok=True)
    written = [path.with_name(f"{path.name}.{kind}") for kind in formats]
    for kind, file in zip(formats, written, strict=True):
        metadata = {"CreationDate": None} if kind == "pdf" else {"Software": None}
        with atomic_write(file) as stream:
            figure.savefig(stream, format=kind, metadata=metadata)
    return written
