"""Parses ratings: finite numbers on the scale; those off the grid that all others keep are noted."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from hydrarec.data.readers.faults import Fault, Faults
from hydrarec.data.readers.text_column import NUMBER, TextColumn
from hydrarec.data.table import Place, Scale

INFINITE = re.compile(r"[+-]?inf(inity)?", re.IGNORECASE)
LARGEST = float(np.finfo(np.float32).max)
GRIDS = (1.0, 0.5, 0.1)  # steps looked for if none is declared
SAMPLE = 10_000  # ratings from which the step is guessed
MOST = 0.99  # share of the ratings that a grid must hold
FEWEST = 20  # ratings from which a grid can be told
BLOCK = 1 << 14  # ratings checked at once, so that temporary arrays stay in the CPU's cache


def ratings_of(
    raw: NDArray | TextColumn, name: str, scale: Scale, faults: Faults
) -> tuple[NDArray[np.float32], NDArray]:
    """Parse ratings to float32 [N], and as exactly as they are written [N]; mark those not finite or off the scale."""
    exact = raw
    if isinstance(exact, TextColumn):
        exact = exact.parse(_rating, np.float64, name, _expected(scale), faults)
    ratings = exact.astype(np.float32, copy=False)
    _require_on_scale(ratings, name, scale, faults)
    return ratings, exact


def _rating(text: str) -> float:
    if not text:
        raise ValueError("is empty")
    if not NUMBER.fullmatch(text) and not INFINITE.fullmatch(text):
        raise ValueError("is not a number")
    if not abs(float(text)) <= LARGEST:
        raise ValueError("is not finite")
    return float(text)


def _expected(scale: Scale) -> str:
    return "a finite number" if scale.low is None and scale.high is None else f"a finite number in {scale}"


def _require_on_scale(ratings: NDArray[np.float32], name: str, scale: Scale, faults: Faults) -> None:
    """Mark the ratings, float32 [N], that are not finite or lie outside the scale."""
    low, high = ratings.min(initial=np.inf), ratings.max(initial=-np.inf)
    low_end = -math.inf if scale.low is None else scale.low
    high_end = math.inf if scale.high is None else scale.high
    if math.isfinite(low) and math.isfinite(high) and low >= low_end and high <= high_end:
        return  # the common case takes two passes and no temporary array; NaN fails every comparison
    infinite = ~np.isfinite(ratings)
    bad = (infinite | (ratings < low_end) | (ratings > high_end)) & ~faults.bad

    def describe(row: int) -> Fault:
        complaint = "is not finite" if infinite[row] else f"lies outside the scale {scale}"
        return Fault(row, name, f"{ratings[row]:g}", complaint, _expected(scale))

    faults.add(bad, describe)


def note_off_grid(
    ratings: NDArray, name: str, scale: Scale, faults: Faults, places: Callable[[Sequence[int]], list[Place]]
) -> None:
    """Note the good ratings, float64 [N], between the steps that the scale declares or that nearly all of them keep."""
    rows = np.flatnonzero(~faults.bad) if faults.bad.any() else None
    kept = ratings if rows is None else ratings[rows]
    if kept.dtype.kind != "f" or not len(kept):
        return
    step = scale.step or _step_of_most(kept)
    if step is None:
        return
    origin = (scale.low or 0.0) if scale.step else 0.0
    blocks = range(0, len(kept), BLOCK)
    off = np.concatenate([start + _off(kept[start : start + BLOCK], step, origin) for start in blocks])
    if not len(off) or (scale.step is None and len(off) > _tolerated(len(kept))):
        return
    file, line = places([int(off[0] if rows is None else rows[off[0]])])[0]
    more = f" ({len(off):,} such ratings)" if len(off) > 1 else ""
    shown, single = float(kept[off[0]]), float(np.float32(kept[off[0]]))
    read = "" if repr(shown) == f"{single:g}" else f", read as {single:g},"
    faults.notes.append(f"{file}:{line}: column '{name}' = {shown!r}{read} lies between two steps of {step:g}{more}")


def _step_of_most(ratings: NDArray[np.float64]) -> float | None:
    """The largest step of :data:`GRIDS` that nearly all ratings of a sample keep."""
    if len(ratings) < FEWEST:
        return None
    sample = ratings[:: max(1, len(ratings) // SAMPLE)]
    tolerated = _tolerated(len(sample))
    return next((step for step in GRIDS if len(_off(sample, step, 0.0)) <= tolerated), None)


def _tolerated(number: int) -> int:
    return max(1, int(number * (1 - MOST)))


def _off(ratings: NDArray[np.float64], step: float, origin: float) -> NDArray[np.int64]:
    """The positions of the ratings, float64 [n], that are no multiple of the step from the origin."""
    steps = (ratings - origin) / step if origin else ratings / step
    places = np.flatnonzero(steps != np.rint(steps))
    if len(places):  # but for rounding, as tenths have no exact form
        steps = steps[places]
        places = places[np.abs(steps - np.rint(steps)) > 1e-9 * np.maximum(1.0, np.abs(steps))]
    return places
