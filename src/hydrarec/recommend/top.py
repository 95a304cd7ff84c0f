"""The best unrated items, exactly, ties by index, for many users at a time."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from hydrarec.core.errors import CheckpointError
from hydrarec.models.base import Recommender
from hydrarec.models.parts.histories import SparseRows
from hydrarec.runs.run_data import RunData


class Top(NamedTuple):
    """``items``: best first, int64 [U, k]; ``scores``: float32 [U, k], −∞ where no item is left."""

    items: Tensor
    scores: Tensor


def rated_items(data: RunData, device: torch.device) -> SparseRows:
    """Rated items per user, over all parts: num_users × num_items."""
    starts, items = torch.from_numpy(data.starts), torch.from_numpy(data.items)
    return SparseRows(starts.to(device), items.to(device), None, data.num_items)


@torch.no_grad()  # so that a graph model propagates once instead of per call
def top_unrated(model: Recommender, users: Tensor, rated: SparseRows, excluded: Tensor, k: int) -> Top:
    """The ``k`` best items that each user has not rated.

    Args:
        users: int64 [U]. rated: of all users. excluded: items that nobody is recommended, int64 [m].

    Raises:
        CheckpointError: a score is not a number.
    """
    scores = model.catalogue_scores(users)
    of_users = rated.take(users)
    scores[of_users.rows_of_entries(), of_users.columns.long()] = -torch.inf
    return best(scores.index_fill_(1, excluded, -torch.inf), k)


@torch.no_grad()
def top_for_newcomer(model: Recommender, items: Tensor, targets: Tensor, excluded: Tensor, k: int) -> Top:
    """The ``k`` best items for a user unseen in training, from ``items``, int64 [n], and their ``targets``, float32 [n].

    ``excluded``, int64 [m], must contain everything the user has rated, of which ``items`` may be a part.

    Raises:
        ConfigError: the model cannot score for a new user. CheckpointError: a score is not a number.
    """
    scores = model.scores_of_history(items, targets).unsqueeze(0)
    return best(scores.index_fill(1, excluded, -torch.inf), k)


def best(scores: Tensor, k: int) -> Top:
    """The ``k`` largest of each row of ``scores``, float32 [U, n], largest first, ties by index; k ≤ n.

    ``topk`` costs half of a product of width 64 over 27,000 items; sorting by parts in NumPy costs twice as much, a
    threshold from maxima of blocks saves a fifth of the whole at k = 10 and nothing at 100.

    Raises:
        CheckpointError: a score is not a number.
    """
    values, items = scores.topk(min(k + 1, scores.shape[1]), dim=1)
    if values[:, 0].isnan().any():  # which topk counts as the largest
        raise CheckpointError(
            "the model produces scores that are not numbers",
            expected="a run whose training did not diverge",
            fix="train again with a smaller learning rate",
        )
    # topk picks any of equal scores: where the next one equals the last, find the first by index.
    undecided = (values[:, k - 1] == values[:, -1]) & (values[:, -1] > -torch.inf)
    values, items = values[:, :k], items[:, :k]
    if values.shape[1] < scores.shape[1] and undecided.any():
        rows, limit = scores[undecided], values[undecided, -1:]
        above, tied = rows > limit, rows == limit
        chosen = above | (tied & (tied.cumsum(1, dtype=torch.int32) <= k - above.sum(1, keepdim=True)))
        items[undecided] = chosen.nonzero()[:, 1].view(-1, k)
    items = items.sort(dim=1).values
    values, order = scores.gather(1, items).sort(dim=1, descending=True, stable=True)
    return Top(items.gather(1, order), values)
