"""Figures of reports: legible with little data, much data and failures; SVGs are small, deterministic, with tooltips."""

from __future__ import annotations

import math
import re
from xml.etree import ElementTree

import numpy as np
import pytest
from matplotlib.figure import Figure
from tests.figures.looking import assert_legible

from hydrarec.figures.browser_svg import inline_svg
from hydrarec.figures.curves import Curve, metric_against_cost, metric_curves
from hydrarec.figures.forest_plots import Interval, forest
from hydrarec.figures.parallel_plots import parallel_coordinates
from hydrarec.figures.scales import MetricAxis, apart, plain_number
from hydrarec.figures.style import Style

RMSE = MetricAxis("test/rmse", lower_is_better=True)
HITS = MetricAxis("val/hr@10/sampled99", lower_is_better=False)
NASTY = "<script>window.caught = 1</script>\"'&<b> $x^2$ " + "w" * 40


def curves(number: int, epochs: int = 20) -> list[Curve]:
    x = np.arange(1, epochs + 1)
    spread = np.where(x > 2, 0.01, math.nan)
    return [Curve(f"{NASTY} {n}"[-40:], Style.number(n), x, 1 / x + n / 50, spread) for n in range(number)]


@pytest.mark.parametrize("number", [1, 2, 8, 30])
@pytest.mark.parametrize("measure", [RMSE, HITS])
def test_curves_of_many_configurations(number: int, measure: MetricAxis) -> None:
    figure = metric_curves(curves(number), measure, f"Learning curves of {measure.name}", "epoch")
    assert_legible(figure)
    assert len(figure.axes[0].texts) == number


def test_one_failure_flattens_no_curve() -> None:
    failed = Curve("failed", Style.number(9), [1, 2, 3], [0.9, 50.0, 1e6], [math.nan] * 3)
    figure = metric_curves([*curves(3), failed], RMSE, "Learning curves", "epoch")
    assert_legible(figure)
    assert figure.axes[0].get_ylim()[1] < 2


@pytest.mark.parametrize("epochs", [1, 2])
def test_curve_of_one_value_is_seen(epochs: int) -> None:
    figure = metric_curves(curves(1, epochs), RMSE, "Best so far", "configurations", drawstyle="steps-post")
    assert_legible(figure)
    [point] = [line for line in figure.axes[0].lines if line.get_gid() == "curve-0"]
    assert point.get_marker() == "o"


@pytest.mark.parametrize("number", [2, 10, 300])
@pytest.mark.parametrize("spread", [0.01, math.nan])
def test_metric_against_cost(number: int, spread: float) -> None:
    points = [Curve(NASTY, Style.number(n), [10.0 * n + 1], [1 + n / 100], [spread]) for n in range(number)]
    figure = metric_against_cost(points, RMSE, "seconds of training")
    assert_legible(figure)
    assert 1 <= len(figure.axes[0].texts) <= 10


def test_values_off_the_scale_bear_their_number() -> None:
    values = [1.0, 1.1, 1.2, 1.3, 9.87654]
    points = [Curve(f"n{n}", Style.number(n), [n + 1.0], [value], [0.0]) for n, value in enumerate(values)]
    figure = metric_against_cost(points, RMSE, "parameters")
    assert_legible(figure)
    assert "n4 9.88 ↑" in [text.get_text() for text in figure.axes[0].texts]


def rows(*middles: float) -> list[Interval]:
    return [Interval(f"{NASTY[10:]} {m}", m - 0.01, m, m + 0.02, m > 0.05, "p = .012, seeds = .3") for m in middles]


@pytest.mark.parametrize("middles", [(0.01,), (-0.1, 0.2, 0.03), (0.02, 0.05, 8.5), (0.02, 0.05, -8.5), (0.1,) * 20])
def test_forest(middles: tuple[float, ...]) -> None:
    figure = forest(rows(*middles), "Differences of test/rmse to the best", "difference to the best, 95 % intervals")
    assert_legible(figure)
    low, high = figure.axes[0].get_xlim()
    assert low < 0 < high < 1
    off_scale = [text.get_text() for text in figure.axes[0].texts if "off the scale" in text.get_text()]
    assert len(off_scale) == sum(abs(middle) > 1 for middle in middles)


def settings_figure(count: int) -> Figure:
    columns = [
        ("embedding_dim", [2 ** (n % 5) for n in range(count)]),
        ("learning_rate", [0.1 / (n + 1) for n in range(count)]),
        ("layer", [f"<script>.layers.LayerOfMany{n % 30}" if n % 7 else 3 for n in range(count)]),
    ]
    scores = [0.5 - 0.3 * n / count for n in range(count)]
    return parallel_coordinates(columns, [NASTY] * count, scores, HITS)


@pytest.mark.parametrize("count", [3, 10, 300])
def test_parallel_coordinates(count: int) -> None:
    figure = settings_figure(count)
    figure.axes[0].set(xlabel="settings", ylabel="values")
    assert_legible(figure)
    strands = {str(line.get_gid()): line for line in figure.axes[0].lines if line.get_gid()}
    assert len(strands) == count
    assert strands["strand-0"].get_ydata()[-1] == 1  # type: ignore[index]  # the best on top
    assert strands[f"strand-{count - 1}"].get_ydata()[-1] == 0  # type: ignore[index]


def test_lower_errors_stand_higher() -> None:
    figure = parallel_coordinates([("dim", [1, 2, 3])], ["a", "b", "c"], [0.9, 0.95, 1.0], RMSE)
    heights = {str(line.get_gid()): line.get_ydata()[-1] for line in figure.axes[0].lines}  # type: ignore[index]
    assert (heights["strand-0"], heights["strand-2"]) == (1, 0)


@pytest.mark.parametrize(("least", "label"), [(0.1, "0.1"), (1000, "1,000"), (2.5e7, "25M"), (-0.5, "−0.5")])
def test_numbers_are_written_plainly(least: float, label: str) -> None:
    assert plain_number(least) == label


def test_labels_are_moved_apart_and_stay_within() -> None:
    assert apart([10, 11, 12, 95, 99], 10, 0, 100) == [10, 20, 30, 90, 100]


def test_scale_is_not_flattened_by_one_failure() -> None:
    assert RMSE.legible([0.94, 0.945, 0.947, 0.96, 0.97, 2.35]) == [0.94, 0.945, 0.947, 0.96, 0.97]
    assert HITS.legible([0.5, 0.1]) == [0.5, 0.1]


# -- as SVG ------------------------------------------------------------------------------------------------------------


def drawn(name: str = "curves 1", number: int = 2) -> str:
    return inline_svg(metric_curves(curves(number), RMSE, "Learning curves", "epoch"), name)


def test_the_same_figure_gives_the_same_svg_and_another_name_other_ids() -> None:
    assert drawn() == drawn()
    ids, others = (set(re.findall(r' id="([^"]*)"', drawn(name))) for name in ("curves 1", "curves 2"))
    assert ids
    assert not ids & others


def test_svg_has_texts_tooltips_and_series() -> None:
    root = ElementTree.fromstring(drawn())
    texts = ["".join(text.itertext()) for text in root.iter("text")]
    assert {"Learning curves", "epoch", "test/rmse (lower is better)"} <= set(texts)
    legends = [group for group in root.iter("g") if group.get("class") == "legend"]
    assert [legend.findtext("title") for legend in legends] == [curve.name for curve in curves(2)]
    kinds = [group.get("class") for group in root.iter("g") if group.get("data-series") == "1"]
    assert sorted(map(str, kinds)) == ["band", "curve", "key", "leader", "legend"]


def test_svg_is_small_and_brings_no_style_for_the_page() -> None:
    text = drawn()
    assert len(text) < 16_000
    assert not re.search(r"<style|<metadata|xmlns|//|\.\d{3,}", text)
    assert '<svg class="chart" role="img" aria-label="Learning curves" viewBox="0 0 460.8 244.8"' in text
