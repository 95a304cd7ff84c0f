"""Legibility of dataset figures: labels do not overlap and stay inside, cells have values, no axes are empty."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from hydrarec.analysis.description import bars_of, over_time
from hydrarec.figures.data_plots import activity, cross_tab, rating_histogram, ratings_over_time
from hydrarec.figures.labels import shortened

TITLES = [shortened(f"{letter * 40} ({1990})", 32) + " · 123456789012" for letter in "abcdefghijklmno"]


def labels(figure: Figure, axes: Axes) -> list[Text]:
    """Visible tick labels, titles and axis labels after layout."""
    figure.canvas.draw()
    ticks = [text for axis in (axes.xaxis, axes.yaxis) for text in seen(axis)]
    return [*ticks, axes.xaxis.label, axes.yaxis.label, axes._left_title]  # type: ignore[attr-defined]


def seen(axis) -> list[Text]:
    low, high = sorted(axis.get_view_interval())
    margin = 1e-9 * (high - low)
    ticks = (tick for tick in axis.get_major_ticks() if low - margin <= tick.get_loc() <= high + margin)
    return [tick.label1 for tick in ticks if tick.label1.get_text()]


def corners(text: Text) -> np.ndarray:
    """The rectangle around a text, turned with it: float64 [4, 2]."""
    angle = text.get_rotation()
    if angle % 90 == 0:
        return upright(text.get_window_extent())
    assert text.get_rotation_mode() == "anchor"
    text.set_rotation(0)
    box = text.get_window_extent()
    text.set_rotation(angle)
    x, y = text.get_transform().transform(text.get_unitless_position())
    turn = np.deg2rad(angle)
    return (upright(box) - [x, y]) @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]]) + [x, y]


def overlap(first: np.ndarray, second: np.ndarray) -> bool:
    """Whether two convex polygons share more than a border (separating axes)."""
    for polygon in (first, second):
        for edge in np.roll(polygon, -1, axis=0) - polygon:
            normal = np.array([-edge[1], edge[0]])
            if (first @ normal).max() <= (second @ normal).min() or (second @ normal).max() <= (first @ normal).min():
                return False
    return True


def assert_legible(figure: Figure) -> None:
    axes = figure.axes[0]
    texts = labels(figure, axes)
    assert axes.get_xlabel()
    assert axes.get_ylabel()
    for axis in (axes.xaxis, axes.yaxis):
        names = [text.get_text() for text in seen(axis)]
        assert names
        assert len(set(names)) == len(names) or axes.get_xlabel().startswith("time")  # of two years: Jan, Jul, Jan, Jul
    for first, second in itertools.combinations(texts, 2):
        assert not overlap(corners(first), corners(second)), f"{first.get_text()!r} lies on {second.get_text()!r}"
    page = Bbox.from_bounds(0, 0, figure.bbox.width, figure.bbox.height).padded(1)
    for text in texts:
        extent = text.get_window_extent()
        assert page.contains(extent.x0, extent.y0), text.get_text()
        assert page.contains(extent.x1, extent.y1), text.get_text()


def upright(box: Bbox) -> np.ndarray:
    return np.array([[box.x0, box.y0], [box.x1, box.y0], [box.x1, box.y1], [box.x0, box.y1]])


RATINGS = {
    "stars": [1, 2, 3, 4, 5],
    "half stars": np.arange(0.5, 5.5, 0.5),
    "two": [0, 1],
    "negative": [-10, 10],
    "uneven": [1, 2, 1000],
    "many and uneven": 2.0 ** np.arange(40),
    "too many": np.arange(51),
    "plays": np.geomspace(1, 1e7, 500),
    "noise": np.linspace(-3, 10, 500),
    "mostly nothing": np.repeat(np.arange(60), [10_000] + [1] * 59),
}


@pytest.mark.parametrize("ratings", RATINGS.values(), ids=RATINGS.keys())
def test_histogram_of_ratings_is_legible(ratings: Sequence[float]) -> None:
    assert_legible(rating_histogram(bars_of(np.array(ratings, np.float32)), "a dataset: ratings"))


def test_bars_bear_their_share() -> None:
    figure = rating_histogram(bars_of(np.array([1, 2, 2, 5], np.float32)), "t")
    assert [text.get_text() for text in figure.axes[0].texts] == ["25.0%", "50.0%", "25.0%"]
    assert figure.axes[0].get_yscale() == "linear"


@pytest.mark.parametrize(
    "counts", [[1, 2], [300, 301], [20, 20, 737], np.arange(1, 5000), 10 ** np.arange(7), [1] * 99_999 + [7], [5, 6, 6]]
)
def test_activity_is_legible_on_two_logarithmic_axes(counts: np.ndarray) -> None:
    figure = activity(np.array(counts), "user", "a dataset: ratings per user")
    axes = figure.axes[0]
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
    assert_legible(figure)
    assert len(seen(axes.xaxis)) >= 2
    dots = axes.lines[0].get_xydata()
    assert dots[:, 1].sum() == len(counts)


@pytest.mark.parametrize("span", [1, 100, 5_000, 80_000, 10**6, 10**7, 10**8, 10**9])
def test_time_is_legible(span: int) -> None:
    seconds = np.linspace(1_000_000_000, 1_000_000_000 + span, 999).astype(np.int64)
    figure = ratings_over_time(over_time(seconds), "a dataset: ratings over time")
    assert_legible(figure)
    assert len(seen(figure.axes[0].xaxis)) >= 2


@pytest.mark.parametrize(("rows", "columns"), [(15, 15), (1, 1), (2, 15), (15, 2), (50, 50)])
@pytest.mark.parametrize("items", [TITLES, [str(number) for number in range(50)]], ids=["titles", "numbers"])
def test_heat_map_is_legible_and_its_missing_cells_are_blank(rows: int, columns: int, items: list[str]) -> None:
    ratings = np.arange(rows * columns, dtype=np.float32).reshape(rows, columns) % 5 + 1
    ratings[-1, -1] = np.nan if rows * columns > 1 else 1
    names = [items[number % len(items)] + "'" * (number // len(items)) for number in range(columns)]
    figure = cross_tab(ratings, [f"user {row}" for row in range(rows)], names, (1, 5), "a dataset: users × items")
    assert_legible(figure)
    axes = figure.axes[0]
    shown = {tuple(text.get_position()): text.get_text() for text in axes.texts}
    present = np.argwhere(~np.isnan(ratings)).tolist()
    assert shown == {(column + 0.5, row + 0.5): f"{ratings[row, column]:g}" for row, column in present}
    colours = axes.collections[0].to_rgba(axes.collections[0].get_array())
    if rows * columns > 1:
        assert colours.reshape(rows, columns, 4)[-1, -1].tolist() == [1, 1, 1, 1]
    assert axes.yaxis_inverted()  # the first user stands on top
    assert len(figure.axes) == 2  # and a colour bar


def test_ratings_that_are_all_equal_need_no_colour_bar() -> None:
    figure = cross_tab(np.array([[1, np.nan]], np.float32), ["u"], ["a", "b"], (1, 1), "likes")
    assert len(figure.axes) == 1
    assert_legible(figure)


def test_dollars_are_dollars() -> None:
    figure = cross_tab(np.array([[1]], np.float32), ["$u$"], ["$x^2$ | _y_"], (1, 5), "$t$")
    figure.canvas.draw()
    assert not any(text.get_parse_math() for text in labels(figure, figure.axes[0]))
