"""Fold-in: the rows of a user whom training never saw, with everything of the items held fixed.

The newcomer is one more user of the kind that was trained: the rows of the trained users, all of a user's tables side by
side, are a Gaussian N(m, Σ) from which the newcomer's row p comes (an empirical Bayes prior), and p is its posterior mode::

    −log p(p | history) = −log p(history | p) + ½ (p − m)ᵀ Σ⁻¹ (p − m) + constant

Ratings r_i have Gaussian noise around the model's scores s_i, ``Σ_i (r_i − s_i)² / 2σ²``. What was not rated but taken is a
draw from softmax(s) over the catalogue, ``−Σ_i log softmax_i(s)``: that is what a score means after training on sampled
negatives, whichever loss: with uniform negatives the best scores under bce, bpr and softmax alike are
``s_ui = log p(i | u) + c_u``, and the likelihood neither sees c_u nor needs the number of negatives.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol, Self, cast

import torch
from torch import Tensor, nn

from hydrarec.core.errors import CheckpointError

# σ² of ratings, in variances among the trained users of the scores of an item: neither noise nor training ratings are in
# every checkpoint, but this variance is, in the units of any scale. On ml-100k the mean squared training error of dot,
# biased_dot, mlp and e1 is 2.3 to 3.1 of it, and between 2 and 6 the RMSE of fold-in changes by at most 0.003; that of
# biased_dot trained to an error of 0.1, far beyond its best epoch, is 0.93 against 1.07 of the trained users themselves.
# Ratings with much less noise than those are shrunk towards the mean user more than they need be.
NOISE_RATIO = 3.0
_SAMPLED_USERS = 256  # that variance is taken among


class Foldable(Protocol):
    """What fold-in asks of a trained model: a :class:`hydrarec.models.base.Recommender` with ``user_tables``."""

    task: str | None
    num_users: int
    num_items: int

    @property
    def user_tables(self) -> tuple[str, ...]: ...

    def catalogue_scores(self, users: Tensor) -> Tensor: ...

    def state_dict(self) -> dict[str, Tensor]: ...


class Population(NamedTuple):
    """Rows of users as a Gaussian: mean m, float64 [D], and factor L, float64 [D, D], of the covariance L Lᵀ."""

    mean: Tensor
    factor: Tensor

    @classmethod
    def of(cls, rows: Tensor) -> Self:
        """That of ``rows``, floating [U, D].

        Correlations are shrunk towards none by oracle approximating shrinkage (Chen, Wiesel, Eldar & Hero 2010, eq. 23), so
        that fewer users than columns suffice; a column that is the same for all stays so.
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
        """E[p] given ``values = design · p + noise``: [n], [n, D] and the noise's precisions [n] → float64 [D]."""
        design, values, precisions = design.double(), values.double(), precisions.double()
        inner = design @ self.factor
        system = (precisions.unsqueeze(1) * inner).T @ inner
        system.diagonal().add_(1)
        right = inner.T @ (precisions * (values - design @ self.mean))
        return self.mean + self.factor @ torch.linalg.solve(system, right)


def _shrinkage(correlation: Tensor, count: int) -> float:
    """ρ of eq. 23, at least what keeps the matrix definite."""
    width = len(correlation)
    squares, trace = float(correlation.square().sum()), float(correlation.trace())
    wanted = (1 - 2 / width) * squares + trace**2
    scatter = (count + 1 - 2 / width) * (squares - trace**2 / width)
    return min(1.0, max(1e-6, wanted / scatter)) if scatter > 0 else 1.0


def distinct_history(items: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Items in rising order, int64 [m], beside their targets, float32 [m]: one named twice counts once, with the mean."""
    distinct, places = torch.unique(items, return_inverse=True)
    sums = targets.new_zeros(len(distinct), dtype=torch.float64).index_add_(0, places, targets.double())
    return distinct, (sums / torch.bincount(places, minlength=len(distinct))).float()


def fold_in(model: Foldable, items: Tensor, targets: Tensor, **observed: Tensor) -> Tensor:
    """Scores of every item for a newcomer with this history, float32 [num_items], by a model with ``user_tables``.

    Args:
        items, targets: int64 [n] and float32 [n], see :meth:`hydrarec.models.base.Recommender.scores_of_history`. Nothing
            at all gives the mean user.
        observed: buffers of the model that are about its users, as they are for the newcomer alone.

    The mode is found by L-BFGS in float64 from the mean user on, in coordinates where the prior is N(0, I); for a model that
    is linear in the user it is ridge regression. An evaluation costs the scores of the rated items, or those of the
    catalogue where feedback is implicit.

    Raises:
        CheckpointError: the checkpoint is from before the task was kept in it.
    """
    if model.task is None:
        raise CheckpointError(
            f"the checkpoint of this {type(model).__name__} does not say whether it was trained to rate or to rank",
            expected="a checkpoint of this version, in which a newcomer's history has a meaning",
            fix="hydrarec-train replay=<run folder>",
        )
    with torch.inference_mode(False):
        items, targets = distinct_history(items.clone(), targets.clone())
        newcomer = _Newcomer(model, observed)
        population, row = newcomer.population, newcomer.population.mean
        if len(items) and model.task == "rating":
            row = posterior_mode(population, _ratings(newcomer, items, targets))
        elif len(items):
            row = posterior_mode(population, choices(newcomer.catalogue_scores, items))
        with torch.no_grad():
            return newcomer.catalogue_scores(row).float()


class _Newcomer:
    """A model with a single user, whose row is still to be found."""

    def __init__(self, model: Foldable, observed: dict[str, Tensor]) -> None:
        self.model = model
        tables: list[Tensor] = [getattr(model, name).weight for name in model.user_tables]
        self.names = [f"{name}.weight" for name in model.user_tables]
        self.widths = [table.shape[1] for table in tables]
        self.population = Population.of(torch.cat(tables, dim=1))
        self.others = {
            name: tensor.double() if tensor.is_floating_point() else tensor
            for name, tensor in {**model.state_dict(), **observed}.items()
            if name not in self.names
        }

    def scores(self, row: Tensor, items: Tensor) -> Tensor:
        """Of ``items``, int64 [n], for the user with this row, float64 [D]: float64 [n]."""
        parts = [_DenseGradient.apply(part.unsqueeze(0)) for part in row.split(self.widths)]
        user = torch.zeros(1, dtype=torch.int64, device=row.device)
        state = {**self.others, **dict(zip(self.names, parts, strict=True))}
        found: Tensor = torch.func.functional_call(cast(nn.Module, self.model), state, (user, items))
        return found

    def catalogue_scores(self, row: Tensor) -> Tensor:
        """float64 [num_items]"""
        return self.scores(row, torch.arange(self.model.num_items, device=row.device))


class _DenseGradient(torch.autograd.Function):
    """The identity; tables with row-sparse gradients give sparse ones, which cannot be put together to that of a row."""

    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:
        return values.view_as(values)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return gradient.to_dense() if gradient.is_sparse else gradient


def posterior_mode(population: Population, unlikeliness: Callable[[Tensor], Tensor]) -> Tensor:
    """The row, float64 [D], that minimises ``unlikeliness``, −log p(history | row), plus the prior's."""
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
            (point.grad,) = torch.autograd.grad(loss, point)  # backward() would fill the model's own gradients too
        return float(loss.detach())

    optimizer.step(evaluate)
    return mean + factor @ point.detach()


def choices(catalogue_scores: Callable[[Tensor], Tensor], items: Tensor) -> Callable[[Tensor], Tensor]:
    """``−Σ log softmax(s)`` of the taken ``items``, int64 [n], as a function of the row that ``catalogue_scores`` scores."""

    def unlikeliness(row: Tensor) -> Tensor:
        scores = catalogue_scores(row)
        return len(items) * scores.logsumexp(0) - scores[items].sum()

    return unlikeliness


def _ratings(newcomer: _Newcomer, items: Tensor, ratings: Tensor) -> Callable[[Tensor], Tensor]:
    """``Σ (r − s)² / 2σ²`` as a function of the row."""
    model = newcomer.model
    some = torch.arange(0, model.num_users, 1 + (model.num_users - 1) // _SAMPLED_USERS, device=items.device)
    with torch.no_grad():
        variance = model.catalogue_scores(some)[:, items].double().var(0, correction=0).mean()
    noise = NOISE_RATIO * variance.clamp(min=torch.finfo(torch.float32).tiny)
    return lambda row: (newcomer.scores(row, items) - ratings).square().sum() / (2 * noise)
