"""Principal components against an eigendecomposition, by hand, and on planted factors."""

from __future__ import annotations

import math

import numpy as np
import pytest

from hydrarec.analysis.components import principal_components

SHAPES = [(40, 5), (5, 40), (12, 12), (200, 30), (3, 1)]


def matrix_of(shape: tuple[int, int], seed: int = 0) -> np.ndarray:
    generator = np.random.default_rng(seed)
    return generator.normal(size=shape) * generator.uniform(0.5, 3, shape[1]) + generator.normal(size=shape[1])


@pytest.mark.parametrize("centred", [True, False])
@pytest.mark.parametrize("shape", SHAPES)
def test_equal_to_the_eigenvectors_of_the_covariance(shape: tuple[int, int], centred: bool) -> None:
    matrix = matrix_of(shape)
    moment = np.cov(matrix.T).reshape(shape[1], shape[1]) if centred else matrix.T @ matrix / shape[0]
    values, vectors = np.linalg.eigh(moment)
    found = principal_components(matrix, centred=centred, components=min(shape))
    assert found.variance == pytest.approx(values[::-1][: min(shape)], abs=1e-9)
    assert found.share.sum() == pytest.approx(1)
    distinct = found.variance > 1e-9
    overlaps = np.abs((found.components * vectors.T[::-1][: min(shape)]).sum(axis=1))
    assert overlaps[distinct] == pytest.approx(1)


def test_by_hand() -> None:
    """On the line y = x at ±1 and ±2: squares along it 2, 2, 8, 8."""
    matrix = np.array([[1.0, 1.0], [-1.0, -1.0], [2.0, 2.0], [-2.0, -2.0]])
    found = principal_components(matrix, centred=True, components=1)
    assert found.components == pytest.approx(np.array([[1, 1]]) / math.sqrt(2))
    assert found.scores[:, 0] == pytest.approx(np.array([1, -1, 2, -2]) * math.sqrt(2))
    assert found.variance == pytest.approx([20 / 3, 0])
    assert principal_components(matrix, centred=False, components=1).variance == pytest.approx([20 / 4, 0])


def test_uncentred_finds_the_mean_and_measures_mean_squares() -> None:
    matrix = matrix_of((500, 6)) + 40
    found = principal_components(matrix, centred=False, components=1)
    direction = matrix.mean(axis=0) / np.linalg.norm(matrix.mean(axis=0))
    assert found.components[0] @ direction == pytest.approx(1, abs=1e-3)
    assert found.variance.sum() == pytest.approx(np.square(matrix).sum() / 500)
    assert not found.mean.any()


@pytest.mark.parametrize("seed", range(10))
def test_finds_the_planted_factor(seed: int) -> None:
    generator = np.random.default_rng(seed)
    direction = generator.normal(size=20)
    direction /= np.linalg.norm(direction)
    factor = generator.normal(size=800) * 3
    matrix = np.outer(factor, direction) + generator.normal(size=(800, 20)) * 0.5 + generator.normal(size=20)
    found = principal_components(matrix, centred=True, components=3)
    assert abs(found.components[0] @ direction) > 0.99
    assert abs(np.corrcoef(found.scores[:, 0], factor)[0, 1]) > 0.98


@pytest.mark.parametrize("centred", [True, False])
def test_scores_belong_to_the_components(centred: bool) -> None:
    matrix = matrix_of((30, 7))
    found = principal_components(matrix, centred=centred, components=7)
    assert found.components @ found.components.T == pytest.approx(np.eye(7), abs=1e-12)
    assert found.scores @ found.components + found.mean == pytest.approx(matrix)
    assert found.scores_of(matrix[4:9]) == pytest.approx(found.scores[4:9])
    assert np.square(found.scores).sum(axis=0) / (30 - centred) == pytest.approx(found.variance)


@pytest.mark.parametrize("seed", range(5))
def test_signs_follow_the_rule_whatever_the_signs_of_the_data(seed: int) -> None:
    matrix = matrix_of((50, 8), seed)
    found = principal_components(matrix, centred=True, components=8)
    mirrored = principal_components(-matrix, centred=True, components=8)
    assert np.all(found.components[np.arange(8), np.abs(found.components).argmax(axis=1)] > 0)
    assert mirrored.components == pytest.approx(found.components)
    assert mirrored.scores == pytest.approx(-found.scores)


def test_no_more_components_than_there_are() -> None:
    assert principal_components(matrix_of((4, 9)), centred=True, components=50).scores.shape == (4, 4)


def test_what_does_not_vary_has_no_share() -> None:
    assert principal_components(np.full((5, 3), 2.0), centred=True, components=2).share.tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    ("matrix", "centred", "components"),
    [
        (np.ones((1, 3)), True, 1),
        (np.ones((0, 3)), False, 1),
        (np.ones((4, 3)), True, 0),
        (np.full((4, 3), np.nan), True, 1),
    ],
)
def test_impossible_arguments_are_refused(matrix: np.ndarray, centred: bool, components: int) -> None:
    with pytest.raises(ValueError, match=r"components of|not finite"):
        principal_components(matrix, centred=centred, components=components)
