"""Similar items according to a model, and explanations of recommendations."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.models.conftest import Make
from tests.models.test_closed_form import data_of, interactions, made
from tests.recommend.small_runs import Table

from hydrarec.core.errors import ConfigError
from hydrarec.models.dot import Dot
from hydrarec.models.ease import EASE
from hydrarec.models.knn import ItemKNN
from hydrarec.models.parts.histories import SparseRows
from hydrarec.recommend.similarity import can_compare_items, nearest_items, reasons, similarity_measure

ALL = np.arange(6)


def with_vectors(vectors: list[list[float]]) -> Dot:
    sizes = {"num_users": 2, "num_items": len(vectors), "embedding_dim": len(vectors[0])}
    model = Dot(**sizes, embedding="library", init="zeros", init_scale=1.0, l2=0.0).requires_grad_(False)
    model.item_embedding.weight.copy_(torch.tensor(vectors))
    return model


DIRECTIONS = with_vectors([[1, 0], [9, 1], [0, 2], [-1, 0], [1, 1], [2, 0]])
#                                what each item of a history (row) adds to the others
WEIGHTS = Table(torch.zeros(2, 3), torch.tensor([[0.0, 0.5, -1.0], [0.2, 0.0, 0.3], [0.4, 0.0, 0.0]]))


def test_cosine_does_not_see_lengths() -> None:
    """To (1, 0): (2, 0) 1, (9, 1) 9/√82, (1, 1) 1/√2, (0, 2) 0, (−1, 0) −1."""
    found = nearest_items(DIRECTIONS, np.array([0]), ALL, 5)
    assert found.items.tolist() == [[5, 1, 4, 2, 3]]
    np.testing.assert_allclose(found.similarities, [[1, 9 / 82**0.5, 0.5**0.5, 0, -1]])
    assert similarity_measure(DIRECTIONS) == "cosine"


def test_only_among_some() -> None:
    assert nearest_items(DIRECTIONS, np.array([0, 2]), np.array([3, 4]), 3).items.tolist() == [[4, 3, -1], [4, 3, -1]]


def test_weights_are_those_of_the_query() -> None:
    """For item 0 speaks item 2 with 0.4, then item 1 with 0.2; for item 1 item 0 alone; for item 2 item 1, 0 against it."""
    found = nearest_items(WEIGHTS, np.arange(3), np.arange(3), 2)
    assert found.items.tolist() == [[2, 1], [0, -1], [1, -1]]
    np.testing.assert_allclose(found.similarities, [[0.4, 0.2], [0.5, np.nan], [0.3, np.nan]])
    assert nearest_items(WEIGHTS, np.array([0]), np.array([1]), 2).items.tolist() == [[1, -1]]
    assert similarity_measure(WEIGHTS) == "weight"


def test_reasons_are_a_users_own_and_never_against() -> None:
    own = np.array([1, 2, 3])
    assert [some.tolist() for some in reasons(DIRECTIONS, np.array([0, 4]), own, 3)] == [[1], [1, 2]]
    assert [some.tolist() for some in reasons(DIRECTIONS, np.array([0, 4]), own, 1)] == [[1], [1]]
    assert [some.tolist() for some in reasons(WEIGHTS, np.array([2]), np.array([0, 1]), 3)] == [[1]]
    assert [some.tolist() for some in reasons(DIRECTIONS, np.array([0]), np.array([], np.int64), 3)] == [[]]


@pytest.mark.parametrize("family", [EASE, ItemKNN])
def test_weights_add_up_to_the_score(family: type) -> None:
    """What each item of the history adds, summed, is the score: the reasons are the model's own."""
    changes = {"feature_weighting": "none"} if family is ItemKNN else {}
    dense = interactions()
    model = made(family, dense, **changes)
    weights = model.item_weights(torch.arange(model.num_items))
    histories = SparseRows.by_user(data_of(dense))
    summed = histories.times(weights.T.contiguous())
    torch.testing.assert_close(summed, model.catalogue_scores(torch.arange(model.num_users)), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(("task", "name"), [("rating", "bias"), ("ranking", "popularity"), ("ranking", "user_knn")])
def test_model_without_either_says_so(task: str, name: str) -> None:
    model = Make(task, name)()
    assert not can_compare_items(model)
    with pytest.raises(ConfigError, match=f"model {type(model).__name__} cannot compare items"):
        similarity_measure(model)
