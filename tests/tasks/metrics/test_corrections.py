"""Corrections of sampled metrics: against brute force, against closed cases, and in simulation as in the paper."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from hydrarec.tasks.metrics.corrections import corrected_metrics, estimators_of
from hydrarec.tasks.metrics.ranks import Ranks
from hydrarec.tasks.metrics.top_list import metrics_of


def law(num_items: int, num_samples: int, distinct: bool) -> np.ndarray:
    """P(s | r) in whole numbers and fractions, by counting samples. [n, m + 1]."""
    rows = []
    for better in range(num_items):
        worse, share = num_items - 1 - better, better / (num_items - 1)
        rows.append(
            [
                math.comb(better, s) * math.comb(worse, num_samples - s) / math.comb(num_items - 1, num_samples)
                if distinct
                else math.comb(num_samples, s) * share**s * (1 - share) ** (num_samples - s)
                for s in range(num_samples + 1)
            ]
        )
    return np.array(rows)


def metrics(num_items: int, k: int) -> np.ndarray:
    """HR@k and NDCG@k at each rank: [n, 2]."""
    return np.array([[r <= k, (r <= k) / math.log2(r + 1)] for r in range(1, num_items + 1)], dtype=float)


def sampled(better: np.ndarray, num_samples: int) -> Ranks:
    size = len(better)
    return Ranks(
        torch.arange(size),
        torch.from_numpy(better),
        torch.zeros(size, dtype=torch.int64),
        torch.full((size,), num_samples + 1),
    )


@pytest.mark.parametrize("distinct", [True, False])
@pytest.mark.parametrize(("num_items", "num_samples", "k"), [(30, 6, 3), (50, 12, 10), (12, 11, 5)])
@pytest.mark.parametrize("gamma", [0.01, 0.1, 0.7, 1.0])
def test_bias_variance_against_brute_force(
    num_items: int, num_samples: int, k: int, gamma: float, distinct: bool
) -> None:
    """Σ_r (1 − γ) bias² + γ Σ_s P(s | r) (f̂(s) − f(r))², each square a row of its own."""
    chances, targets = law(num_items, num_samples, distinct), metrics(num_items, k)
    each = np.sqrt(gamma * chances)[..., None] * np.eye(num_samples + 1)  # [n, m + 1, m + 1]
    rows = np.concatenate([math.sqrt(1 - gamma) * chances, each.reshape(-1, num_samples + 1)])
    for metric, found in enumerate(estimators_of(num_items, num_samples, k, distinct=distinct, gamma=gamma).bv):
        wanted = np.sqrt(gamma * chances) * targets[:, metric, None]
        values = np.concatenate([math.sqrt(1 - gamma) * targets[:, metric], wanted.reshape(-1)])
        np.testing.assert_allclose(found, np.linalg.lstsq(rows, values)[0], atol=1e-9)


@pytest.mark.parametrize("distinct", [True, False])
def test_constrained_least_squares_meets_its_optimality_conditions(distinct: bool) -> None:
    """Convex problem: optimal if and only if no step down may grow or shrink for gain."""
    num_items, num_samples, k = 60, 12, 10
    chances, targets = law(num_items, num_samples, distinct), metrics(num_items, k)
    for found, target in zip(estimators_of(num_items, num_samples, k, distinct=distinct).cls, targets.T, strict=True):
        steps = found - np.append(found[1:], 0)
        gradient = (chances.T @ (chances @ found - target)).cumsum()  # of each step: it lifts all f̂ before it
        assert (steps >= -1e-12).all()
        assert (gradient >= -1e-8).all()
        np.testing.assert_allclose(steps * gradient, 0, atol=1e-8)


@pytest.mark.parametrize("k", [1, 10, 29, 50])
def test_all_are_exact_if_the_sample_is_the_catalogue(k: int) -> None:
    exact = metrics(30, k).T
    for found in estimators_of(30, 29, k, distinct=True):
        np.testing.assert_allclose(found, exact, atol=1e-8)


@pytest.mark.parametrize("distinct", [True, False])
def test_the_estimated_rank_is_unbiased(distinct: bool) -> None:
    """E[1 + (n − 1)s/m | r] = r: where k reaches every rank, 2^(1/f̂) − 1 of NDCG is that rank."""
    found = estimators_of(40, 7, 40, distinct=distinct).unbiased[1]
    ranks = 2 ** (1 / found) - 1
    np.testing.assert_allclose(law(40, 7, distinct) @ ranks, np.arange(1, 41), atol=1e-9)


def test_what_the_sample_can_tell_is_estimated_without_bias() -> None:
    """HR@n is 1 at every rank, which every f̂ can express."""
    for found in estimators_of(40, 7, 40, distinct=True):
        np.testing.assert_allclose(found[0], 1, atol=1e-8)


def test_less_bias_for_more_variance() -> None:
    """Over uniform ranks, γ trades one for the other; CLS has less bias than the estimate by rank."""
    chances, targets = law(300, 20, True), metrics(300, 10)[:, 0]

    def bias(found: np.ndarray) -> float:
        return float(np.square(chances @ found - targets).mean())

    def variance(found: np.ndarray) -> float:
        return float((chances @ found**2 - (chances @ found) ** 2).mean())

    by_gamma = [estimators_of(300, 20, 10, distinct=True, gamma=gamma) for gamma in (0.001, 0.01, 0.1, 1.0)]
    biases, variances = ([of(each.bv[0]) for each in by_gamma] for of in (bias, variance))
    assert biases == sorted(biases)
    assert variances == sorted(variances, reverse=True)
    assert bias(by_gamma[0].cls[0]) < bias(by_gamma[0].unbiased[0])


@pytest.mark.parametrize("distinct", [True, False])
@pytest.mark.parametrize("shape", [0.25, 0.35, 0.5, 1.0])
def test_closer_to_the_exact_metric_than_the_naive(shape: float, distinct: bool) -> None:
    """ML-1M's shape, 99 candidates, 20,000 users; the smaller the shape, the better the recommender."""
    num_items, num_samples, users = 3706, 99, 20_000
    draw = np.random.default_rng(0)
    ranks = np.floor(draw.beta(shape, 1.2, users) * num_items).astype(np.int64) + 1
    if distinct:
        better = draw.hypergeometric(ranks - 1, num_items - ranks, num_samples)
    else:
        better = draw.binomial(num_samples, (ranks - 1) / (num_items - 1))
    corrected = corrected_metrics(sampled(better, num_samples), num_items, [10], distinct=distinct)
    naive = metrics_of(sampled(better, num_samples), [10])
    exact = metrics_of(sampled(ranks - 1, num_items - 1), [10])
    for name, values in corrected.items():
        metric = name.split("/")[0]
        error = abs(values.mean() - exact[metric].mean())
        assert error < abs(naive[metric].mean() - exact[metric].mean()) / 2, name


def test_the_order_of_two_recommenders_comes_back() -> None:
    """As in the paper's example: a few items at the very top against many in the middle. Naive HR@10 reverses them."""
    num_items, num_samples, users = 3706, 99, 50_000
    draw = np.random.default_rng(1)
    sharp = np.where(draw.random(users) < 0.15, 5, 2500)
    broad = np.full(users, 150)
    found = []
    for ranks in (sharp, broad):
        better = draw.hypergeometric(ranks - 1, num_items - ranks, num_samples)
        values = corrected_metrics(sampled(better, num_samples), num_items, [10], distinct=True)
        naive = metrics_of(sampled(better, num_samples), [10])["hr@10"].mean()
        found.append((naive, values["hr@10/cls"].mean(), values["hr@10/bv"].mean()))
    (sharp_naive, sharp_cls, sharp_bv), (broad_naive, broad_cls, broad_bv) = found
    assert sharp_naive < broad_naive
    assert sharp_cls > broad_cls
    assert sharp_bv > broad_bv


def test_ties_and_candidate_counts() -> None:
    """Two tied with one above: f̂ averaged over s = 1 and 2. The second query had 3 candidates instead of 5."""
    ranks = Ranks(*(torch.tensor(column) for column in ([0, 1], [1, 0], [1, 0], [5, 3])))
    found = corrected_metrics(ranks, 20, [3], distinct=True)
    four, two = estimators_of(20, 4, 3, distinct=True), estimators_of(20, 2, 3, distinct=True)
    for name in ("unbiased", "cls", "bv"):
        first, second = getattr(four, name), getattr(two, name)
        expected = [(first[0, 1] + first[0, 2]) / 2, second[0, 0]]
        assert found[f"hr@3/{name}"].tolist() == pytest.approx(expected, abs=1e-12)
        assert found[f"ndcg@3/{name}"][1].item() == pytest.approx(second[1, 0], abs=1e-12)


def test_blocks_of_ranks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = estimators_of(100, 9, 10, distinct=True)
    monkeypatch.setattr("hydrarec.tasks.metrics.corrections.ROWS_AT_ONCE", 7)
    parts = estimators_of.__wrapped__(100, 9, 10, distinct=True)
    for first, second in zip(whole, parts, strict=True):
        np.testing.assert_allclose(first, second, atol=1e-9)


def test_what_cannot_be_corrected_is_refused() -> None:
    for num_items, num_samples, k, gamma in [(10, 10, 1, 0.1), (10, 0, 1, 0.1), (10, 3, 0, 0.1), (10, 3, 1, 0.0)]:
        with pytest.raises(ValueError, match="cannot correct"):
            estimators_of(num_items, num_samples, k, distinct=True, gamma=gamma)
    twice = Ranks(*(torch.tensor(column) for column in ([0, 0], [1, 0], [0, 0], [5, 5])))
    with pytest.raises(ValueError, match="one held-out item per query"):
        corrected_metrics(twice, 20, [3], distinct=True)
