"""A run's metric per user, held-out item or rating, from its ``ranks.npz`` or ``predictions.npz``."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hydrarec.core.errors import CheckpointError
from hydrarec.runs.reader import OUTCOMES
from hydrarec.runs.survey import Run
from hydrarec.tasks.metrics.per_unit import values_per_unit
from hydrarec.tasks.metrics.registry import Measure

Floats = NDArray[np.float64]
TOLERANCE = 1e-5  # relative, between a file's mean and result.json: a GPU may sum metrics in another order


@dataclass(frozen=True)
class Outcomes:
    """A metric's values, one per unit.

    Attributes:
        unit: name of the unit, in the plural. ids: int64 [N], increasing. values: float64 [N], see
            :attr:`hydrarec.tasks.metrics.registry.Metric.values`.
    """

    unit: str
    ids: NDArray[np.int64]
    values: Floats


def outcomes_of(run: Run, metric: str) -> Outcomes | None:
    """The values per unit of ``metric`` (``test/rmse``, ``test/hr@10/full`` …); None if the run folder lacks them.

    Also None if their mean is not the one in ``result.json``: a test on another run's numbers is worse than none.
    """
    measure = Measure.parse(metric)
    if measure is None or measure.columns is None:
        return None
    columns = _columns(run, *measure.columns)
    if columns is None:
        return None
    try:
        ids, values = values_per_unit(measure, columns)
    except ValueError:
        return None  # impossible ranks: the file is damaged
    if not len(values):
        return None
    value = measure.metric.of_mean(float(values.mean()))
    agrees = abs(value - run.metrics[metric]) <= TOLERANCE * max(abs(value), 1e-3)
    return Outcomes(measure.unit, ids, values) if agrees else None


def _columns(run: Run, task: str, names: list[str]) -> list[NDArray] | None:
    try:
        columns = list(run.reader.read_arrays(OUTCOMES[task], names).values())
    except (CheckpointError, PermissionError):
        return None
    alike = len({column.shape for column in columns}) == 1 and all(column.ndim == 1 for column in columns)
    return columns if alike and all(_is_numeric(column) for column in columns) else None


def _is_numeric(column: NDArray) -> bool:
    return column.dtype.kind in "iuf" and bool(np.isfinite(column).all())
