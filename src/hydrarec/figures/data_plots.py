"""Figures of a dataset: rating values, ratings per user and item, ratings over time, and a cross-tab."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib import colormaps, dates
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from hydrarec.analysis.activity import Activity, frequencies, log_binned
from hydrarec.analysis.description import Bars, Timeline, widely_spread
from hydrarec.figures.scales import PLAIN_NUMBERS, set_log_ticks
from hydrarec.figures.style import GREY, PALETTE, SEQUENTIAL, new_figure

LABELLED = 12  # most bars labelled with value and share
CELL = 0.42  # inches
DOMINANT = 0.9  # share of all ratings above which the highest bar may hide the others,
UNSEEN = 200  # if it is this many times as high as one of them


def rating_histogram(bars: Bars, title: str) -> Figure:
    """Bar chart of rating values, or histogram if there are too many values."""
    figure = new_figure(6, 3.6)
    axes = figure.subplots()
    if bars.are_values:
        _value_bars(axes, bars)
    else:
        axes.stairs(bars.counts, np.append(bars.low, bars.high[-1]), fill=True, color=PALETTE[0])
    axes.set(title=title, xlabel="rating", ylabel="ratings")
    if bars.logarithmic:
        axes.set(xscale="log", xlabel="rating (logarithmic)")
        set_log_ticks(axes.xaxis, float(bars.low[0]), float(bars.high[-1]))
    present = bars.counts[bars.counts > 0]
    if present.max() > UNSEEN * present.min() and present.max() > DOMINANT * present.sum():
        axes.set(yscale="log", ylabel="ratings (logarithmic)")
    axes.yaxis.set_major_formatter(PLAIN_NUMBERS)
    axes.grid(axis="y")
    return figure


def activity(counts: NDArray[np.int64], one: str, title: str) -> Figure:
    """The distribution of ratings per user (``one`` = ``user``) or item, on log–log axes.

    A dot per observed number of ratings, and means over logarithmic bins: in the tail, where most numbers occur once
    or never, only the means show the slope.
    """
    sizes, numbers = frequencies(counts)
    centres, means = log_binned(sizes, numbers)
    figure = new_figure(6, 3.8)
    axes = figure.subplots()
    axes.plot(sizes, numbers, ".", color=GREY, markersize=4, alpha=0.7, label="each number of ratings")
    axes.plot(centres, means, "-o", color=PALETTE[0], markersize=3.5, label="mean over a bin")
    axes.axvline(float(np.median(counts)), color=PALETTE[1], linestyle="--", linewidth=1, label="median")
    axes.set(xscale="log", yscale="log", xlabel=f"ratings per {one}", ylabel=f"{one}s with so many ratings")
    set_log_ticks(axes.xaxis, float(sizes[0]), float(sizes[-1]))
    axes.set_xlim(sizes[0] / 1.4, sizes[-1] * 1.4)
    low, high = float(min(means.min(), numbers.min())), float(numbers.max())
    set_log_ticks(axes.yaxis, low, high)
    axes.set_ylim(low / 2, high * 2)
    found = Activity.of(counts)
    axes.set_title(f"{title}\nmedian {found.median:,.6g}, mean {found.mean:,.1f}, Gini {found.gini:.2f}")
    axes.grid()
    axes.legend(loc="upper right")
    return figure


def ratings_over_time(timeline: Timeline, title: str) -> Figure:
    """Ratings per period, as a filled step line."""
    figure = new_figure(7.5, 3.2)
    axes = figure.subplots()
    edges = np.append(timeline.starts, timeline.starts[-1:] + 1)
    axes.stairs(timeline.counts, dates.date2num(edges), fill=True, color=PALETTE[0])
    locator = dates.AutoDateLocator(minticks=4, maxticks=9)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(dates.ConciseDateFormatter(locator))
    axes.set(title=title, xlabel="time (UTC)", ylabel=f"ratings per {timeline.unit}")
    axes.margins(x=0.01)
    axes.grid(axis="y")
    axes.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10], integer=True))
    axes.yaxis.set_major_formatter(PLAIN_NUMBERS)
    return figure


def cross_tab(
    ratings: NDArray[np.float32],
    users: Sequence[str],
    items: Sequence[str],
    scale: tuple[float, float],
    title: str,
) -> Figure:
    """A heat map of ratings with the value in each cell; missing ratings are blank.

    Args:
        ratings: float32 [U, I], NaN if missing.
        users, items: labels of rows and columns, already shortened.
        scale: range of the colours; if its ends are equal, no colour bar is drawn.
    """
    rows, columns = ratings.shape
    figure = new_figure(5, 5)
    axes = figure.subplots()
    colours = colormaps[SEQUENTIAL].with_extremes(bad="white")
    graded = scale[0] < scale[1]
    norm = (LogNorm if widely_spread(*scale) else Normalize)(*(scale if graded else (scale[0] - 1, scale[1])))
    mesh = axes.pcolormesh(np.ma.masked_invalid(ratings), cmap=colours, norm=norm, edgecolors="white", linewidth=0.8)
    for row, column in np.argwhere(~np.isnan(ratings)).tolist():
        value = float(ratings[row, column])
        place = column + 0.5, row + 0.5
        cell = axes.text(*place, _shown(value), ha="center", va="center", fontsize=7.5)
        cell.set(color=_readable(colours, norm(value)), in_layout=False)
    heading = axes.set_title(title)
    axes.set(xlabel="item", ylabel="user")
    axes.set_yticks(np.arange(rows) + 0.5, list(users))
    axes.set_xticks(np.arange(columns) + 0.5, list(items))
    if max(map(len, items)) > 4:  # horizontal labels would touch
        for label in axes.get_xticklabels():
            label.set(rotation=45, rotation_mode="anchor", horizontalalignment="right")
    axes.tick_params(length=0)
    axes.invert_yaxis()
    axes.spines[:].set(visible=True, color=GREY, linewidth=0.6)
    if graded:
        ticks = PLAIN_NUMBERS if isinstance(norm, LogNorm) else None
        figure.colorbar(mesh, label="rating", shrink=0.8, pad=0.02, format=ticks)
    _fit(figure, axes, heading, rows, columns)
    return figure


def _fit(figure: Figure, axes: Axes, heading: Text, rows: int, columns: int) -> None:
    """Resize the figure to fit cells of a readable size and all labels."""
    labels = [label.get_window_extent() for label in [*axes.get_xticklabels(), *axes.get_yticklabels()]]
    left, below = (max(sizes) / figure.dpi for sizes in zip(*(label.size for label in labels), strict=True))
    beside = max(heading.get_window_extent().width / figure.dpi, CELL * columns + 1)  # the colour bar needs 1
    figure.set_layout_engine("constrained", w_pad=0.1, h_pad=0.1)  # slanted labels move with the cells
    figure.set_size_inches(left + beside + 0.5, below + max(1.5, 0.75 * CELL * rows) + 1)


def _value_bars(axes: Axes, bars: Bars) -> None:
    """A bar per value, to scale, or side by side if most of the axis would be empty."""
    gap = float(np.diff(bars.low).min())
    to_scale = np.ptp(bars.low) <= 4 * gap * len(bars.low)
    places = bars.low if to_scale else np.arange(len(bars.low))
    drawn = axes.bar(places, bars.counts, width=0.8 * (gap if to_scale else 1), color=PALETTE[0])
    few = len(places) <= LABELLED
    if few:
        shares = bars.counts / bars.counts.sum()
        axes.bar_label(drawn, [f"{share:.1%}" for share in shares], padding=2, fontsize=8)
    if few or not to_scale:
        axes.set_xticks(places, [_shown(value) for value in bars.low.tolist()])
    if not few and not to_scale:
        axes.tick_params(axis="x", labelrotation=90, labelsize=7)


def _shown(value: float) -> str:
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"


def _readable(colours: Colormap, place: float) -> str:
    """Black or white, whichever contrasts more with the colour, by relative luminance (WCAG 2.2)."""
    red, green, blue = (channel**2.2 for channel in colours(place)[:3])
    return "black" if 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.179 else "white"
