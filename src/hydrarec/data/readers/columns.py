"""Text → typed columns, judged value by value; on distinct values only, so that 20 M rows cost little more than one."""

from __future__ import annotations

import logging
import math
import re
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hydrarec.data.readers.faults import Fault, Faults
from hydrarec.data.table import Scale

log = logging.getLogger(__name__)

# What ids are taken for. "auto": integers if all are, strings otherwise; "string": text as it stands; "integer":
# nothing but integers, for published files where anything else is a mistake.
Ids = Literal["auto", "string", "integer"]

INTEGER = re.compile(r"([+-]?\d+)(\.0*)?", re.ASCII)  # pandas writes 7.0 where a column once had gaps; it is 7
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
NOT_A_NUMBER = re.compile(r"[+-]?(nan|inf|infinity|null|none|na|n/a)", re.IGNORECASE)
INFINITE = re.compile(r"[+-]?inf(inity)?", re.IGNORECASE)
LARGEST = float(np.finfo(np.float32).max)
INT64 = np.iinfo(np.int64)
# Unix time in seconds stays below this until the year 5138; in milliseconds it was above it from March 1973 on.
UNITS = ((10**17, 10**9, "nanoseconds"), (10**14, 10**6, "microseconds"), (10**11, 10**3, "milliseconds"))


def ids_of(texts: NDArray, column: str, ids: Ids, faults: Faults) -> NDArray:
    """Raw ids from text, object [N]: int64 [N] or object (str) [N]; empty or fractional ones become faults."""
    codes, distinct = pd.factorize(texts)
    values = [text.strip() for text in distinct.tolist()]
    complaints: list[str | None] = [_id_complaint(value) for value in values]
    kinds = [None if complaint else _kind(value) for value, complaint in zip(values, complaints, strict=True)]
    if ids == "string" or (ids == "auto" and "text" in kinds):
        if ids == "auto" and "integer" in kinds:
            example = values[kinds.index("text")]
            log.warning("column '%s' holds text such as %r: all of its ids are kept as strings", column, example)
        found: NDArray = np.array([*values, None], dtype=object)[:-1]
    else:
        complaints = [c or _integer_complaint(v, k) for c, v, k in zip(complaints, values, kinds, strict=True)]
        found = np.array([0 if c else _integer(v) for c, v in zip(complaints, values, strict=True)], np.int64)
    _mark(texts, codes, complaints, column, "an integer id, or any text with dataset.ids=string", faults)
    return found[codes]


def _id_complaint(value: str) -> str | None:
    if not value:
        return "is empty"
    return "holds a NUL byte" if "\0" in value else None


def _kind(value: str) -> str:
    if INTEGER.fullmatch(value):
        return "integer" if INT64.min <= _integer(value) <= INT64.max else "text"
    return "number" if NUMBER.fullmatch(value) or NOT_A_NUMBER.fullmatch(value) else "text"


def _integer(value: str) -> int:
    return int(value.partition(".")[0])  # never by way of a float, which ends at 2**53


def _integer_complaint(value: str, kind: str | None) -> str | None:
    if kind != "integer":
        return "is not an integer"
    return "has a leading zero" if has_leading_zero(value) else None


def has_leading_zero(value: str) -> bool:
    """Whether an integer written so would lose its zeros: ``007`` and ``7`` may be two ids."""
    digits = value.lstrip("+-").partition(".")[0]
    return len(digits) > 1 and digits[0] == "0"


def ratings_of(texts: NDArray, column: str, scale: Scale, faults: Faults) -> NDArray[np.float32]:
    """Ratings from text, object [N]: float32 [N]; what is no finite number becomes a fault."""
    codes, distinct = pd.factorize(texts)
    complaints: list[str | None] = []
    values = np.zeros(len(distinct), np.float32)
    for k, text in enumerate(distinct.tolist()):
        value = text.strip()
        complaints.append(_rating_complaint(value))
        values[k] = 0 if complaints[k] else float(value)
    expected = f"a finite number in {scale}"
    _mark(texts, codes, complaints, column, expected, faults)
    ratings = values[codes]
    judge_ratings(np.where(faults.bad, np.float32(_inside(scale)), ratings), column, scale, faults)
    return ratings


def _rating_complaint(value: str) -> str | None:
    if not value:
        return "is empty"
    if NUMBER.fullmatch(value):
        return None if abs(float(value)) <= LARGEST else "is not finite"
    return "is not finite" if INFINITE.fullmatch(value) else "is not a number"


def _inside(scale: Scale) -> float:
    return next((end for end in (scale.low, scale.high) if end is not None), 0.0)


def judge_ratings(ratings: NDArray[np.float32], column: str, scale: Scale, faults: Faults) -> None:
    """Mark ratings, float32 [N], that are not finite or lie outside the scale."""
    low, high = ratings.min(initial=np.inf), ratings.max(initial=-np.inf)
    low_end = -math.inf if scale.low is None else scale.low
    high_end = math.inf if scale.high is None else scale.high
    if math.isfinite(low) and math.isfinite(high) and low >= low_end and high <= high_end:
        return  # the usual case costs two passes and no temporary array; NaN fails every comparison

    def describe(complaint: str) -> None:
        faults.add(bad, lambda row: Fault(row, column, f"{ratings[row]:g}", complaint, f"a finite number in {scale}"))

    bad = ~np.isfinite(ratings)
    describe("is not finite")
    bad = ~bad & ((ratings < low_end) | (ratings > high_end))
    describe(f"lies outside the scale {scale}")


def times_of(texts: NDArray, column: str, faults: Faults) -> NDArray[np.int64]:
    """Unix seconds from text, object [N]: int64 [N]; numbers or ISO dates, whichever the first row holds."""
    codes, distinct = pd.factorize(texts)
    values = np.array([*(text.strip() for text in distinct.tolist()), None], dtype=object)[:-1]
    numeric = np.array([NUMBER.fullmatch(value) is not None for value in values.tolist()], bool)
    if len(values) and not numeric[0] and not numeric.all() and values[0]:
        parsed = pd.to_datetime(pd.Series(values), format="ISO8601", utc=True, errors="coerce")
        good = parsed.notna().to_numpy()
        seconds = np.where(good, parsed.to_numpy("datetime64[s]").astype(np.int64), 0)
        if good.any():
            log.warning("column '%s' holds dates such as %r: read as ISO 8601, UTC", column, values[0])
            _mark(texts, codes, [None if g else "is not an ISO date" for g in good], column, "an ISO date", faults)
            times = seconds[codes]
            judge_times(times, column, faults)
            return times
    complaints = [None if n else ("is not a time" if v else "is empty") for n, v in zip(numeric, values, strict=True)]
    _mark(texts, codes, complaints, column, "unix seconds, or an ISO date", faults)
    whole = [_whole_seconds(value) if ok else 0 for value, ok in zip(values.tolist(), numeric, strict=True)]
    times = np.array(whole, np.int64)[codes]
    return in_seconds(times, column, faults)


def _whole_seconds(value: str) -> int:
    whole = (
        _integer(value) if INTEGER.fullmatch(value) else math.floor(float(value)) if abs(float(value)) < 2**63 else -1
    )
    return whole if INT64.min <= whole <= INT64.max else -1


def in_seconds(times: NDArray[np.int64], column: str, faults: Faults) -> NDArray[np.int64]:
    """Times in seconds, int64 [N]; milliseconds and finer units are recognised by their size and said."""
    if not len(times):
        return times
    typical = int(np.partition(times, len(times) // 2)[len(times) // 2]) if times.max() >= UNITS[-1][0] else 0
    for threshold, factor, unit in UNITS:
        if typical >= threshold:
            log.warning("column '%s' holds %s: divided by %d", column, unit, factor)
            times = times // factor
            break
    judge_times(times, column, faults)
    return times


def judge_times(times: NDArray[np.int64], column: str, faults: Faults) -> None:
    """Mark times, int64 [N] in seconds, before 1970 or in another unit than most."""
    limit = UNITS[-1][0]
    if len(times) and (times.min() < 0 or times.max() >= limit):
        bad = ((times < 0) | (times >= limit)) & ~faults.bad
        complaint = "is negative, or in another unit than most"
        faults.add(bad, lambda row: Fault(row, column, str(times[row]), complaint, "unix seconds from 1970 on"))


def _mark(
    texts: NDArray, codes: NDArray, complaints: list[str | None], column: str, expected: str, faults: Faults
) -> None:
    wrong = np.array([complaint is not None for complaint in complaints], bool)
    if wrong.any():
        faults.add(
            wrong[codes],
            lambda row: Fault(row, column, texts[row], complaints[codes[row]] or "", expected),
        )
