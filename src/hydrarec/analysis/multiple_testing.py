"""Adjusted p values where many hypotheses are tested at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p that keep the chance of any false claim below the level (Holm 1979); NaN stays, and counts for none."""
    return _adjusted(p_values, step_down=True)


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """Adjusted p that keep the share of false claims below the level (Benjamini & Hochberg 1995); NaN stays."""
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
