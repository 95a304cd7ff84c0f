"""Converts raw columns to a table of ratings. What a column holds is decided on all of its good rows."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from hydrarec.data.readers.faults import Fault, Faults, Rules
from hydrarec.data.readers.ratings import note_off_grid, ratings_of
from hydrarec.data.readers.text_column import NUMBER, UNDECODED, TextColumn
from hydrarec.data.readers.times import Times, times_of_datetimes, times_of_integers, times_of_texts
from hydrarec.data.table import Place, RatingTable

Raw = NDArray | TextColumn
# NumPy type kinds that need no parsing, by role; all other columns are read as text.
TYPED = {"user": "iu", "item": "iu", "rating": "iuf", "time": "iuM"}
INTEGER = re.compile(r"([+-]?\d+)(\.0*)?", re.ASCII)  # pandas writes 7 as 7.0 if the column once had gaps
NOT_A_NUMBER = re.compile(r"[+-]?(nan|inf|infinity|null|none|na|n/a)", re.IGNORECASE)
LEAST, MOST = -(2**63), 2**63 - 1  # of int64


def table_of(
    raw: Mapping[str, Raw],
    names: Mapping[str, str],
    rules: Rules,
    places: Callable[[Sequence[int]], list[Place]],
    header: Mapping[str, str] | None = None,
    encoding: str = "utf-8",
) -> tuple[RatingTable, Faults]:
    """Build the table from raw columns, and collect its bad rows.

    Args:
        raw: columns by role, [N]: of a type in :data:`TYPED`, or texts; ``rating`` and ``time`` are optional.
        names: column names by role.
        places: as in :class:`~hydrarec.data.table.RatingTable`.
        header: what the header has in each column, by role; a later row with the same texts is bad.
        encoding: encoding of the texts, for errors.
    """
    faults = Faults(len(raw["user"]))
    if header:
        _refuse_second_header(raw, header, faults)
    ratings, times = np.ones(len(raw["user"]), np.float32), Times(np.zeros(0, np.int64), "s")
    exact = None
    if "rating" in raw:
        ratings, exact = ratings_of(raw["rating"], names["rating"], rules.scale, faults)
    if "time" in raw:
        times = _times(raw["time"], names["time"], faults)
    users, items = (_ids(raw[role], names[role], rules, encoding, faults) for role in ("user", "item"))
    if exact is not None:
        note_off_grid(exact, names["rating"], rules.scale, faults, places)
    ticks = times.ticks if "time" in raw else None
    table = RatingTable(
        users=users, items=items, ratings=ratings, timestamps=ticks, time_unit=times.unit, places=places
    )
    return table, faults


def _refuse_second_header(raw: Mapping[str, Raw], header: Mapping[str, str], faults: Faults) -> None:
    again = np.ones(faults.num_rows, bool)
    for role, column in raw.items():
        if not isinstance(column, TextColumn) or header[role] not in column.distinct:
            return
        again &= np.array([text == header[role] for text in column.distinct])[column.codes]
    expected = "the header in the first line only"
    faults.add(again, lambda row: Fault(row, header["user"], header["user"], "is the header again", expected))


def _times(raw: Raw, name: str, faults: Faults) -> Times:
    if isinstance(raw, TextColumn):
        return times_of_texts(raw, name, faults)
    if raw.dtype.kind == "M":
        return times_of_datetimes(raw, name, faults)
    return times_of_integers(raw.astype(np.int64, copy=False), name, faults)


def _ids(raw: Raw, name: str, rules: Rules, encoding: str, faults: Faults) -> NDArray:
    """Parse raw ids to int64 [N] or object (str) [N]."""
    if not isinstance(raw, TextColumn):
        return raw.astype(str).astype(object) if rules.ids == "string" else raw.astype(np.int64, copy=False)
    raw.refuse(UNDECODED, f"is not {encoding}", name, f"text in {encoding}", "dataset.encoding=latin-1", faults)
    known = raw.used_in(~faults.bad)
    words = [text for text in known if _is_word(text)] if rules.ids == "auto" else []
    if words and any(map(_is_integer, known)):
        faults.notes.append(f"column '{name}' holds text such as {words[0]!r}: all of its ids are kept as strings")
    as_text = bool(words) or rules.ids == "string"
    expected = "an integer id" + ("" if rules.ids == "integer" else ", or any text with dataset.ids=string")
    parse, kind = (_text_id, object) if as_text else (_integer_id, np.int64)
    return raw.parse(parse, kind, name, expected, faults)


def _is_integer(text: str) -> bool:
    return INTEGER.fullmatch(text) is not None and len(text) < 25 and LEAST <= _integer(text) <= MOST


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
