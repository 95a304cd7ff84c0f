"""Learned vectors and biases of users and items beside their raw ids, for other programs."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from hydrarec.core.errors import ConfigError
from hydrarec.models.base import Recommender
from hydrarec.models.trained import TrainedRun
from hydrarec.runs.run_data import RunData

_SAMPLED_USERS = 32  # whose ranking of the catalogue is compared
_ROUNDING = 1e-5  # of the spread of a user's scores, by which rankings may differ


@dataclass(frozen=True, eq=False)
class Embeddings:
    """Attributes:
    model: the name of its class. data: the run's, whose raw ids and titles go with the rows.
    user_vectors, item_vectors: float32 [n, D], or None where the model has none.
    user_biases, item_biases: float32 [n], or None.
    inner_product: whether ``⟨p_u, q_i⟩ + b_i`` puts the items in the same order as the model does for u.
    """

    model: str
    data: RunData
    user_vectors: Tensor | None
    item_vectors: Tensor | None
    user_biases: Tensor | None
    item_biases: Tensor | None
    inner_product: bool

    @property
    def use(self) -> str:
        """How they may be used, in a sentence."""
        if self.inner_product:
            bias = " plus the item's bias" if self.item_biases is not None else ""
            return f"the inner product of a user's and an item's vector{bias} ranks items as {self.model} does"
        return f"the scores of {self.model} are not inner products of these vectors: compare items with items by cosine"


@torch.no_grad()
def embeddings_of(run: TrainedRun) -> Embeddings:
    """The embeddings of a run.

    Raises:
        ConfigError: its model has no vectors.
    """
    model = run.model
    users, items = (_contiguous(model.vectors(of)) for of in ("user", "item"))
    if users is None and items is None:
        raise ConfigError(
            f"model {type(model).__name__} has no embeddings to export",
            expected="a run of a model with vectors of users or items, such as biased_dot, gmf, ials or lightgcn",
            fix="export=<file> of such a run; user=<raw id> recommends with any",
            value=type(model).__name__,
        )
    of_users, of_items = (_contiguous(model.biases(of)) for of in ("user", "item"))
    return Embeddings(
        model=type(model).__name__,
        data=run.data,
        user_vectors=users,
        item_vectors=items,
        user_biases=of_users,
        item_biases=of_items,
        inner_product=users is not None and items is not None and _inner_product_orders(model, users, items, of_items),
    )


def _contiguous(tensor: Tensor | None) -> Tensor | None:
    return None if tensor is None else tensor.detach().float().cpu().contiguous()


def _inner_product_orders(model: Recommender, users: Tensor, items: Tensor, biases: Tensor | None) -> bool:
    """Whether inner products rank the catalogue as the model does, for evenly spaced users."""
    if users.shape[1] != items.shape[1]:
        return False
    some = torch.arange(0, model.num_users, 1 + (model.num_users - 1) // _SAMPLED_USERS)
    products = users[some] @ items.T
    if biases is not None:
        products += biases
    scores = model.catalogue_scores(some.to(model.device)).cpu()
    steps = scores.gather(1, products.argsort(dim=1)).diff(dim=1)
    slack = _ROUNDING * (scores.amax(1, keepdim=True) - scores.amin(1, keepdim=True))
    return bool((steps >= -slack).all())
