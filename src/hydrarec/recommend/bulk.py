"""Recommendations for many users, a part of them at a time, so that memory does not grow with their number."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from hydrarec.models.trained import TrainedRun
from hydrarec.recommend.top import rated_items, top_unrated

# Of the scores of a user: as the model makes them, a term beside them, and what finding the first among equals needs.
_BYTES_PER_SCORE = 20


class Recommendations(NamedTuple):
    """A row per recommendation, by user, best first.

    ``users``, ``items``: indices, int64 [N]. ``ranks``: from 1, int32 [N]. ``scores``: as the model gives them, float32 [N].
    """

    users: NDArray[np.int64]
    ranks: NDArray[np.int32]
    items: NDArray[np.int64]
    scores: NDArray[np.float32]


def recommendations(
    run: TrainedRun,
    users: NDArray[np.int64],
    excluded: NDArray[np.int64],
    k: int,
    memory_mib: int,
    advance: Callable[[int], None] = lambda done: None,
) -> Iterator[Recommendations]:
    """The ``k`` best items that each of ``users``, int64 [U], has not rated; one part per some users, in their order.

    A user who has fewer such items gets fewer rows.

    Args:
        excluded: items that nobody is recommended, int64 [m]. memory_mib: for scores at a time.
        advance: called with the number of users of each part when it has been taken.

    Raises:
        CheckpointError: a score is not a number.
    """
    model, device = run.model, run.model.device
    rated = rated_items(run.data, device)
    never = torch.from_numpy(excluded).to(device)
    step = max(1, memory_mib * 2**20 // (_BYTES_PER_SCORE * max(run.data.num_items, 1)))
    for some in torch.from_numpy(users).to(device).split(step):
        items, scores = (column.cpu().numpy() for column in top_unrated(model, some, rated, never, k))
        row, column = np.nonzero(scores > -np.inf)
        yield Recommendations(
            some.cpu().numpy()[row], (column + 1).astype(np.int32), items[row, column], scores[row, column]
        )
        advance(len(some))
