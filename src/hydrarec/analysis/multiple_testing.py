"""Adjusted p values for multiple hypothesis tests."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p that control the family-wise error rate (Holm 1979); NaN stays NaN and is not counted."""
    return _adjusted(p_values, step_down=True)


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """Adjusted p that control the false discovery rate (Benjamini & Hochberg 1995); NaN stays NaN."""
    return _adjusted(p_values, step_down=False)


def _adjusted(p_values: Sequence[float], *, step_down: bool) -> list[float]:
    values = np.asarray(p_values, dtype=np.float64)
    adjusted = values.copy()
    known = np.flatnonzero(~np.isnan(values))
    order = known[np.argsort(values[known], kind="stable")]
    count = len(order)
    ranks = np.arange(1, count + 1)
    if step_down:
        steps = np.maximum.accumulate(values[order] * (count - ranks + 1))
    else:
        steps = np.minimum.accumulate((values[order] * count / ranks)[::-1])[::-1]
    adjusted[order] = np.minimum(steps, 1.0)
    return [float(value) for value in adjusted]
