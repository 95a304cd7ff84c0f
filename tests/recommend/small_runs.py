"""Handmade trained runs: the scores come from a table, and the test gives the ratings."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from hydrarec.data.ids import IdMap
from hydrarec.data.table import TRAIN
from hydrarec.models.base import Recommender
from hydrarec.models.trained import TrainedRun
from hydrarec.runs.reader import RunReader
from hydrarec.runs.run_data import RunData

# Title and genres; the item ids are 10, 11, …
ITEMS = (
    ("Toy Story (1995)", "Animation|Comedy"),
    ("Alien (1979)", "Horror|Sci-Fi"),
    ("Aliens (1986)", "Action|Sci-Fi"),
    ("Godfather, The (1972)", "Drama"),
    ("Heat (1995)", "Action|Drama"),
    ("A film without a year", ""),
)


class Table(Recommender):
    """``s_ui = scores[u, i]``; somebody new gets the sum of what each of the history adds, by ``weights`` [items, items]."""

    def __init__(self, scores: Tensor, weights: Tensor | None = None) -> None:
        super().__init__(num_users=scores.shape[0], num_items=scores.shape[1])
        self.scores, self.weights = scores, weights

    def forward(self, users: Tensor, items: Tensor) -> Tensor:
        return self.scores[users, items]

    def catalogue_scores(self, users: Tensor) -> Tensor:
        return self.scores[users]

    def item_weights(self, items: Tensor) -> Tensor | None:
        return None if self.weights is None else self.weights[:, items].T.contiguous()

    def scores_of_history(self, items: Tensor, targets: Tensor) -> Tensor:
        return super().scores_of_history(items, targets) if self.weights is None else targets @ self.weights[items]


def data_of(
    rated: Sequence[Sequence[int]], num_items: int = len(ITEMS), user_ids: Sequence[Any] | None = None, **changes: Any
) -> RunData:
    """``rated``: per user, item indices in increasing order, each rated 1 + index modulo 5 stars, all in training."""
    items = np.array([item for some in rated for item in some], np.int32)
    known = num_items == len(ITEMS)
    fields = {
        "user_ids": IdMap.from_list(user_ids or list(range(1, 1 + len(rated)))),
        "item_ids": IdMap(np.arange(10, 10 + num_items)),
        "titles": tuple(title for title, _ in ITEMS) if known else None,
        "genres": tuple(genres for _, genres in ITEMS) if known else None,
        "starts": np.cumsum([0, *map(len, rated)]),
        "items": items,
        "ratings": (1 + items % 5).astype(np.float32),
        "parts": np.full(len(items), TRAIN, np.int8),
        "scale": (1.0, 5.0),
        "name": "small",
    }
    return RunData(**{**fields, **changes})


def run_of(model: Recommender, data: RunData, task: str = "ranking", **config: Any) -> TrainedRun:
    settings = {"task": {"name": task, "objective": {"clip": True}}, "filter": {"min_rating": None}, **config}
    return TrainedRun(RunReader(Path("nowhere")), settings, model.eval(), data)


def scores_of(num_users: int, num_items: int, seed: int = 0) -> Tensor:
    return torch.randn(num_users, num_items, generator=torch.Generator().manual_seed(seed))
