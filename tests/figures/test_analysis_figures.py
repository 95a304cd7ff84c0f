"""Figures of an analysis are filled, labelled and legible, with much, little or no data."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from tests.figures.looking import assert_legible

from hydrarec.analysis.meaning import Correlation
from hydrarec.analysis.stability import stability
from hydrarec.figures import agreement_plots as agreement
from hydrarec.figures import bias_plots as biases
from hydrarec.figures import component_plots as components
from hydrarec.figures import embedding_maps as embeddings
from hydrarec.figures import forest_plots as meaning
from hydrarec.figures.style import PALETTE, save

LONG = "A Title of More Words than Any Axis Has Room for, and Then Some $5"


def titles(number: int) -> list[str]:
    return [f"{LONG} {place} ({1950 + place})" if place % 7 == 0 else f"Film {place}" for place in range(number)]


def normal(*shape: int) -> np.ndarray:
    return np.random.default_rng(len(shape)).standard_normal(shape)


@pytest.mark.parametrize(("rows", "width"), [(20, 64), (1, 2), (100, 200)])
def test_heat_map(rows: int, width: int) -> None:
    figure = embeddings.heat_map(normal(rows, width), titles(rows))
    assert_legible(figure)
    [image] = figure.axes[0].images
    assert image.get_array().shape == (rows, width)  # type: ignore[union-attr]
    low, high = image.get_clim()
    assert low == -high  # type: ignore[operator]


def test_heat_map_of_zeros() -> None:
    assert_legible(embeddings.heat_map(np.zeros((3, 4)), titles(3)))


@pytest.mark.parametrize("sides", [["items", "users"], ["users"]])
def test_distributions(sides: list[str]) -> None:
    figure = embeddings.distributions({side: normal(50, 4) for side in sides})
    assert_legible(figure)
    legend = figure.axes[0].get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == sides


def test_distribution_counts_all_values_and_shows_the_inner_ones() -> None:
    values = np.linspace(0, 1, 10_000).reshape(-1, 1)
    values[0] = 1e9
    [stairs] = [patch for patch in embeddings.distributions({"items": values}).axes[0].patches if patch.get_label()]
    heights, edges, _ = stairs.get_data()  # type: ignore[attr-defined]
    assert edges[-1] < 1.01
    assert heights[10:-10] == pytest.approx(1, abs=0.05)


def test_constant_values() -> None:
    assert_legible(embeddings.distributions({"items": np.ones((5, 2))}))


@pytest.mark.parametrize("kept", [0, 3, 50])
def test_scree(kept: int) -> None:
    observed = np.exp(-np.arange(50) / 10)
    figure = components.scree(observed, observed[::-1], kept)
    assert_legible(figure)
    colours = [patch.get_facecolor() for patch in figure.axes[0].patches]
    assert len(set(colours[:kept])) <= 1
    assert len(set(colours)) == (1 if kept in (0, 50) else 2)
    heights = [patch.get_height() for patch in figure.axes[0].patches]  # type: ignore[attr-defined]
    assert sum(heights) == pytest.approx(100)


def test_scree_of_one_component_without_a_null() -> None:
    assert_legible(components.scree(np.array([2.0]), None, 0))


@pytest.mark.parametrize("number", [2, 30, 300])
@pytest.mark.parametrize("grouped", [True, False])
def test_scatter(number: int, grouped: bool) -> None:
    groups = ["other" if place % 5 == 4 else f"Genre {place % 8}" for place in range(number)] if grouped else None
    figure = components.scatter(normal(number, 2), titles(number), groups, 50, ("PC1", "PC2"))
    assert_legible(figure)
    assert len(figure.axes[0].texts) >= min(number, 40)
    [legend] = figure.legends
    named = [text.get_text() for text in legend.get_texts()]
    if grouped and number >= 30:
        assert named == [*(["less rated items"] if number > 50 else []), *(f"Genre {n}" for n in range(8)), "other"]
    points = sum(len(points.get_offsets()) for points in figure.axes[0].collections)
    assert points >= number - (number // 5 if grouped else 0)


@pytest.mark.filterwarnings("error")
def test_titles_that_no_font_at_hand_can_draw(tmp_path: Path) -> None:
    names = ["千と千尋の神隠し (2001)", "Çà $x$ _a_^2 \\frac{1}{2}", "Амели (2001)", *titles(7)]
    figure = components.scatter(normal(10, 2), names, None, 10, ("PC1", "PC2"))
    assert [path.suffix for path in save(figure, tmp_path / "scatter")] == [".png", ".pdf"]


def test_no_colour_stands_for_two_genres() -> None:
    groups = [f"Genre {place % 8}" for place in range(70)]
    figure = components.scatter(normal(70, 2), titles(70), groups, 70, ("PC1", "PC2"))
    colours = {tuple(points.get_facecolor()[0]) for points in figure.axes[0].collections}
    assert len(colours) == 8
    assert len(set(PALETTE)) == len(PALETTE)


@pytest.mark.parametrize(("number", "count"), [(1, 1), (3, 10), (5, 4)])
def test_ends(number: int, count: int) -> None:
    values = [(np.arange(count) - 9.0, 9.0 - np.arange(count)) for _ in range(number)]
    names = [(titles(count), titles(2 * count)[count:]) for _ in range(number)]
    figure = components.ends(values, names, [f"PC{place + 1}" for place in range(number)])
    assert_legible(figure)
    assert len(figure.axes) == number
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert labels[-1].startswith("A Title")  # the lowest at the bottom
    assert figure.axes[0].get_yticks()[-1] == 0
    assert len(labels) == 2 * count


def correlation(attribute: str, r: float, *, holm: float = 0.0) -> Correlation:
    return Correlation(0, attribute, r, r - 0.1, r + 0.1, 100, 0.0, 0.95, holm)


@pytest.mark.parametrize("panels", [1, 3, 4])
def test_meaning(panels: int) -> None:
    rows = [correlation("release year", 0.6), correlation("Drama", -0.4), correlation("War", 0.05, holm=1.0)]
    figure = meaning.correlations([(f"PC{number + 1}", rows) for number in range(panels)], 0.95)
    assert_legible(figure)
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["release year", "Drama", "War"]
    hollow = [line for line in figure.axes[0].lines if line.get_markerfacecolor() == "white"]
    assert len(hollow) == 1


def biases_figure(number: int, listed: int) -> Figure:
    means = np.linspace(1, 5, number)
    marked = {"best": range(number - listed, number), "worst": range(listed), "above": [], "below": range(listed)}
    return biases.against_means(means, means - 3 + 0.1 * normal(number), marked, titles(number), "mean rating (1 to 5)")


@pytest.mark.parametrize(("number", "listed"), [(300, 10), (4, 2), (2, 1)])
def test_item_biases(number: int, listed: int) -> None:
    figure = biases_figure(number, listed)
    assert_legible(figure)
    [legend] = figure.legends
    labels = [text.get_text() for text in legend.get_texts()]
    assert labels == [f"{number:,} most rated items", "best", "worst", "below"]
    assert figure.axes[0].texts


@pytest.mark.parametrize("values", [normal(500), np.zeros(3), np.array([1.0])])
def test_user_biases(values: np.ndarray) -> None:
    assert_legible(biases.users(values))


@pytest.mark.parametrize("number", [1, 3, 8])
def test_stability(number: int) -> None:
    scores = normal(60, number)
    found = stability(
        [scores, scores + normal(60, number) / 3, normal(60, 1) @ np.ones((1, number))],
        least=0.5,
        quantile=0.95,
        resamples=5,
        seed=0,
    )
    found = dataclasses.replace(found, verdicts=("finding up to rotation",) * number)
    figure = agreement.stability(found, [f"PC{place + 1}" for place in range(number)], 0.5)
    assert_legible(figure)
    assert [text.get_text() for text in figure.axes[0].texts] == ["finding up to rotation"] * number


@pytest.mark.parametrize("shared", [np.array([0.0, 0.5, 1.0, math.nan]), np.full(3, math.nan)])
def test_comparison(shared: np.ndarray) -> None:
    names = ["linear CKA", "1 − Procrustes distance", "common among 2 neighbours"]
    figure = agreement.comparison(names, [0.9, 0.5, math.nan], [0.1, -0.01, 0.1], shared, 0.1, 2)
    assert_legible(figure)
