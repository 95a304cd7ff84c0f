"""Stability over seeds: planted factors are found, chance agreement is not."""

from __future__ import annotations

import numpy as np
import pytest

from hydrarec.analysis.components import principal_components
from hydrarec.analysis.stability import Stability, stability


def judged(scores: list[np.ndarray], *, least: float = 0.5, quantile: float = 0.95, seed: int = 0) -> Stability:
    return stability(scores, least=least, quantile=quantile, resamples=60, seed=seed)


def run_of(shared: np.ndarray, generator: np.random.Generator, width: int = 12, noise: float = 0.3) -> np.ndarray:
    """Embeddings that hold the shared factors [n, S] in directions of their own, and noise."""
    directions = np.linalg.qr(generator.normal(size=(width, shared.shape[1])))[0].T
    return shared @ directions + noise * generator.normal(size=(len(shared), width))


def scores_of(matrix: np.ndarray, components: int) -> np.ndarray:
    return principal_components(matrix, centred=True, components=components).scores


@pytest.mark.parametrize("seed", range(5))
def test_shared_factors_are_findings_and_what_follows_is_accident(seed: int) -> None:
    generator = np.random.default_rng(seed)
    shared = generator.normal(size=(300, 2)) * [3.0, 1.5]
    found = judged([scores_of(run_of(shared, generator), 4) for _ in range(4)])
    assert found.verdicts == ("finding", "finding", "accident", "accident")
    assert found.axis[:2].min() > 0.9
    assert np.all(found.axis <= found.subspace + 1e-12)
    assert found.counterparts[:, :2].tolist() == [[0, 1]] * 3


@pytest.mark.parametrize("seed", range(5))
def test_factors_of_equal_strength_rotate_into_each_other(seed: int) -> None:
    """Each run turns the plane by an angle of its own: no axis returns, the plane does."""
    generator = np.random.default_rng(seed)
    plane = np.linalg.qr(generator.normal(size=(300, 2)))[0]
    runs = []
    for angle in np.deg2rad([0, 45, 40, 50]):
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        runs.append(plane @ turn + 0.002 * generator.normal(size=(300, 2)))
    found = judged(runs, least=0.6)
    assert found.verdicts == ("finding up to rotation", "finding up to rotation")
    assert found.axis == pytest.approx([0.5, 0.5], abs=0.08)
    assert found.subspace.min() > 0.95


@pytest.mark.parametrize("size", [(30, 5), (300, 5)])
def test_independent_noise_is_accident_and_above_its_null_as_often_as_the_quantile_says(size: tuple[int, int]) -> None:
    beyond_axis, beyond_part = [], []
    for seed in range(60):
        generator = np.random.default_rng(seed)
        found = judged([scores_of(generator.normal(size=size), 3) for _ in range(3)], seed=seed)
        assert found.verdicts == ("accident",) * 3
        beyond_axis += (found.axis > found.axis_null).tolist()
        beyond_part += (found.subspace > found.subspace_null).tolist()
    assert np.mean(beyond_axis) == pytest.approx(0.05, abs=0.05)
    assert np.mean(beyond_part) == pytest.approx(0.05, abs=0.05)


def test_few_items_reach_much_by_chance_and_the_null_says_so() -> None:
    """With 7 items and 4 components any component is mostly explained: R² is 4/6 on average."""
    generator = np.random.default_rng(0)
    found = judged([generator.normal(size=(7, 4)) for _ in range(2)])
    assert found.subspace_null.min() > 0.8
    unrelated = [judged([generator.normal(size=(7, 4)) for _ in range(2)]).subspace for _ in range(50)]
    assert np.mean(unrelated) == pytest.approx(4 / 6, abs=0.06)


def test_a_large_share_among_few_items_is_no_finding_below_the_null() -> None:
    """Of 5 items any two components share r² = 1/4 on average, often more than 0.3."""
    pairs = [np.random.default_rng(seed).normal(size=(2, 5, 1)) for seed in range(200)]
    found = [judged(list(pair), least=0.3, seed=seed) for seed, pair in enumerate(pairs)]
    assert np.mean([one.axis[0] >= 0.3 for one in found]) > 0.3
    assert np.mean([one.verdicts == ("accident",) for one in found]) > 0.89


def test_signs_and_order_do_not_matter() -> None:
    generator = np.random.default_rng(0)
    scores = np.linalg.qr(generator.normal(size=(50, 3)))[0]
    found = judged([scores, -scores[:, [2, 0, 1]] * 7 + 4])
    assert found.axis == pytest.approx([1, 1, 1])
    assert found.counterparts.tolist() == [[1, 2, 0]]
    assert found.signs.tolist() == [[-1, -1, -1]]
    assert found.verdicts == ("finding",) * 3


def test_one_counterpart_serves_one_component() -> None:
    """Two components that both resemble the same one: the closer takes it."""
    generator = np.random.default_rng(1)
    first, second, other = generator.normal(size=(3, 200))
    reference = np.column_stack([first, first + second])
    found = judged([reference, np.column_stack([first, other])])
    assert found.counterparts.tolist() == [[0, 1]]
    assert found.axis[0] == pytest.approx(1)
    assert found.axis[1] < 0.1
    assert found.subspace[1] == pytest.approx(0.5, abs=0.1)


def test_runs_may_keep_different_numbers_of_components() -> None:
    scores = np.linalg.qr(np.random.default_rng(0).normal(size=(80, 3)))[0]
    found = judged([scores, scores[:, 1:2]])
    assert found.counterparts.tolist() == [[-1, 0, -1]]
    assert found.verdicts == ("accident", "finding", "accident")
    assert judged([scores[:, :1], scores]).verdicts == ("finding",)


def test_half_of_the_runs_is_the_mean_over_them() -> None:
    generator = np.random.default_rng(0)
    component = generator.normal(size=(400, 1))
    found = judged([component, component, generator.normal(size=(400, 1))], least=0.6)
    assert found.axis_by_run[0] == pytest.approx(1)
    assert found.axis == pytest.approx(found.axis_by_run.mean(axis=0))
    assert found.verdicts == ("accident",)


def test_constant_components_are_accidents() -> None:
    assert judged([np.ones((20, 2)), np.ones((20, 2))]).verdicts == ("accident", "accident")


@pytest.mark.parametrize("sizes", [[5], [5, 6]])
def test_impossible_runs_are_refused(sizes: list[int]) -> None:
    with pytest.raises(ValueError, match="at least 2 runs over the same items"):
        judged([np.ones((n, 2)) for n in sizes])
