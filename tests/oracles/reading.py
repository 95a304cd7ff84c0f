"""An oracle of the readers of text files: slow, one character and one value at a time, with exact arithmetic.

It shares no code with the readers, uses neither pandas nor the csv module, and knows only the strict form of a file.
"""

from __future__ import annotations

import calendar
import datetime
import re
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import NamedTuple

import numpy as np

UTC = datetime.UTC
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=UTC)


class Refused(Exception):
    """The file is not in the strict form, or a value is wrong; ``str()`` says what."""


class Form(NamedTuple):
    """How the file is written: its separator, whether it has a header and quotes, and its columns.

    ``columns`` are names with a header, else positions: of user, item, rating and time; the last two may be None.
    """

    separator: str
    header: bool
    quoting: bool
    columns: tuple[str | int | None, ...]
    low: float
    high: float


Event = tuple[float, Fraction | None]  # rating, as float32; unix time in seconds


def read(content: bytes, form: Form) -> dict[tuple[int | str, int | str], Event]:
    """(user, item) → (rating, time)."""
    text = content.decode("utf-8", "surrogateescape")
    text = (text[1:] if text[:1] == "\ufeff" else text).removesuffix("\r")
    if "\0" in text:
        raise Refused("NUL")
    rows = [row for row in split(text, form) if len(row) > 1 or row[0].strip()]
    if not rows:
        raise Refused("no rows")
    first = [field.strip() for field in rows[0]]
    if any(len(row) != len(first) for row in rows):
        raise Refused("width")
    if form.header:
        names = [name for name in form.columns if name is not None]
        if any(name not in first for name in names):
            raise Refused("header")
        positions = [None if name is None else first.index(str(name)) for name in form.columns]
        rows = rows[1:]
    else:
        positions = [None if place is None else int(place) for place in form.columns]
        if any(place is not None and place >= len(first) for place in positions):
            raise Refused("width")
    if not rows:
        raise Refused("no ratings")
    user, item, rating, time = ([] if at is None else [row[at].strip() for row in rows] for at in positions)
    if form.header and any(all(row[at].strip() == first[at] for at in positions if at is not None) for row in rows):
        raise Refused("header again")
    ratings = [stars(text, form) for text in rating] if rating else [1.0] * len(rows)
    moments: Sequence[Fraction | None] = kept(times(time)) if time else [None] * len(rows)
    pairs = list(zip(ids(user), ids(item), strict=True))
    if len(set(pairs)) < len(pairs):
        raise Refused("the same pair twice")
    return dict(zip(pairs, zip(ratings, moments, strict=True), strict=True))


def split(text: str, form: Form) -> Iterator[list[str]]:
    """The fields of every line, blank ones included."""
    if not form.quoting or len(form.separator) > 1:
        for line in text.split("\n"):
            yield line.removesuffix("\r").split(form.separator)
        return
    row, at = [], 0
    while at < len(text):
        field, at = quoted(text, at, form.separator) if text[at] == '"' else plain(text, at, form.separator)
        row.append(field)
        if at >= len(text):
            break
        if text[at] == form.separator:
            at += 1
            if at == len(text) or text[at] in "\r\n":
                row.append("")
        if text[at : at + 2] == "\r\n" or text[at : at + 1] == "\n":
            yield row
            row, at = [], at + (2 if text[at] == "\r" else 1)
            while at < len(text) and text[at] in "\r\n":  # blank lines
                if text[at] == "\r" and text[at : at + 2] != "\r\n":
                    raise Refused("CR alone")
                at += 1
    if row:
        yield row


def plain(text: str, at: int, separator: str) -> tuple[str, int]:
    """The field that begins at a position, and the position after it."""
    end = at
    while end < len(text) and text[end] not in (separator, "\n", "\r"):
        end += 1
    if text[end : end + 1] == "\r" and text[end : end + 2] != "\r\n":
        raise Refused("CR alone")
    return text[at:end], end


def quoted(text: str, at: int, separator: str) -> tuple[str, int]:
    """The field in quotes that begins at a position, and the position after it."""
    field, at = "", at + 1
    while at < len(text):
        if text[at] != '"':
            field, at = field + text[at], at + 1
        elif text[at : at + 2] == '""':
            field, at = field + '"', at + 2
        elif at + 1 == len(text) or text[at + 1] in (separator, "\n") or text[at + 1 : at + 3] == "\r\n":
            return field, at + 1
        else:
            raise Refused("text after a quote")
    raise Refused("open quote")


def ids(texts: Sequence[str]) -> Sequence[int | str]:
    """Integers if all are, else texts if one of them is a word."""
    if any(not text or any("\udc80" <= letter <= "\udcff" for letter in text) for text in texts):
        raise Refused("id")
    if all(whole(text) is not None for text in texts):
        for text in texts:
            digits = text.lstrip("+-").split(".")[0]
            if len(digits) > 1 and digits.startswith("0"):
                raise Refused("leading zero")
        return [int(text.split(".")[0]) for text in texts]
    if any(word(text) for text in texts):
        return texts
    raise Refused("id is a number but no integer")


def whole(text: str) -> int | None:
    match = re.fullmatch(r"([+-]?[0-9]+)(\.0*)?", text)
    if match is None or len(text) > 24 or not -(2**63) <= int(match[1]) < 2**63:
        return None
    return int(match[1])


def word(text: str) -> bool:
    if whole(text) is not None:
        return False
    if re.fullmatch(r"[+-]?[0-9]+(\.0*)?", text):
        return True  # an integer beyond 64 bits
    number = re.fullmatch(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?", text)
    nothing = text.lstrip("+-").lower() in ("nan", "inf", "infinity", "null", "none", "na", "n/a")
    return number is None and not (nothing and len(text) - len(text.lstrip("+-")) <= 1)


def stars(text: str, form: Form) -> float:
    value = number(text)
    rating = None if value is None or abs(value) > 10**38 else np.float32(float(value))
    if rating is None or not np.float32(form.low) <= rating <= np.float32(form.high):
        raise Refused("rating")
    return float(rating)


def number(text: str) -> Fraction | None:
    match = re.fullmatch(r"([+-]?)([0-9]*)(?:\.([0-9]*))?(?:[eE]([+-]?[0-9]+))?", text)
    if match is None or not (match[2] or match[3]):
        return None
    exponent = int(match[4] or 0) - len(match[3] or "")
    if abs(exponent) > 2000:
        return None if int((match[2] or "") + (match[3] or "")) and exponent > 0 else Fraction(0)
    digits = int((match[2] or "") + (match[3] or ""))
    return (-1 if match[1] == "-" else 1) * digits * Fraction(10) ** exponent


def times(texts: Sequence[str]) -> Sequence[Fraction]:
    """Unix seconds, exact; all texts must be numbers of one unit, or all dates."""
    numbers = [number(text) for text in texts]
    if any(value is None for value in numbers):
        if any(value is not None for value in numbers):
            raise Refused("numbers and dates")
        return [date(text) for text in texts]
    values = [value for value in numbers if value is not None]
    if any(value < 0 or (value * 10**9).denominator > 1 for value in values):
        raise Refused("negative or too fine")
    for digits in (8, 12, 14):
        written = [calendar_date(value, digits) for value in values]
        valid = [moment for moment in written if moment is not None]
        if 2 * len(valid) > len(values):
            if len(valid) < len(values) or min(valid) < 0:
                raise Refused("not all are dates")
            return [moment + value % 1 for moment, value in zip(valid, values, strict=True)]
    units = {sum(value >= limit for limit in (10**11, 10**14, 10**17)) for value in values}
    if len(units) > 1:
        raise Refused("two units")
    return [representable(value / 1000 ** units.copy().pop()) for value in values]


def kept(moments: Sequence[Fraction]) -> Sequence[Fraction]:
    """The same times; they must fit into 64 bits in the coarsest unit that holds all of them."""
    decimals = next(
        number for number in (0, 3, 6, 9) if all((moment * 10**number).denominator == 1 for moment in moments)
    )
    if max(moments) * 10**decimals >= 2**63:
        raise Refused("too far in the future")
    return moments


def representable(moment: Fraction) -> Fraction:
    if (moment * 10**9).denominator > 1:
        raise Refused("finer than nanoseconds")
    return moment


def calendar_date(value: Fraction, digits: int) -> Fraction | None:
    text = str(int(value))
    if len(text) != digits:
        return None
    parts = [int(text[:4]), *(int(text[at : at + 2]) for at in range(4, digits, 2))]
    try:
        moment = datetime.datetime(*parts, tzinfo=UTC)  # type: ignore[misc]
    except ValueError:
        return None
    return Fraction(calendar.timegm(moment.timetuple())) if 1900 <= parts[0] <= 2100 else None


def date(text: str) -> Fraction:
    match = re.fullmatch(
        r"([0-9]{4})-?([0-9]{2})(?:-?([0-9]{2}))?(?:[Tt ]([0-9]{2})(?::?([0-9]{2})(?::?([0-9]{2})(?:[.,]([0-9]+))?)?)?"
        r"\s?([Zz]|[+-][0-9]{2}(?::?[0-9]{2})?)?)?",
        text,
    )
    if match is None:
        raise Refused("date")
    try:
        moment = datetime.datetime(
            int(match[1]),
            int(match[2]),
            int(match[3] or 1),
            int(match[4] or 0),
            int(match[5] or 0),
            int(match[6] or 0),
            tzinfo=UTC,
        )
    except ValueError:
        raise Refused("date") from None
    shift = 0
    if match[8] and match[8] not in "zZ":
        zone = match[8][1:].replace(":", "") + "00"
        shift = (int(zone[:2]) * 60 + int(zone[2:4])) * (-60 if match[8][0] == "-" else 60)
    seconds = (moment - EPOCH) // datetime.timedelta(seconds=1) - shift
    if seconds < 0:
        raise Refused("before 1970")
    fraction = Fraction(int(match[7]), 10 ** len(match[7])) if match[7] else Fraction(0)
    return representable(seconds + fraction)
