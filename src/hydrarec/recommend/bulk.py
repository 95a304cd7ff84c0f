"""Recommendations for many users, a block at a time, in memory that does not grow with their number."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from hydrarec.models.trained import TrainedRun
from hydrarec.recommend.top import rated_items, top_unrated

# Per score of a user: the model's own, one temporary, and what breaking ties needs.
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
    """The ``k`` best unrated items of each of ``users``, int64 [U], a block of users at a time, in their order.

    A user with fewer unrated items gets fewer rows.

    Args:
        excluded: items never to recommend, int64 [m]. memory_mib: for the scores of a block.
        advance: called with the number of users of each block once the caller has used it.

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
