"""The base of models with a learned embedding per user: new users are folded in, whole tables can be penalised."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from hydrarec.core.errors import CheckpointError
from hydrarec.models.base import Recommender
from hydrarec.models.parts.fold_in import Population, choices, distinct_history, posterior_mode
from hydrarec.models.parts.layers import Lookup

# σ² of ratings, in variances among the trained users of the scores of an item: neither noise nor training ratings are in
# every checkpoint, but this variance is, in the units of any scale. On ml-100k the mean squared training error of dot,
# biased_dot, mlp and e1 is 2.3 to 3.1 of it, and between 2 and 6 the RMSE of fold-in changes by at most 0.003; that of
# biased_dot trained to an error of 0.1, far beyond its best epoch, is 0.93 against 1.07 of the trained users themselves.
# Ratings with much less noise than those are shrunk towards the mean user more than they need be.
NOISE_RATIO = 3.0
_SAMPLED_USERS = 256  # of which that variance is estimated


class EmbeddingRecommender(Recommender):
    """A model whose users are rows of embedding tables.

    Attributes:
        user_tables: names of the tables with a row per user; fold-in finds these rows of a new user.
        l2: strength of a penalty on all whole tables in every step, ``l2 · Σ ‖W‖²``, like Keras' regularisers.
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
        """Scores of every item for a new user, see :meth:`scores_of_history`, by :mod:`hydrarec.models.parts.fold_in`.

        ``observed``: buffers of the model with a row per user, reduced to the new user's.

        The mode is found by L-BFGS in float64 from the mean user on, in coordinates where the prior is N(0, I); for a model
        that is linear in the user it is ridge regression. An evaluation costs the scores of the rated items, or those of
        the catalogue where feedback is implicit.
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
    """A model with a single user, whose row is not known yet."""

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
        """Scores of ``items``, int64 [n], for the user with this row, float64 [D]: float64 [n]."""
        parts = [_DenseGradient.apply(part.unsqueeze(0)) for part in row.split(self.widths)]
        user = torch.zeros(1, dtype=torch.int64, device=row.device)
        state = {**self.fixed, **dict(zip(self.names, parts, strict=True))}
        scores: Tensor = torch.func.functional_call(self.model, state, (user, items))
        return scores

    def catalogue_scores(self, row: Tensor) -> Tensor:
        """float64 [num_items]"""
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
    """The identity, which makes a dense gradient of a row-sparse one."""

    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:
        return values.view_as(values)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return gradient.to_dense() if gradient.is_sparse else gradient
