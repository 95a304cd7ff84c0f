"""Estimates of full-catalogue metrics from ranks among a sample of the catalogue.

Krichene & Rendle, "On Sampled Metrics for Item Recommendation", KDD 2020, section on corrected metrics. An item at rank r
of a catalogue of n items (itself included) is ranked among itself and m sampled others; s of them are better. Instead of
f(s + 1), which treats the sample as the catalogue, average f̂(s), chosen so that its mean approximates that of f(r):

``unbiased``  f̂(s) = f(1 + (n − 1)s/m): the metric at the unbiased estimate of the *rank* (the paper's name; its metric is
              biased, because f is not linear).
``cls``       constrained least squares: minimises Σ_r p(r) (E[f̂ | r] − f(r))², the bias, over all f̂ that do not increase
              with s. Departure: also f̂ ≥ 0, since the metrics are.
``bv``        minimises Σ_r p(r) ((E[f̂ | r] − f(r))² + γ Var[f̂ | r]), bias and variance. γ = 1 is the mean squared error.

p(r) is uniform, as in the paper. f is 1 (HR) or 1/log2(r + 1) (NDCG) up to rank k, else 0: one relevant item per query.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import scipy
import torch
from numpy.typing import NDArray
from torch import Tensor

from hydrarec.tasks.metrics.ranks import Ranks

Array = NDArray[np.float64]

ROWS_AT_ONCE = 2**15  # ranks whose distributions are in memory at once


class Estimators(NamedTuple):
    """f̂(0) … f̂(m) of each estimator, each float64 [2, m + 1]: the first row for HR, the second for NDCG."""

    unbiased: Array
    cls: Array
    bv: Array


def corrected_metrics(
    ranks: Ranks, num_items: int, ks: Sequence[int], *, distinct: bool, gamma: float = 0.1
) -> dict[str, Tensor]:
    """Per query, float64 [Q]: ``hr@k/unbiased``, ``hr@k/cls``, ``hr@k/bv`` and the same of ``ndcg@k``. Average them.

    ``ranks``: ranks among the sampled candidates, one held-out item per query. ``num_items``: size n of the catalogue that a
    full ranking would use. ``distinct``: whether the candidates of a query were sampled without replacement; False:
    independently, as in the paper. A single query's value is not an estimate for that query (it may be negative or above
    1). Ties count by expectation over their order.
    """
    if (ranks.queries.diff() <= 0).any():
        raise ValueError("the corrections of sampled metrics are defined for one held-out item per query")
    found = {
        f"{metric}@{k}/{name}": torch.empty(len(ranks.queries), dtype=torch.float64, device=ranks.queries.device)
        for k in ks
        for metric in ("hr", "ndcg")
        for name in Estimators._fields
    }
    for num_candidates in ranks.candidates.unique().tolist():  # usually the same for all
        rows = torch.nonzero(ranks.candidates == num_candidates).squeeze(1)
        first, stop = ranks.better[rows], ranks.better[rows] + ranks.tied[rows] + 1
        for k in ks:
            estimators = estimators_of(num_items, num_candidates - 1, k, distinct=distinct, gamma=gamma)
            for name, pair in estimators._asdict().items():
                for metric, values in zip(("hr", "ndcg"), pair, strict=True):
                    sums = torch.from_numpy(np.concatenate([[0.0], values.cumsum()])).to(first.device)
                    found[f"{metric}@{k}/{name}"][rows] = (sums[stop] - sums[first]) / (stop - first)
    return found


@lru_cache(maxsize=256)
def estimators_of(num_items: int, num_samples: int, k: int, *, distinct: bool, gamma: float = 0.1) -> Estimators:
    """Compute the estimators of HR@k and NDCG@k. All three are exact if the sample is distinct and the whole catalogue."""
    limit = num_items - 1 if distinct else None
    if num_samples < 1 or k < 1 or not 0 < gamma <= 1 or (limit is not None and num_samples > limit):
        raise ValueError(
            f"cannot correct a metric at k = {k} from {num_samples} {'distinct' if distinct else 'independent'} samples of "
            f"{num_items} items with gamma = {gamma}; needed: k ≥ 1, 1 ≤ samples (≤ items − 1 if distinct), 0 < gamma ≤ 1"
        )
    triangle, targets, chances = _least_squares(num_items, num_samples, k, distinct)
    estimated_ranks = 1 + (num_items - 1) * np.arange(num_samples + 1) / num_samples
    unbiased = _metrics_at(estimated_ranks, k).T
    cls = np.stack([_constrained(triangle, target) for target in targets.T])
    bv = _bias_variance(triangle, targets, chances, gamma).T
    return Estimators(unbiased, cls, bv)


def _metrics_at(ranks: Array, k: int) -> Array:
    """HR@k and NDCG@k of one relevant item at ``ranks`` [N] → [N, 2]."""
    inside = ranks <= k
    return np.stack([inside, inside / np.log2(ranks + 1)], axis=1)


def _least_squares(num_items: int, num_samples: int, k: int, distinct: bool) -> tuple[Array, Array, Array]:
    """‖A f̂ − b‖² with A[r, s] = P(s | r), b[r] = f(r), n rows, reduced to m + 1 rows; the constant p(r) = 1/n is omitted.

    Returns a triangle R [m + 1, m + 1] with RᵀR = AᵀA, the targets z [m + 1, 2] with Rᵀz = Aᵀb, and Σ_r P(s | r)
    [m + 1]. Uses QR, because AᵀA would square a condition number that float64 can only just handle.
    """
    width = num_samples + 1
    triangle, chances = np.zeros((0, width + 2)), np.zeros(width)
    for start in range(1, num_items + 1, ROWS_AT_ONCE):
        ranks = np.arange(start, min(start + ROWS_AT_ONCE, num_items + 1))
        law = _law_of_better(ranks, num_items, num_samples, distinct)
        chances += law.sum(0)
        block = np.concatenate([law, _metrics_at(ranks.astype(np.float64), k)], axis=1)
        triangle = np.asarray(np.linalg.qr(np.concatenate([triangle, block]), mode="r"))
    return triangle[:width, :width], triangle[:width, width:], chances


def _law_of_better(ranks: NDArray[np.int64], num_items: int, num_samples: int, distinct: bool) -> Array:
    """P(s | r) [N, m + 1] for ``ranks`` [N]: r − 1 of n − 1 others are better; binomial, or hypergeometric if distinct."""
    better, s = ranks[:, None] - 1, np.arange(num_samples + 1)
    factorials = scipy.special.gammaln(np.arange(max(num_items, num_samples + 1)) + 1.0)

    def log_binomial(n: NDArray[np.int64], k: NDArray[np.int64]) -> Array:
        possible = (k >= 0) & (k <= n)
        k = np.where(possible, k, 0)
        return np.where(possible, factorials[n] - factorials[k] - factorials[n - k], -np.inf)

    ways = log_binomial(np.asarray(num_samples), s)
    if distinct:  # s of the better items fall on the m sampled places, better − s on the rest
        rest = log_binomial(np.asarray(num_items - 1 - num_samples), better - s)
        return np.exp(ways + rest - log_binomial(np.asarray(num_items - 1), better))
    share = better / max(1, num_items - 1)
    return np.exp(ways + scipy.special.xlogy(s, share) + scipy.special.xlog1py(num_samples - s, -share))


def _constrained(triangle: Array, target: Array) -> Array:
    """argmin ‖R f̂ − z‖ over f̂(0) ≥ f̂(1) ≥ … ≥ f̂(m) ≥ 0: sums of non-negative steps from the end. [m + 1]."""
    steps, _ = scipy.optimize.nnls(triangle.cumsum(1), target, maxiter=100 * triangle.shape[1])
    return steps[::-1].cumsum()[::-1]


def _bias_variance(triangle: Array, targets: Array, chances: Array, gamma: float) -> Array:
    """f̂ = ((1 − γ) AᵀA + γ diag(Aᵀ1))⁻¹ Aᵀb, because bias² + γ variance = (1 − γ) bias² + γ squared error. [m + 1, 2]."""
    normal = (1 - gamma) * triangle.T @ triangle + gamma * np.diag(chances)
    return scipy.linalg.solve(normal, triangle.T @ targets, assume_a="pos")
