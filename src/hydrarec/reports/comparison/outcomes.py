"""What a run scored on each user, held-out item or rating, from its ``ranks.npz`` or ``predictions.npz``."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hydrarec.core.errors import CheckpointError
from hydrarec.runs.reader import OUTCOMES
from hydrarec.runs.survey import Run

Floats = NDArray[np.float64]
TOLERANCE = 1e-5  # relative, between a file's mean and result.json: metrics on a GPU may be summed in another order

_ERRORS: dict[str, Callable[[Floats], Floats]] = {"rmse": np.square, "mae": np.abs}


@dataclass(frozen=True)
class Outcomes:
    """A metric's parts, one per unit.

    Attributes:
        unit: what a unit is, in the plural. ids: int64 [N], increasing. values: float64 [N], whose mean is the metric,
            or its square for the RMSE.
    """

    unit: str
    ids: NDArray[np.int64]
    values: Floats


def outcomes_of(run: Run, metric: str) -> Outcomes | None:
    """The parts of ``metric`` (``test/rmse``, ``test/hr@10/full`` …); None if the run folder does not hold them.

    None, too, if their mean is not the one in ``result.json``: a test on another run's numbers is worse than none.
    """
    outcomes = _rating(run, metric) or _ranking(run, metric)
    if outcomes is None or not len(outcomes.values):
        return None
    mean = float(outcomes.values.mean())
    value = mean**0.5 if metric.endswith("/rmse") else mean
    return outcomes if abs(value - run.metrics[metric]) <= TOLERANCE * max(abs(value), 1e-3) else None


def _rating(run: Run, metric: str) -> Outcomes | None:
    part, _, name = metric.partition("/")
    if name not in _ERRORS:
        return None
    columns = _columns(run, "rating", [f"{part}/{column}" for column in ("row", "target", "prediction")])
    if columns is None:
        return None
    rows, targets, predictions = columns
    order = np.argsort(rows, kind="stable")
    errors = _ERRORS[name](predictions.astype(np.float64) - targets)
    return Outcomes("ratings", rows[order].astype(np.int64), errors[order])


def _ranking(run: Run, metric: str) -> Outcomes | None:
    match = re.fullmatch(r"(\w+)/((?:hr|ndcg|mrr|recall|precision|map)@(\d+)|auc)/(\w+)", metric)
    if match is None:
        return None
    part, name, k, protocol = match[1], match[2], int(match[3] or 1), match[4]
    full = protocol == "full"  # else each held-out item has candidates of its own, and is a query of its own
    names = [
        f"{part}/{'user' if full else 'row'}",
        *(f"{part}/{protocol}/{x}" for x in ("better", "tied", "candidates")),
    ]
    columns = _columns(run, "ranking", names)
    if columns is None:
        return None
    from hydrarec.tasks.metrics.per_query import per_query_metrics  # torch takes seconds to import

    order = np.argsort(columns[0], kind="stable")
    ids, better, tied, candidates = (column[order] for column in columns)
    try:
        values = per_query_metrics(ids, better, tied, candidates, [k])[name]
    except ValueError:
        return None  # ranks that cannot be: the file is damaged
    return Outcomes("users" if full else "held-out items", np.unique(ids).astype(np.int64), values)


def _columns(run: Run, task: str, names: list[str]) -> list[NDArray] | None:
    try:
        columns = list(run.reader.read_arrays(OUTCOMES[task], names).values())
    except (CheckpointError, PermissionError):
        return None
    return columns if len({column.shape for column in columns}) == 1 else None
