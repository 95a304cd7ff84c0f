"""Converts raw columns to a table of ratings. Each distinct text value is parsed only once."""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hydrarec.data.readers.faults import Fault, Faults, Ids, Rules
from hydrarec.data.table import Place, RatingTable, Scale

log = logging.getLogger(__name__)

# NumPy type kinds that need no parsing, by role; all other columns are read as text.
TYPED = {"user": "iu", "item": "iu", "rating": "iuf", "time": "iuM"}
INTEGER = re.compile(r"([+-]?\d+)(\.0*)?", re.ASCII)  # pandas writes 7 as 7.0 if the column once had gaps
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
NOT_A_NUMBER = re.compile(r"[+-]?(nan|inf|infinity|null|none|na|n/a)", re.IGNORECASE)
INFINITE = re.compile(r"[+-]?inf(inity)?", re.IGNORECASE)
LARGEST = float(np.finfo(np.float32).max)
INT64 = np.iinfo(np.int64)
# Unix seconds stay below this until the year 5138; unix milliseconds exceed it from March 1973 on.
UNITS = ((10**17, 10**9, "nanoseconds"), (10**14, 10**6, "microseconds"), (10**11, 10**3, "milliseconds"))


def table_of(
    raw: Mapping[str, NDArray],
    names: Mapping[str, str],
    rules: Rules,
    places: Callable[[Sequence[int]], list[Place]],
) -> tuple[RatingTable, Faults]:
    """Build the table from raw columns, and collect its bad rows.

    Args:
        raw: columns by role, of a type in :data:`TYPED` or object (str), [N]; ``rating`` and ``time`` are optional.
        names: column names by role.
        places: as in :class:`~hydrarec.data.table.RatingTable`.
    """
    faults = Faults(len(raw["user"]))
    users, items = (_ids(raw[role], names[role], rules.ids, faults) for role in ("user", "item"))
    ratings, times = np.ones(len(users), np.float32), None
    if "rating" in raw:
        ratings = _ratings(raw["rating"], names["rating"], rules.scale, faults)
    if "time" in raw:
        times = _times(raw["time"], names["time"], faults)
    return RatingTable(users=users, items=items, ratings=ratings, timestamps=times, places=places), faults


class _TextColumn:
    """A column of text; ``distinct`` holds its distinct values, stripped of white space."""

    def __init__(self, texts: NDArray, name: str) -> None:
        self.texts, self.name = texts, name
        self.codes, distinct = pd.factorize(texts)
        self.distinct: list[str] = [text.strip() for text in distinct.tolist()]

    def parse(self, parse: Callable[[str], Any], kind: Any, expected: str, faults: Faults) -> NDArray:
        """Parse each row to ``kind`` [N]; the text of a ValueError from ``parse`` describes the fault."""
        values: NDArray = np.zeros(len(self.distinct), kind)
        complaints: dict[int, str] = {}
        for code, text in enumerate(self.distinct):
            try:
                values[code] = parse(text)
            except ValueError as error:
                complaints[code] = str(error)
        if complaints:
            faults.add(
                np.isin(self.codes, list(complaints)),
                lambda row: Fault(row, self.name, self.texts[row], complaints[self.codes[row]], expected),
            )
        return values[self.codes]


def _ids(raw: NDArray, name: str, ids: Ids, faults: Faults) -> NDArray:
    """Parse raw ids to int64 [N] or object (str) [N]."""
    if raw.dtype.kind in TYPED["user"]:
        return raw.astype(str).astype(object) if ids == "string" else raw.astype(np.int64, copy=False)
    column = _TextColumn(raw, name)
    words = [text for text in column.distinct if _is_word(text)] if ids == "auto" else []
    if words and any(map(_is_integer, column.distinct)):
        log.warning("column '%s' holds text such as %r: all of its ids are kept as strings", name, words[0])
    parse, kind = (_text_id, object) if words or ids == "string" else (_integer_id, np.int64)
    return column.parse(parse, kind, "an integer id, or any text with dataset.ids=string", faults)


def _is_integer(text: str) -> bool:
    return INTEGER.fullmatch(text) is not None and INT64.min <= _integer(text) <= INT64.max


def _is_word(text: str) -> bool:
    """Whether an id is proper text, as opposed to an integer, a non-integer number or damaged text."""
    if not text or "\0" in text or _is_integer(text):
        return False
    return INTEGER.fullmatch(text) is not None or not (NUMBER.fullmatch(text) or NOT_A_NUMBER.fullmatch(text))


def _integer(text: str) -> int:
    return int(text.partition(".")[0])  # never via float, which is exact only up to 2**53


def _text_id(text: str) -> str:
    if not text:
        raise ValueError("is empty")
    if "\0" in text:
        raise ValueError("holds a NUL byte")
    return text


def _integer_id(text: str) -> int:
    if not _is_integer(_text_id(text)):
        raise ValueError("is not an integer")
    digits = text.lstrip("+-").partition(".")[0]
    if len(digits) > 1 and digits[0] == "0":  # 007 and 7 may be two ids
        raise ValueError("has a leading zero")
    return _integer(text)


def _ratings(raw: NDArray, name: str, scale: Scale, faults: Faults) -> NDArray[np.float32]:
    """Parse ratings to float32 [N]; they must be finite and on the scale."""
    if raw.dtype.kind in TYPED["rating"]:
        ratings = raw.astype(np.float32, copy=False)
    else:
        ratings = _TextColumn(raw, name).parse(_rating, np.float32, f"a finite number in {scale}", faults)
    _require_on_scale(ratings, name, scale, faults)
    return ratings


def _rating(text: str) -> float:
    if not text:
        raise ValueError("is empty")
    if not NUMBER.fullmatch(text) and not INFINITE.fullmatch(text):
        raise ValueError("is not a number")
    if not abs(float(text)) <= LARGEST:
        raise ValueError("is not finite")
    return float(text)


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
        return Fault(row, name, f"{ratings[row]:g}", complaint, f"a finite number in {scale}")

    faults.add(bad, describe)


def _times(raw: NDArray, name: str, faults: Faults) -> NDArray[np.int64]:
    """Parse times to unix seconds, int64 [N]; of a text column, the first row decides whether it holds dates."""
    if raw.dtype.kind == "M":
        times = raw.astype("datetime64[s]").astype(np.int64)
    elif raw.dtype.kind in TYPED["time"]:
        times = _in_seconds(raw.astype(np.int64, copy=False), name)
    else:
        column = _TextColumn(raw, name)
        dates = _dates(column)
        if dates:
            log.warning("column '%s' holds dates such as %r: read as ISO 8601, UTC", name, column.distinct[0])
            times = column.parse(lambda text: _date(text, dates), np.int64, "an ISO date", faults)
        else:
            times = _in_seconds(column.parse(_seconds, np.int64, "unix seconds, or an ISO date", faults), name)
    limit = UNITS[-1][0]
    if len(times) and (times.min() < 0 or times.max() >= limit):
        bad = ((times < 0) | (times >= limit)) & ~faults.bad
        complaint = "is negative, or in another unit than most"
        faults.add(bad, lambda row: Fault(row, name, str(times[row]), complaint, "unix seconds from 1970 on"))
    return times


def _dates(column: _TextColumn) -> dict[str, int]:
    """Map texts that are ISO dates to unix seconds; empty if the first text is a number or empty."""
    if not column.distinct or not column.distinct[0] or NUMBER.fullmatch(column.distinct[0]):
        return {}
    parsed = pd.to_datetime(pd.Series(column.distinct), format="ISO8601", utc=True, errors="coerce")
    seconds = parsed.to_numpy("datetime64[s]").astype(np.int64).tolist()
    return {text: second for text, second, ok in zip(column.distinct, seconds, parsed.notna(), strict=True) if ok}


def _date(text: str, dates: Mapping[str, int]) -> int:
    if text not in dates:
        raise ValueError("is not an ISO date")
    return dates[text]


def _seconds(text: str) -> int:
    if not NUMBER.fullmatch(text):
        raise ValueError("is not a time" if text else "is empty")
    if INTEGER.fullmatch(text):
        second = _integer(text)
    else:
        second = math.floor(float(text)) if abs(float(text)) < 2**63 else -1
    return second if INT64.min <= second <= INT64.max else -1  # −1 is later rejected as negative


def _in_seconds(times: NDArray[np.int64], name: str) -> NDArray[np.int64]:
    """Convert times to seconds, int64 [N]; milliseconds and finer units are recognised by magnitude and logged."""
    if not len(times) or times.max() < UNITS[-1][0]:
        return times
    typical = int(np.partition(times, len(times) // 2)[len(times) // 2])
    for threshold, factor, unit in UNITS:
        if typical >= threshold:
            log.warning("column '%s' holds %s: divided by %d", name, unit, factor)
            return times // factor
    return times
