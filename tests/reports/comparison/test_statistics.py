"""Statistics of comparisons, against scipy and statsmodels on random cases and against hand calculation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.power import TTestPower

from hydrarec.analysis import significance as ours

EXACT = 1e-9
SEEDS = range(20)


def sample(seed: int) -> np.ndarray:
    generator = np.random.default_rng(seed)
    values = generator.normal(0.2, 1.0, generator.integers(3, 300))
    return np.round(values, 1) if seed % 2 else values  # with ties and zeros, and without


@pytest.mark.parametrize("seed", SEEDS)
def test_paired_t_is_that_of_scipy(seed: int) -> None:
    values, shift = sample(seed), np.random.default_rng(seed + 1).normal(size=1000)
    first = values + shift[: len(values)]
    assert ours.paired_t(values) == pytest.approx(stats.ttest_rel(first, shift[: len(values)]).pvalue, abs=EXACT)


@pytest.mark.parametrize("seed", SEEDS)
def test_wilcoxon_and_welch_are_those_of_scipy(seed: int) -> None:
    first, second = sample(seed), sample(seed + 100)
    assert ours.wilcoxon(first) == pytest.approx(stats.wilcoxon(first).pvalue, abs=EXACT)
    expected = stats.ttest_ind(first, second, equal_var=False).pvalue
    assert ours.welch_t(first, second) == pytest.approx(expected, abs=EXACT)


@pytest.mark.parametrize("seed", range(5))
def test_bootstrap_is_that_of_scipy(seed: int) -> None:
    values = sample(seed)
    expected = stats.bootstrap(
        (values,), np.mean, n_resamples=500, confidence_level=0.9, method="percentile", rng=np.random.default_rng(7)
    ).confidence_interval
    found = ours.bootstrap_interval(values, level=0.9, resamples=500, seed=7)
    assert found == pytest.approx((expected.low, expected.high), abs=EXACT)


def test_bootstrap_in_chunks_draws_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = ours.bootstrap_interval(sample(3), level=0.95, resamples=300, seed=1)
    monkeypatch.setattr(ours, "CHUNK", 1000)
    assert ours.bootstrap_interval(sample(3), level=0.95, resamples=300, seed=1) == whole


@pytest.mark.parametrize("count", [3, 10, 943, 10_000])  # statsmodels has no number for 2
@pytest.mark.parametrize("alpha", [0.05, 0.01])
def test_detectable_effect_has_the_power_that_statsmodels_says(count: int, alpha: float) -> None:
    values = np.random.default_rng(count).normal(size=count)
    effect = ours.smallest_detectable(values, alpha=alpha, power=0.8) / values.std(ddof=1)
    assert TTestPower().power(effect, count, alpha) == pytest.approx(0.8, abs=EXACT)


def test_detectable_effect_is_found_that_often() -> None:
    generator = np.random.default_rng(0)
    effect = ours._detectable_effect(40, 0.05, 0.8)
    found = [ours.paired_t(generator.normal(effect, 1.0, 40)) < 0.05 for _ in range(1500)]
    assert np.mean(found) == pytest.approx(0.8, abs=0.04)


def test_effect_size_by_hand() -> None:
    assert ours.effect_size([1.0, 2.0, 3.0]) == pytest.approx(2.0)  # mean 2, sd 1


@pytest.mark.parametrize(("values", "p"), [([0.0, 0.0, 0.0], 1.0), ([0.1, 0.1, 0.1], 0.0)])
def test_differences_without_noise(values: list[float], p: float) -> None:
    assert ours.paired_t(values) == p
    assert math.isnan(ours.effect_size(values))


def test_one_unit_tells_nothing() -> None:
    assert math.isnan(ours.paired_t([0.3]))
    assert math.isnan(ours.wilcoxon([0.3]))
    assert math.isnan(ours.welch_t([0.3], [0.1, 0.2]))
    assert math.isnan(ours.smallest_detectable([0.3], alpha=0.05, power=0.8))


def test_blocks_keep_the_noise_of_the_mean() -> None:
    values = np.random.default_rng(0).normal(1.0, 2.0, 100_000)
    blocks = ours.random_blocks(values, most=5_000, seed=0)
    assert len(blocks) == 5_000
    assert blocks.mean() == pytest.approx(values.mean())
    noise = [x.std(ddof=1) / math.sqrt(len(x)) for x in (blocks, values)]
    assert noise[0] == pytest.approx(noise[1], rel=0.05)
    assert ours.random_blocks(values[:100], most=5_000, seed=0) is not None
    assert np.array_equal(ours.random_blocks(values[:100], most=5_000, seed=0), values[:100])
