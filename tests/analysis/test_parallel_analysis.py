"""Parallel analysis on data whose number of factors is known, and on noise."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from hydrarec.analysis.components import principal_components
from hydrarec.analysis.parallel_analysis import parallel_analysis

SIZES = [(150, 16), (400, 32), (1000, 50), (40, 60)]


def planted(seed: int, shape: tuple[int, int], factors: int, noise: float) -> np.ndarray:
    """Factors of equal strength: variance 1 per column of the matrix in all; noise of standard deviation ``noise``."""
    generator = np.random.default_rng(seed)
    n, width = shape
    directions = np.linalg.qr(generator.normal(size=(width, factors)))[0].T
    strength = np.sqrt(width / factors)
    return strength * generator.normal(size=(n, factors)) @ directions + noise * generator.normal(size=shape)


def kept(matrix: np.ndarray, *, centred: bool, seed: int = 0, quantile: float = 0.95, resamples: int = 40) -> int:
    return parallel_analysis(matrix, centred=centred, quantile=quantile, resamples=resamples, seed=seed).kept


@pytest.mark.parametrize("noise", [0.1, 0.5, 1.0])
@pytest.mark.parametrize("factors", [1, 2, 3, 4])
@pytest.mark.parametrize("shape", SIZES)
def test_keeps_exactly_the_planted_number(shape: tuple[int, int], factors: int, noise: float) -> None:
    found = [kept(planted(seed, shape, factors, noise), centred=True, seed=seed) for seed in range(8)]
    assert found == [factors] * 8


@pytest.mark.parametrize("factors", [1, 3])
@pytest.mark.parametrize("size", [2.0, 50.0])
def test_uncentred_counts_the_mean_as_one_more_and_hides_nothing_behind_it(factors: int, size: float) -> None:
    """Among permuted columns, which keep the mean, the first component would be above the null by luck only."""
    for seed in range(8):
        matrix = planted(seed, (400, 32), factors, 0.5)
        mean = np.random.default_rng(seed + 100).normal(size=32)
        assert kept(matrix + size * mean, centred=False, seed=seed) == factors + 1
        assert kept(matrix + size * mean, centred=True, seed=seed) == factors
        assert kept(matrix, centred=False, seed=seed) == factors


@pytest.mark.parametrize(("centred", "mean"), [(True, 0.0), (True, 3.0), (False, 0.0), (False, 3.0)])
def test_keeps_noise_as_often_as_the_quantile_says(centred: bool, mean: float) -> None:
    """5 % of 300 within three standard errors; columns of unequal spread, so that it is not a matter of one law."""
    spread = np.linspace(0.5, 1.5, 8)
    found = []
    for seed in range(300):
        noise = np.random.default_rng(seed).normal(size=(60, 8)) * spread + mean
        found.append(kept(noise, centred=centred, seed=seed, resamples=60))
    beyond = np.mean(np.array(found) > (mean > 0 and not centred))
    assert 0.05 - 3 * 0.0126 <= beyond <= 0.05 + 3 * 0.0126


def test_a_higher_quantile_keeps_less_noise() -> None:
    rates = {}
    for quantile in (0.5, 0.99):
        noise = (np.random.default_rng(seed).normal(size=(40, 6)) for seed in range(100))
        rates[quantile] = np.mean([kept(x, centred=True, quantile=quantile, resamples=100) > 0 for x in noise])
    assert rates[0.5] == pytest.approx(0.5, abs=0.15)
    assert rates[0.99] <= 0.05


def test_the_null_is_of_columns_permuted_one_by_one() -> None:
    """All orders of three columns of three values, by brute force, against many draws."""
    matrix = np.array([[0.0, 1.0, 2.0], [1.0, 5.0, 0.0], [4.0, 3.0, 1.0]])
    orders = itertools.product(itertools.permutations(range(3)), repeat=3)
    eigenvalues = []
    for order in orders:
        shuffled = np.column_stack([matrix[list(rows), column] for column, rows in enumerate(order)])
        eigenvalues.append(principal_components(shuffled, centred=True, components=1).variance)
    found = parallel_analysis(matrix, centred=True, quantile=0.6, resamples=4000, seed=0)
    assert found.null == pytest.approx(np.quantile(eigenvalues, 0.6, axis=0), abs=0.05)
    assert found.observed == pytest.approx(principal_components(matrix, centred=True, components=1).variance)


@pytest.mark.parametrize("centred", [True, False])
def test_curves_lie_on_the_scree_plot(centred: bool) -> None:
    matrix = planted(3, (100, 16), 2, 0.5) + 1
    found = parallel_analysis(matrix, centred=centred, quantile=0.95, resamples=30, seed=0)
    assert found.observed == pytest.approx(principal_components(matrix, centred=centred, components=1).variance)
    assert np.all(found.observed[: found.kept] > found.null[: found.kept])
    assert found.observed[found.kept] <= found.null[found.kept]
    again = parallel_analysis(matrix, centred=centred, quantile=0.95, resamples=30, seed=0)
    assert np.array_equal(again.null, found.null)


def test_one_column_is_its_own_shuffle() -> None:
    for seed in range(30):  # the sum of the same squares in another order may differ in its last digit
        matrix = np.zeros((30, 4))
        matrix[:, 2] = np.random.default_rng(seed).normal(size=30)
        assert kept(matrix, centred=True, quantile=0.5) == 0
        assert kept(matrix[:, 2:3], centred=True, quantile=0.5) == 0
    assert kept(np.zeros((30, 4)), centred=False) == 0


def test_one_row_is_refused() -> None:
    with pytest.raises(ValueError, match="fewer than 2 rows"):
        kept(np.ones((1, 4)), centred=False)
