"""Procrustes alignment and CKA against scipy, against n × n definitions, and on rotated copies."""

from __future__ import annotations

import numpy as np
import pytest
import scipy

from hydrarec.analysis.alignment import debiased_cka, linear_cka, procrustes

FLAGS = [(False, False), (True, False), (False, True), (True, True)]


def rotation(generator: np.random.Generator, width: int) -> np.ndarray:
    return np.linalg.qr(generator.normal(size=(width, width)))[0]


def two(seed: int, first: int = 5, second: int = 5, n: int = 40) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    return generator.normal(size=(n, first)) + 1, generator.normal(size=(n, second)) * 2 - 1


@pytest.mark.parametrize("seed", range(10))
def test_recovers_a_rotated_copy(seed: int) -> None:
    generator = np.random.default_rng(seed)
    matrix, turn = generator.normal(size=(60, 8)), rotation(generator, 8)
    found = procrustes(matrix, matrix @ turn, centred=False, scaled=False)
    assert np.abs(found.rotation - turn).max() < 1e-6
    assert np.abs(found.aligned - matrix @ turn).max() < 1e-6
    assert found.distance < 1e-12
    shifted = 3.5 * matrix @ turn + generator.normal(size=8)
    found = procrustes(matrix, shifted, centred=True, scaled=True)
    assert np.abs(found.aligned - shifted).max() < 1e-6
    assert found.scale == pytest.approx(3.5)
    assert found.distance < 1e-12


@pytest.mark.parametrize("seed", range(10))
def test_equal_to_scipy(seed: int) -> None:
    first, second = two(seed)
    assert procrustes(first, second, centred=True, scaled=True).distance == pytest.approx(
        scipy.spatial.procrustes(second, first)[2]
    )
    expected, total = scipy.linalg.orthogonal_procrustes(first, second)
    found = procrustes(first, second, centred=False, scaled=True)
    assert found.rotation == pytest.approx(expected)
    assert found.scale == pytest.approx(total / np.square(first).sum())


@pytest.mark.parametrize(("centred", "scaled"), FLAGS)
@pytest.mark.parametrize("widths", [(5, 5), (3, 7), (7, 3)])
def test_distance_is_the_residual_between_0_and_1_either_way(
    widths: tuple[int, int], centred: bool, scaled: bool
) -> None:
    first, second = two(1, *widths)
    found = procrustes(first, second, centred=centred, scaled=scaled)
    width = max(widths)
    assert found.rotation @ found.rotation.T == pytest.approx(np.eye(width), abs=1e-12)
    target = np.pad(second, ((0, 0), (0, width - widths[1])))
    sizes = [np.square(m - m.mean(axis=0) if centred else m).sum() for m in (first, second)]
    residual = np.square(found.aligned - target).sum()
    assert found.distance == pytest.approx(residual / (sizes[1] if scaled else sum(sizes)))
    assert 0 < found.distance < 1
    assert procrustes(second, first, centred=centred, scaled=scaled).distance == pytest.approx(found.distance)


@pytest.mark.parametrize("seed", range(5))
def test_no_other_rotation_lies_closer(seed: int) -> None:
    generator = np.random.default_rng(seed)
    first, second = two(seed)
    best = np.square(procrustes(first, second, centred=False, scaled=False).aligned - second).sum()
    others = [np.square(first @ rotation(generator, 5) - second).sum() for _ in range(200)]
    assert best <= min(others)


def test_a_narrower_copy_is_recovered() -> None:
    """The wider matrix is the narrower one, turned into more dimensions."""
    generator = np.random.default_rng(0)
    narrow = generator.normal(size=(50, 3))
    wide = narrow @ rotation(generator, 6)[:3]
    for source, target in ((narrow, wide), (wide, narrow)):
        assert procrustes(source, target, centred=False, scaled=False).distance < 1e-12
    assert linear_cka(narrow, wide) == pytest.approx(1)


def test_nothing_in_common() -> None:
    first, second = np.zeros((10, 2)), np.zeros((10, 2))
    first[:5, 0], second[5:, 1] = 1, 1
    for scaled in (True, False):
        assert procrustes(first, second, centred=False, scaled=scaled).distance == 1
        assert procrustes(first, 0 * first, centred=False, scaled=scaled).distance == 1
        assert procrustes(0 * first, 0 * first, centred=False, scaled=scaled).distance == 0


def kernels(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return first @ first.T, second @ second.T


@pytest.mark.parametrize("seed", range(10))
def test_cka_is_that_of_the_kernels(seed: int) -> None:
    """HSIC = tr(KHLH) (Kornblith et al. 2019, eq. 3)."""
    first, second = two(seed, 4, 9)
    a, b = kernels(first, second)
    h = np.eye(len(a)) - 1 / len(a)
    expected = np.trace(a @ h @ b @ h) / np.sqrt(np.trace(a @ h @ a @ h) * np.trace(b @ h @ b @ h))
    assert linear_cka(first, second) == pytest.approx(expected)


def unbiased_hsic(a: np.ndarray, b: np.ndarray) -> float:
    """Song et al. 2012, eq. 5, as it stands there."""
    n = len(a)
    a, b = a - np.diag(np.diag(a)), b - np.diag(np.diag(b))
    total = np.trace(a @ b) + a.sum() * b.sum() / ((n - 1) * (n - 2)) - 2 / (n - 2) * (a @ b).sum()
    return float(total / (n * (n - 3)))


@pytest.mark.parametrize("seed", range(10))
def test_debiased_cka_is_that_of_the_kernels(seed: int) -> None:
    first, second = two(seed, 4, 9)
    a, b = kernels(first, second)
    expected = unbiased_hsic(a, b) / np.sqrt(unbiased_hsic(a, a) * unbiased_hsic(b, b))
    assert debiased_cka(first, second) == pytest.approx(expected)


def test_cka_does_not_see_rotation_shift_and_scale() -> None:
    generator = np.random.default_rng(0)
    first, second = two(0, 6, 4)
    changed = 7 * first @ rotation(generator, 6) + generator.normal(size=6)
    for measure in (linear_cka, debiased_cka):
        assert measure(changed, second) == pytest.approx(measure(first, second))
        assert measure(first, changed) == pytest.approx(1)
        assert measure(second, first) == pytest.approx(measure(first, second))


def test_only_the_debiased_cka_of_unrelated_wide_embeddings_is_zero_on_average() -> None:
    pairs = [two(seed, 30, 30, 40) for seed in range(60)]
    assert np.mean([linear_cka(*pair) for pair in pairs]) > 0.3
    values = [debiased_cka(*pair) for pair in pairs]
    assert np.mean(values) == pytest.approx(0, abs=3 * np.std(values) / np.sqrt(60))


def test_without_variation_or_items_there_is_no_cka() -> None:
    first, constant = np.random.default_rng(0).normal(size=(9, 2)), np.ones((9, 2))
    assert np.isnan(linear_cka(first, constant))
    assert np.isnan(debiased_cka(first, constant))
    assert np.isnan(debiased_cka(first[:3], first[:3]))
