"""Figures of raw embeddings: a heat map of some items (reference B4), and the distribution of all values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from hydrarec.figures.labels import shortened
from hydrarec.figures.style import DASHES, DIVERGING, PALETTE, Floats, new_figure

_BINS = 80
_BEYOND = 0.001


def heat_map(vectors: Floats, titles: Sequence[str]) -> Figure:
    """A heat map with a row per item and a column per dimension; colours are centred on zero.

    Args:
        vectors: float64 [m, D]. titles: [m].
    """
    rows, width = vectors.shape
    figure = new_figure(min(14.0, 4.0 + 0.12 * width), 1.2 + 0.2 * rows)
    axis = figure.subplots()
    limit = float(np.abs(vectors).max()) or 1.0
    image = axis.imshow(vectors, cmap=DIVERGING, vmin=-limit, vmax=limit, aspect="auto", interpolation="nearest")
    image.set_extent((0.5, width + 0.5, rows - 0.5, -0.5))
    axis.set_yticks(range(rows), [shortened(title, 40) for title in titles], fontsize=7.5)
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.set(title="Item embeddings", xlabel="dimension")
    axis.tick_params(axis="y", length=0)
    axis.spines[:].set_visible(False)
    figure.colorbar(image, ax=axis, label="value", pad=0.015, fraction=0.04, aspect=30)
    return figure


def distributions(vectors: Mapping[str, Floats]) -> Figure:
    """Histograms of all values and of the vector norms, a line per side (``items``, ``users``): float64 [n, D].

    The outermost thousandth at either end is outside the axes, because a few outliers would compress the rest.
    """
    figure = new_figure(8.4, 3.2)
    values, lengths = figure.subplots(1, 2)
    _histogram(values, {name: matrix.ravel() for name, matrix in vectors.items()})
    values.set(title="Values of the embeddings", xlabel="value", ylabel="density")
    _histogram(lengths, {name: np.linalg.norm(matrix, axis=1) for name, matrix in vectors.items()})
    lengths.set(title="Lengths of the embeddings", xlabel="Euclidean length", ylabel="density")
    values.legend()
    return figure


def _histogram(axis: Axes, samples: Mapping[str, Floats]) -> None:
    low = min(float(np.quantile(sample, _BEYOND)) for sample in samples.values())
    high = max(float(np.quantile(sample, 1 - _BEYOND)) for sample in samples.values())
    if low == high:
        low, high = low - 0.5, high + 0.5
    edges = np.linspace(low, high, _BINS + 1)
    for (name, sample), colour, line in zip(samples.items(), PALETTE, DASHES, strict=False):
        counts, _ = np.histogram(sample, edges)
        density = counts / (len(sample) * (edges[1] - edges[0]))
        axis.stairs(density, edges, label=name, color=colour, linestyle=line, linewidth=1.3)
    axis.set_ylim(bottom=0)
    axis.grid(True)
