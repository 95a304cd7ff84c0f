"""Correlations of components with attributes: against scipy, a bootstrap loop, planted meaning, and noise."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from hydrarec.analysis import meaning
from hydrarec.analysis.attributes import Attributes
from hydrarec.analysis.meaning import Correlation, correlations, sentence
from hydrarec.analysis.multiple_testing import holm


def example(seed: int, n: int = 60) -> tuple[np.ndarray, Attributes]:
    """Two components; a flag, a year unknown for some, a popularity, and another column unknown for the same."""
    generator = np.random.default_rng(seed)
    scores = generator.normal(size=(n, 2)) + 5
    flag = (generator.random(n) < 0.3).astype(float)
    year = generator.integers(1930, 2016, n).astype(float)
    other = generator.normal(size=n)
    year[::7] = other[::7] = np.nan
    popularity = scores[:, 1] + generator.normal(size=n)
    return scores, Attributes(
        ("Drama", "year", "popularity", "other"), np.column_stack([flag, year, popularity, other])
    )


@pytest.mark.parametrize("seed", range(10))
def test_r_and_p_are_those_of_scipy(seed: int) -> None:
    scores, attributes = example(seed)
    rows = correlations(scores, attributes, level=0.95, resamples=10, seed=0)
    assert len(rows) == 2 * 4
    for row in rows:
        values = attributes.values[:, attributes.names.index(row.attribute)]
        known = ~np.isnan(values)
        expected = stats.pearsonr(scores[known, row.component], values[known])
        assert (row.r, row.p) == pytest.approx((expected.statistic, expected.pvalue))
        assert row.count == known.sum()
    assert [row.holm for row in rows] == pytest.approx(holm([row.p for row in rows]))


@pytest.mark.parametrize("seed", range(3))
def test_intervals_are_those_of_a_loop(seed: int) -> None:
    scores, attributes = example(seed)
    n, resamples = len(scores), 200
    drawn = np.random.default_rng(seed).integers(0, n, (resamples, n))
    for row in correlations(scores, attributes, level=0.9, resamples=resamples, seed=seed):
        values = attributes.values[:, attributes.names.index(row.attribute)]
        found = []
        for items in drawn:
            known = items[~np.isnan(values[items])]
            found.append(np.corrcoef(scores[known, row.component], values[known])[0, 1])
        assert (row.low, row.high) == pytest.approx(tuple(np.percentile(found, [5, 95])))


def test_chunks_draw_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    scores, attributes = example(1)
    whole = correlations(scores, attributes, level=0.95, resamples=50, seed=3)
    monkeypatch.setattr(meaning, "CHUNK", 7 * len(scores))
    parts = correlations(scores, attributes, level=0.95, resamples=50, seed=3)
    assert [(row.low, row.high) for row in parts] == [pytest.approx((row.low, row.high)) for row in whole]


def test_strongest_first_within_each_component() -> None:
    rows = correlations(*example(0), level=0.95, resamples=10, seed=0)
    assert [row.component for row in rows] == [0, 0, 0, 0, 1, 1, 1, 1]
    for part in (rows[:4], rows[4:]):
        assert [abs(row.r) for row in part] == sorted((abs(row.r) for row in part), reverse=True)
    assert rows[4].attribute == "popularity"


def test_what_was_planted_is_said() -> None:
    generator = np.random.default_rng(0)
    drama, popularity = (generator.random(2000) < 0.4).astype(float), generator.normal(size=2000)
    noise = generator.normal(size=(2000, 3))
    first = 0.5 * (drama - drama.mean()) / drama.std() - 0.4 * popularity + 0.77 * noise[:, 0]
    attributes = Attributes(("Drama", "popularity", "War"), np.column_stack([drama, popularity, noise[:, 1] > 0]))
    rows = correlations(np.column_stack([first, noise[:, 2]]), attributes, level=0.95, resamples=300, seed=0)
    named = {(row.component, row.attribute): row for row in rows}
    assert named[0, "Drama"].r == pytest.approx(0.5, abs=0.05)
    assert named[0, "popularity"].r == pytest.approx(-0.4, abs=0.05)
    signed = [f"{abs(named[0, name].r):.2f}"[1:] for name in ("Drama", "popularity")]
    assert sentence(rows[:3]) == f"PC1: Drama +{signed[0]}, popularity −{signed[1]}"
    assert sentence(rows[3:]) == "PC2: nothing beyond chance"


def test_intervals_cover_the_truth() -> None:
    """r = .6 planted, 80 items: 95 % intervals hold it in 95 % of 200 cases, less what the percentile method loses."""
    held = 0
    for seed in range(200):
        x, y = np.random.default_rng(seed).multivariate_normal([0, 0], [[1, 0.6], [0.6, 1]], 80).T
        (row,) = correlations(x[:, None], Attributes(("y",), y[:, None]), level=0.95, resamples=200, seed=seed)
        held += row.low <= 0.6 <= row.high
    assert 0.88 <= held / 200 <= 0.985


def test_noise_is_rarely_called_significant() -> None:
    """20 attributes on 3 components: single intervals exclude 0 in 5 % of rows, some claim stands in at most 5 % of cases."""
    rows, claims = [], 0
    for seed in range(60):
        generator = np.random.default_rng(seed)
        attributes = Attributes(tuple(f"a{i}" for i in range(20)), generator.normal(size=(100, 20)))
        found = correlations(generator.normal(size=(100, 3)), attributes, level=0.95, resamples=100, seed=seed)
        rows += found
        claims += any(row.significant for row in found)
    assert np.mean([row.excludes_zero for row in rows]) == pytest.approx(0.06, abs=0.02)
    assert claims / 60 <= 0.1


def test_what_does_not_vary_gives_no_row() -> None:
    generator = np.random.default_rng(0)
    scores = np.column_stack([generator.normal(size=20), np.full(20, 0.1)])
    known_once = np.full(20, np.nan)
    known_once[3] = 1
    columns = [np.ones(20), np.full(20, 0.3), known_once, np.full(20, np.nan), generator.normal(size=20)]
    attributes = Attributes(("all", "thirds", "once", "never", "varies"), np.column_stack(columns))
    rows = correlations(scores, attributes, level=0.95, resamples=20, seed=0)
    assert [(row.component, row.attribute) for row in rows] == [(0, "varies")]


def test_a_genre_of_three_items_proves_nothing() -> None:
    """They miss from e⁻³ = 5 % of the resamples, so the interval reaches 0 however far out they lie."""
    scores = np.random.default_rng(0).normal(size=(300, 1))
    flag = np.zeros((300, 1))
    flag[np.argsort(scores[:, 0])[-3:]] = 1
    (row,) = correlations(scores, Attributes(("rare",), flag), level=0.95, resamples=400, seed=0)
    assert row.r > 0.2
    assert row.low == 0
    assert not row.significant


def test_perfect_correlation() -> None:
    x = np.arange(10.0)[:, None]
    (row,) = correlations(x, Attributes(("x",), -x), level=0.95, resamples=50, seed=0)
    assert (row.r, row.low, row.high) == pytest.approx((-1, -1, -1))
    assert row.p == pytest.approx(0, abs=1e-12)
    assert sentence([row]) == "PC1: x −1.00"


def test_sentence_names_the_strongest_only() -> None:
    rows = [Correlation(1, f"a{i}", 0.9 - i / 10, 0.1, 0.9, 50, 0.001, 0.95, holm=0.01) for i in range(8)]
    assert sentence(rows) == "PC2: a0 +.90, a1 +.80, a2 +.70, a3 +.60, a4 +.50"
    assert sentence([Correlation(0, "a", 0.1, 0.01, 0.2, 50, 0.04, 0.95, holm=math.nan)]).endswith("beyond chance")
    assert sentence([]) == ""
