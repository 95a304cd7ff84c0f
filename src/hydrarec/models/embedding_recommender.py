"""The base of models with learned user embeddings, with fold-in of new users and an optional penalty on full tables."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from hydrarec.core.errors import CheckpointError
from hydrarec.models.base import Recommender
from hydrarec.models.parts.fold_in import Population, choices, distinct_history, posterior_mode
from hydrarec.models.parts.layers import Lookup

# σ² of ratings, in units of the variance of an item's scores over the trained users: not every checkpoint has the noise or
# the training ratings, but all have this variance, for any rating scale. On ml-100k the mean squared training error of dot,
# biased_dot, mlp and e1 is 2.3 to 3.1 of these units; between 2 and 6 the RMSE of fold-in changes by at most 0.003. For
# biased_dot trained to an error of 0.1, far beyond its best epoch, the RMSE is 0.93 for fold-in, 1.07 for trained users.
# Ratings with much less noise are shrunk towards the mean user more than necessary.
NOISE_RATIO = 3.0
_SAMPLED_USERS = 256  # sample from which that variance is estimated


class EmbeddingRecommender(Recommender):
    """A model with a row per user in one or more embedding tables.

    Attributes:
        user_tables: names of the tables with a row per user; fold-in estimates a new user's rows in them.
        l2: strength of the penalty on all full tables in each step, ``l2 · Σ ‖W‖²``, like Keras' regularisers.
    """

    user_tables: ClassVar[tuple[str, ...]] = ("user_embedding",)
    l2: float = 0.0

    def penalty(self) -> Tensor | None:
        if self.l2 == 0:
            return None
        weights = [module.weight for module in self.children() if isinstance(module, nn.Embedding | Lookup)]
        return self.l2 * torch.stack([weight.square().sum() for weight in weights]).sum()

    def scores_of_history(self, items: Tensor, targets: Tensor) -> Tensor:
        return self.fold_in(items, targets)

    def fold_in(self, items: Tensor, targets: Tensor, **observed: Tensor) -> Tensor:
        """Implement :meth:`scores_of_history` with :mod:`hydrarec.models.parts.fold_in`.

        ``observed``: the model's buffers with a row per user, reduced to the new user's row.

        L-BFGS finds the mode in float64, starting from the mean user, in coordinates where the prior is N(0, I). For a model
        that is linear in the user this is ridge regression. Each evaluation scores the rated items, or the catalogue for
        implicit feedback.
        """
        if self.task is None:
            raise CheckpointError(
                f"the checkpoint of this {type(self).__name__} does not say whether it was trained to rate or to rank",
                expected="a checkpoint of this version, in which a newcomer's history has a meaning",
                fix="hydrarec-train replay=<run folder>",
            )
        with torch.inference_mode(False):
            items, targets = distinct_history(items.clone(), targets.clone())
            newcomer = _Newcomer(self, observed)
            row = newcomer.population.mean
            if len(items):
                rating = self.task == "rating"
                error = newcomer.rating_error(items, targets) if rating else choices(newcomer.catalogue_scores, items)
                row = posterior_mode(newcomer.population, error)
            with torch.no_grad():
                return newcomer.catalogue_scores(row).float()


class _Newcomer:
    """A model restricted to one new user, whose row is still unknown."""

    def __init__(self, model: EmbeddingRecommender, observed: dict[str, Tensor]) -> None:
        self.model = model
        tables: list[Tensor] = [getattr(model, name).weight for name in model.user_tables]
        self.names = [f"{name}.weight" for name in model.user_tables]
        self.widths = [table.shape[1] for table in tables]
        self.population = Population.of(torch.cat(tables, dim=1))
        self.fixed = {
            name: tensor.double() if tensor.is_floating_point() else tensor
            for name, tensor in {**model.state_dict(), **observed}.items()
            if name not in self.names
        }

    def scores(self, row: Tensor, items: Tensor) -> Tensor:
        """Scores of ``items`` (int64 [n]) for a user with this row (float64 [D]): float64 [n]."""
        parts = [_DenseGradient.apply(part.unsqueeze(0)) for part in row.split(self.widths)]
        user = torch.zeros(1, dtype=torch.int64, device=row.device)
        state = {**self.fixed, **dict(zip(self.names, parts, strict=True))}
        scores: Tensor = torch.func.functional_call(self.model, state, (user, items))
        return scores

    def catalogue_scores(self, row: Tensor) -> Tensor:
        """Scores of every item: float64 [num_items]."""
        return self.scores(row, torch.arange(self.model.num_items, device=row.device))

    def rating_error(self, items: Tensor, ratings: Tensor) -> Callable[[Tensor], Tensor]:
        """``Σ (r − s)² / 2σ²`` as a function of the row."""
        count = self.model.num_users
        users = torch.arange(0, count, 1 + (count - 1) // _SAMPLED_USERS, device=items.device)
        with torch.no_grad():
            variance = self.model.catalogue_scores(users)[:, items].double().var(0, correction=0).mean()
        noise = NOISE_RATIO * variance.clamp(min=torch.finfo(torch.float32).tiny)
        return lambda row: (self.scores(row, items) - ratings).square().sum() / (2 * noise)


class _DenseGradient(torch.autograd.Function):
    """The identity; its backward pass turns a row-sparse gradient into a dense one."""

    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:
        return values.view_as(values)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return gradient.to_dense() if gradient.is_sparse else gradient
