"""Learned biases compared with mean ratings, checked by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from hydrarec.analysis.biases import best_and_worst, disagreements, rank_gap


def test_best_and_worst_among_the_most_rated() -> None:
    biases = np.array([0.9, -0.2, 0.5, -0.9, 0.1, 0.5])
    counts = np.array([1, 50, 40, 2, 30, 40])
    found = best_and_worst(biases, counts, top_n=4, k=2)
    assert found.highest.tolist() == [2, 5]
    assert found.lowest.tolist() == [1, 4]


def test_gap_by_hand() -> None:
    """Ranks by bias 1 2 3 4 5, by mean 1 5 3 2 4, over 4 steps from the last to the first."""
    biases, means = np.array([-2.0, -1.0, 0.0, 1.0, 2.0]), np.array([1.0, 5.0, 3.0, 2.0, 4.0])
    found = disagreements(biases, means, np.full(5, 9), top_n=5, k=9)
    assert found.gap == pytest.approx([0, -3 / 4, 0, 2 / 4, 1 / 4])
    assert found.raised.tolist() == [3, 4]
    assert found.lowered.tolist() == [1]
    assert disagreements(biases, means, np.full(5, 9), top_n=5, k=1).raised.tolist() == [3]


def test_items_outside_or_without_a_mean_are_not_compared() -> None:
    gap = rank_gap(np.arange(4.0), np.array([1.0, np.nan, 0.0, 2.0]), np.array([5, 5, 5, 0]), top_n=4)
    assert gap[[0, 2]] == pytest.approx([-1, 1])
    assert np.isnan(gap[[1, 3]]).all()


@pytest.mark.parametrize("seed", range(5))
def test_gaps_of_ties_are_zero_and_all_gaps_cancel(seed: int) -> None:
    generator = np.random.default_rng(seed)
    means = generator.integers(1, 6, 40).astype(float)
    assert rank_gap(3 * means - 1, means, np.ones(40, int), top_n=40) == pytest.approx(np.zeros(40))
    biases = generator.normal(size=40)
    gap = rank_gap(biases, means, np.ones(40, int), top_n=40)
    assert gap.sum() == pytest.approx(0)
    percentiles = [stats.percentileofscore(x, x, kind="mean") / 100 for x in (biases, means)]
    assert gap == pytest.approx((percentiles[0] - percentiles[1]) * 40 / 39)
    assert np.abs(gap).max() <= 1
