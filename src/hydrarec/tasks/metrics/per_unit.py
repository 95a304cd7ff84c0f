"""Value of a metric per user, held-out item or rating, from the columns stored in a run folder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hydrarec.tasks.metrics.registry import Measure


def values_per_unit(measure: Measure, columns: Sequence[NDArray[Any]]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Compute ids, int64 [N], increasing, and values, float64 [N], from the columns :attr:`Measure.columns`.

    Raises:
        ValueError: invalid ranks.
    """
    order = np.argsort(columns[0], kind="stable")
    ids, *rest = (column[order] for column in columns)
    if measure.metric.basis == "ratings":
        target, prediction = rest
        return ids.astype(np.int64), measure.metric.values(prediction.astype(np.float64) - target)
    import torch  # takes seconds, and rating errors do not need it

    from hydrarec.tasks.metrics.ranks import Ranks
    from hydrarec.tasks.metrics.top_list import TopList

    ranks = Ranks(*(torch.as_tensor(column, dtype=torch.int64) for column in (ids, *rest)))
    return np.unique(ids).astype(np.int64), measure.metric.values(TopList.of(ranks, measure.k or 1)).numpy()
