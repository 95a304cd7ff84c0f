"""Fold-in: estimates the embedding of a user outside the training data, with all item parameters fixed.

The trained users' rows (each user's tables concatenated) define the prior N(m, Σ) of the new user's row p (empirical
Bayes); p is set to the posterior mode, the minimum of::

    −log p(p | history) = −log p(history | p) + ½ (p − m)ᵀ Σ⁻¹ (p − m) + constant

Ratings r_i have Gaussian noise around the model's scores s_i: ``Σ_i (r_i − s_i)² / 2σ²``. Implicit feedback is modelled as
draws from softmax(s) over the catalogue, ``−Σ_i log softmax_i(s)``, whatever the training loss: with uniform negatives the
optimal scores under bce, bpr and softmax are all ``s_ui = log p(i | u) + c_u``, and the likelihood depends neither on c_u
nor on the number of negatives.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Self

import torch
from torch import Tensor


class Population(NamedTuple):
    """A Gaussian over user rows: mean m, float64 [D], and factor L, float64 [D, D], of the covariance L Lᵀ."""

    mean: Tensor
    factor: Tensor

    @classmethod
    def of(cls, rows: Tensor) -> Self:
        """Fit the Gaussian to ``rows``, floating [U, D].

        Correlations are shrunk towards 0 by oracle approximating shrinkage (Chen, Wiesel, Eldar & Hero 2010, eq. 23), so
        it works with fewer users than columns; a constant column stays constant.
        """
        rows = rows.detach().double()
        mean = rows.mean(0)
        spread = (rows - mean).square().mean(0).sqrt()
        standard = (rows - mean) / torch.where(spread > 0, spread, 1)
        correlation = standard.T @ standard / len(rows)
        share = _shrinkage(correlation, len(rows))
        shrunk = (1 - share) * correlation
        shrunk.diagonal().copy_(torch.ones_like(spread))
        return cls(mean, spread.unsqueeze(1) * torch.linalg.cholesky(shrunk))

    def posterior_mean(self, design: Tensor, values: Tensor, precisions: Tensor) -> Tensor:
        """E[p | values], float64 [D], for ``values = design · p + noise``: [n], [n, D], and noise precisions [n]."""
        design, values, precisions = design.double(), values.double(), precisions.double()
        inner = design @ self.factor
        system = (precisions.unsqueeze(1) * inner).T @ inner
        system.diagonal().add_(1)
        right = inner.T @ (precisions * (values - design @ self.mean))
        return self.mean + self.factor @ torch.linalg.solve(system, right)


def _shrinkage(correlation: Tensor, count: int) -> float:
    """ρ of eq. 23, at least large enough to keep the matrix positive definite."""
    width = len(correlation)
    squares, trace = float(correlation.square().sum()), float(correlation.trace())
    target = (1 - 2 / width) * squares + trace**2
    scatter = (count + 1 - 2 / width) * (squares - trace**2 / width)
    return min(1.0, max(1e-6, target / scatter)) if scatter > 0 else 1.0


def distinct_history(items: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """The distinct items in ascending order, int64 [m], and their mean targets, float32 [m]."""
    distinct, places = torch.unique(items, return_inverse=True)
    sums = targets.new_zeros(len(distinct), dtype=torch.float64).index_add_(0, places, targets.double())
    return distinct, (sums / torch.bincount(places, minlength=len(distinct))).float()


def posterior_mode(population: Population, unlikeliness: Callable[[Tensor], Tensor]) -> Tensor:
    """The row, float64 [D], that minimises ``unlikeliness``, −log p(history | row), plus the prior's −log density."""
    mean, factor = population
    point = torch.zeros_like(mean).requires_grad_()
    optimizer = torch.optim.LBFGS(
        [point],
        max_iter=200,
        tolerance_grad=1e-6,
        tolerance_change=1e-10,
        history_size=20,
        line_search_fn="strong_wolfe",
    )

    def evaluate() -> float:
        with torch.enable_grad():
            loss = unlikeliness(mean + factor @ point) + 0.5 * point.square().sum()
            (point.grad,) = torch.autograd.grad(loss, point)  # backward() would also write to the model's gradients
        return float(loss.detach())

    optimizer.step(evaluate)
    return mean + factor @ point.detach()


def choices(catalogue_scores: Callable[[Tensor], Tensor], items: Tensor) -> Callable[[Tensor], Tensor]:
    """``−Σ log softmax(s)`` over the history ``items``, int64 [n], as a function of the user's row."""

    def unlikeliness(row: Tensor) -> Tensor:
        scores = catalogue_scores(row)
        return len(items) * scores.logsumexp(0) - scores[items].sum()

    return unlikeliness
