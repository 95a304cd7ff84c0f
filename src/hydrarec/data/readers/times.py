"""Parses times to integers of the finest unit that occurs in the column, so that only equal times are ties."""

from __future__ import annotations

import datetime
import functools
import re
from decimal import Decimal, InvalidOperation
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hydrarec.data.readers.calendar_numbers import FIRST_DAY, LAST_DAY, CalendarForm, calendar_form
from hydrarec.data.readers.faults import Fault, Faults
from hydrarec.data.readers.text_column import NUMBER, TextColumn, is_finite_size
from hydrarec.data.table import DECIMALS, TimeUnit

ISO = re.compile(
    r"(\d{4})-?(\d\d)(?:-?(\d\d))?"
    r"(?:[Tt ](\d\d)(?::?(\d\d)(?::?(\d\d)(?:[.,](\d+))?)?)?\s?([Zz]|[+-]\d\d(?::?\d\d)?)?)?",
    re.ASCII,
)
# Unix seconds stay below the first limit until the year 5138; unix milliseconds exceed it from March 1973 on.
LIMITS: tuple[int, ...] = (10**11, 10**14, 10**17)
NAMES: dict[TimeUnit, str] = {"s": "seconds", "ms": "milliseconds", "us": "microseconds", "ns": "nanoseconds"}
UNITS: tuple[TimeUnit, ...] = tuple(NAMES)
LARGEST = np.iinfo(np.int64).max
DAY = 86_400
NUMBER_KIND, DATE_KIND = 1, 2
EXPECTED = "unix seconds from 1970 on, or ISO dates"


class Times(NamedTuple):
    """Times as integers, int64 [N], and their unit."""

    ticks: NDArray[np.int64]
    unit: TimeUnit


def times_of_datetimes(raw: NDArray[np.datetime64], name: str, faults: Faults) -> Times:
    """Times of datetime64 [N], in their own unit."""
    unit: TimeUnit = next((unit for unit in UNITS if np.can_cast(raw.dtype, f"datetime64[{unit}]", "safe")), "ns")
    ticks = raw.astype(f"datetime64[{unit}]").astype(np.int64)
    _refuse_negative(ticks, name, faults)
    return Times(ticks, unit)


def times_of_integers(raw: NDArray[np.int64], name: str, faults: Faults) -> Times:
    """Times of integers, int64 [N]: unix time in the unit that their size tells, or dates such as 20170714."""
    if not len(raw):
        return Times(raw, "s")
    low, high = int(raw.min()), int(raw.max())
    if low >= 0 and high < LIMITS[0] and (low > LAST_DAY or high < FIRST_DAY):
        return Times(raw, "s")  # the common case, without a temporary array
    form = calendar_form(raw[~faults.bad])
    if form is not None:
        return _of_calendar(raw, form, name, faults)
    unit = _unit_of_most(raw[~faults.bad])
    _require_one_unit(raw, unit, name, faults)
    return Times(raw, unit)


def times_of_texts(column: TextColumn, name: str, faults: Faults) -> Times:
    """Times of texts: numbers as in :func:`times_of_integers`, with decimals, or ISO dates; whichever most rows are."""
    parsed = [_parse(text) for text in column.distinct]
    kinds = np.array([kind for kind, *_ in parsed], np.int8)
    rows = np.bincount(column.codes[~faults.bad], minlength=len(kinds))
    are_dates = rows[kinds == DATE_KIND].sum() > rows[kinds == NUMBER_KIND].sum()
    kind, expected = (DATE_KIND, "an ISO date") if are_dates else (NUMBER_KIND, EXPECTED)
    complaints = {
        code: complaint or ("is not an ISO date" if are_dates else "is not a time")
        for code, (found, _, _, complaint) in enumerate(parsed)
        if found != kind
    }
    column.add_faults(complaints, name, expected, faults)
    wholes = np.array([whole if found == kind else 0 for found, whole, _, _ in parsed], np.int64)
    nanos = np.array([nano if found == kind else 0 for found, _, nano, _ in parsed], np.int64)
    if not are_dates:
        if not nanos.any():
            return times_of_integers(wholes[column.codes], name, faults)
        whole = times_of_integers(wholes[column.codes], name, faults)
        return _with_fractions(whole, nanos[column.codes], name, faults)
    example = next(text for text, (found, *_) in zip(column.distinct, parsed, strict=True) if found == kind)
    faults.notes.append(f"column '{name}' holds dates such as {example!r}: read as ISO 8601, UTC")
    seconds = wholes[column.codes]
    _refuse_negative(seconds, name, faults)
    return _with_fractions(Times(seconds, "s"), nanos[column.codes], name, faults)


def _parse(text: str) -> tuple[int, int, int, str]:
    """(kind, whole part or unix second, billionths, complaint) of one text; kind 0 for neither a number nor a date."""
    if NUMBER.fullmatch(text):
        return _number(text)
    if not text:
        return 0, 0, 0, "is empty"
    match = ISO.fullmatch(text)
    second = None if match is None else _second(match)
    if match is None or second is None:
        return 0, 0, 0, ""
    if match[7] is None:
        return DATE_KIND, second, 0, ""
    fraction = match[7].rstrip("0")
    if len(fraction) > 9:
        return 0, 0, 0, "is finer than nanoseconds"
    return DATE_KIND, second, int(fraction.ljust(9, "0")), ""


def _number(text: str) -> tuple[int, int, int, str]:
    if text.isdecimal() and len(text) < 19:
        return NUMBER_KIND, int(text), 0, ""
    try:
        value = Decimal(text)
    except InvalidOperation:  # an exponent of eighteen digits or more
        return 0, 0, 0, "has an exponent that no time has"
    if value < 0 or not is_finite_size(value) or value > LARGEST:
        return 0, 0, 0, "is negative" if value < 0 else "is too large"
    whole = int(value)
    billionths = (value - whole).scaleb(9)
    if billionths != int(billionths):
        return 0, 0, 0, "has more than nine decimals"
    return NUMBER_KIND, whole, int(billionths), ""


def _second(match: re.Match[str]) -> int | None:
    """The unix second of an ISO date; None for a date that does not exist, like February 30."""
    year, month, day, hour, minute, second, _, zone = match.groups()
    days = _day(year, month, day or "01")
    hours, minutes, seconds = int(hour or 0), int(minute or 0), int(second or 0)
    if days is None or hours > 23 or minutes > 59 or seconds > 59:
        return None
    total = days * DAY + hours * 3600 + minutes * 60 + seconds
    if zone and zone not in "Zz":
        digits = zone[1:].replace(":", "").ljust(4, "0")
        offset = int(digits[:2]) * 3600 + int(digits[2:]) * 60
        total -= -offset if zone[0] == "-" else offset
    return total


@functools.lru_cache(maxsize=65_536)
def _day(year: str, month: str, day: str) -> int | None:
    """Days from 1970-01-01."""
    try:
        return datetime.date(int(year), int(month), int(day)).toordinal() - datetime.date(1970, 1, 1).toordinal()
    except ValueError:
        return None


def _of_calendar(raw: NDArray[np.int64], form: CalendarForm, name: str, faults: Faults) -> Times:
    seconds, valid = form.seconds(raw)
    example = raw[np.flatnonzero(valid)[0]]
    faults.notes.append(f"column '{name}' holds numbers such as {example}: read as dates, {form.name}, UTC")
    bad = ~valid & ~faults.bad
    faults.add(bad, lambda row: Fault(row, name, str(raw[row]), "is not a date", f"a date like most: {form.name}"))
    _refuse_negative(seconds, name, faults)
    return Times(seconds, "s")


def _unit_of_most(raw: NDArray[np.int64]) -> TimeUnit:
    if not len(raw):
        return "s"
    typical = np.partition(raw, len(raw) // 2)[len(raw) // 2]
    return UNITS[int(np.searchsorted(LIMITS, typical, side="right"))]


def _require_one_unit(raw: NDArray[np.int64], unit: TimeUnit, name: str, faults: Faults) -> None:
    """Mark the times, int64 [N], that are negative or whose size tells another unit."""
    if unit != "s":
        faults.notes.append(f"column '{name}' holds {NAMES[unit]} since 1970")
    _refuse_negative(raw, name, faults)
    others = (np.searchsorted(LIMITS, raw, side="right") != UNITS.index(unit)) & ~faults.bad
    complaint = f"is in another unit than most, which are {NAMES[unit]}"
    expected = f"unix {NAMES[unit]}, from 1970 on"
    faults.add(others, lambda row: Fault(row, name, str(raw[row]), complaint, expected))


def _refuse_negative(ticks: NDArray[np.int64], name: str, faults: Faults) -> None:
    if len(ticks) and ticks.min() < 0:
        negative = (ticks < 0) & ~faults.bad
        complaint = "is negative, before 1970"
        faults.add(negative, lambda row: Fault(row, name, str(ticks[row]), complaint, "unix seconds from 1970 on"))


def _with_fractions(whole: Times, nanos: NDArray[np.int64], name: str, faults: Faults) -> Times:
    """Add billionths of the unit, int64 [N], in the coarsest unit that holds all of them."""
    used = nanos[~faults.bad]
    decimals = next(number for number in (0, 3, 6, 9) if not (used % 10 ** (9 - number)).any())
    finest = DECIMALS[whole.unit] + decimals
    if finest > DECIMALS["ns"]:
        step = 10 ** (9 - (DECIMALS["ns"] - DECIMALS[whole.unit]))
        too_fine = (nanos % step != 0) & ~faults.bad
        faults.add(too_fine, lambda row: Fault(row, name, str(nanos[row]), "is finer than nanoseconds", EXPECTED))
        finest = DECIMALS["ns"]
        decimals = finest - DECIMALS[whole.unit]
    unit = next(unit for unit in UNITS if DECIMALS[unit] == finest)
    factor = 10**decimals
    too_late = (whole.ticks > LARGEST // factor - 1) & ~faults.bad
    complaint = f"lies too far in the future to be kept in {NAMES[unit]}"
    faults.add(too_late, lambda row: Fault(row, name, str(whole.ticks[row]), complaint, "a time before the year 2262"))
    ticks = np.where(faults.bad, 0, whole.ticks) * factor + nanos // 10 ** (9 - decimals)
    return Times(ticks, unit)
