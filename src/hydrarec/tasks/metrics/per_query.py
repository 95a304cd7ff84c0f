"""The metrics of each query from the columns of a ``ranks.npz``, for readers that know no tensors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from hydrarec.tasks.metrics.ranks import Ranks, metrics_of


def per_query_metrics(queries: Any, better: Any, tied: Any, candidates: Any, ks: Sequence[int]) -> dict[str, Any]:
    """:func:`metrics_of` on arrays: int [T] each, ``queries`` non-decreasing; float64 arrays [Q] in their order."""
    columns = [torch.as_tensor(column, dtype=torch.int64) for column in (queries, better, tied, candidates)]
    return {name: values.numpy() for name, values in metrics_of(Ranks(*columns), ks).items()}
