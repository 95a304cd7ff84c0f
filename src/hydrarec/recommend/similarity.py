"""Similar items according to a model, and the rated items that explain a recommendation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from hydrarec.core.errors import ConfigError
from hydrarec.models.base import Recommender
from hydrarec.recommend.top import best

if TYPE_CHECKING:
    from hydrarec.analysis.neighbours import Neighbours

Indices = NDArray[np.int64]


def can_compare_items(model: Recommender) -> bool:
    """Whether the model can compare items."""
    return model.vectors("item") is not None or model.item_weights(torch.arange(1, device=model.device)) is not None


def similarity_measure(model: Recommender) -> str:
    """By what :func:`nearest_items` can_compare_items, in words.

    Raises:
        ConfigError: the model has neither item vectors nor item weights (such as popularity).
    """
    if model.vectors("item") is not None:
        return "cosine"
    if can_compare_items(model):
        return "weight"
    raise ConfigError(
        f"model {type(model).__name__} cannot compare items: it has neither vectors nor weights of items",
        expected="a model with embeddings, such as biased_dot or ials, or with weights between items: ease, item_knn",
        fix="use a run of such a model; user=<raw id> without why works with every model",
        value=type(model).__name__,
    )


@torch.no_grad()
def nearest_items(model: Recommender, queries: Indices, among: Indices, k: int) -> Neighbours:
    """The ``k`` items of ``among``, int64 [m], most like each of ``queries``, int64 [Q], itself left out, ties by index.

    By the cosine of the items' vectors; in a model without vectors by what an item in the history adds to the query's score,
    where that is positive.

    Raises:
        ConfigError: the model has neither.
    """
    from hydrarec.analysis.neighbours import NONE, Neighbours, nearest_neighbours  # scipy takes a second to import

    if similarity_measure(model) == "cosine":
        vectors = model.vectors("item")
        assert vectors is not None
        return nearest_neighbours(vectors.double().cpu().numpy(), k=k, measure="cosine", queries=queries, among=among)
    rows = torch.from_numpy(queries).to(model.device)
    weights = model.item_weights(rows)
    assert weights is not None
    weights[torch.arange(len(rows)), rows] = -torch.inf
    others = np.setdiff1d(np.arange(model.num_items), among)
    found = best(weights.index_fill_(1, torch.from_numpy(others).to(model.device), -torch.inf), min(k, model.num_items))
    items, values = (column.cpu().numpy() for column in found)
    return Neighbours(np.where(values > 0, items, NONE), np.where(values > 0, values.astype(np.float64), np.nan))


def reasons(model: Recommender, recommended: Indices, rated: Indices, k: int) -> list[Indices]:
    """For each recommended item the at most ``k`` of the user's ``rated`` items that favour it most."""
    found = nearest_items(model, recommended, rated, k)
    return [items[values > 0] for items, values in zip(found.items, found.similarities, strict=True)]
