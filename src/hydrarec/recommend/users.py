"""The users to recommend to: one, all known ones, or those listed in a file."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hydrarec.core.errors import DataError
from hydrarec.data.ids import IdMap
from hydrarec.recommend.small_csv import read_rows

ALL = "all"
COLUMN, ALSO = "user", ("userid", "user_id")


class Users(NamedTuple):
    """``indices``: int64 [U], distinct, in the order listed. ``notes``: who was left out, a sentence each."""

    indices: NDArray[np.int64]
    notes: tuple[str, ...]


def one_user(raw: str, ids: IdMap) -> int:
    """The index of a raw id.

    Raises:
        DataError: the model does not know it.
    """
    key = _key(raw, ids)
    if key is None or key not in ids:
        raise _unknown(raw, ids, "user=<an id that occurs in the ratings>")
    return ids.index_of(key)


def many_users(users: str, ids: IdMap, on_unknown: Literal["error", "skip"]) -> Users:
    """``all``, or a CSV with a column ``user``, or with one column, with or without a header; raw ids.

    Raises:
        DataError: no such column, no users, or an id that the model does not know, unless ``on_unknown`` is skip.
    """
    if users == ALL:
        return Users(np.arange(len(ids)), ())
    file = Path(users)
    known = {raw: index for index, raw in enumerate(ids.raw.tolist())}
    found: dict[int, None] = {}
    listed = skipped = 0
    for line, raw in _raw_ids(file, ids):
        listed += 1
        index = known.get(_key(raw, ids))
        if index is not None:
            found[index] = None
        elif on_unknown == "skip":
            skipped += 1
        else:
            raise _unknown(raw, ids, "correct it, or on_unknown=skip", file, line)
    if not found:
        what = f"the model knows none of the {listed:,} users" if listed else "no users after the header"
        raise DataError(what, expected="raw ids as in the ratings", fix="users=all", file=file)
    repeated = listed - skipped - len(found)
    lines = (skipped, "the model does not know them"), (repeated, "they are repeated")
    notes = tuple(f"left out because {reason}: {count:,} of {listed:,} lines" for count, reason in lines if count)
    return Users(np.array(list(found), np.int64), notes)


def _raw_ids(file: Path, ids: IdMap) -> Iterator[tuple[int, str]]:
    """Lines and ids. The first line is a header if it names the column, or cannot be an id where ids are integers."""
    rows = read_rows(file)
    first = next(rows)
    names = [COLUMN if name.lower() in ALSO else name.lower() for name in first.cells]
    if COLUMN in names:
        place = names.index(COLUMN)
    elif len(names) == 1:
        place = 0
        if _key(names[0], ids) is not None:
            yield first.line, first.cells[0]
    else:
        raise DataError(
            f"there is no column {COLUMN}",
            expected=f"a column {COLUMN}, or one column only",
            fix=f"rename one of: {', '.join(first.cells)}",
            file=file,
            line=first.line,
        )
    for line, cells in rows:
        yield line, cells[place]


def _key(raw: str, ids: IdMap) -> int | str | None:
    """The id in the map's type; None for text where ids are integers, and beyond int64."""
    if not ids.are_integers:
        return raw
    return int(raw) if re.fullmatch(r"[+-]?\d{1,18}", raw) else None


def _unknown(raw: str, ids: IdMap, fix: str, file: Path | None = None, line: int | None = None) -> DataError:
    try:
        ids.index_of(raw)
        expected = "an id as in the ratings"  # index_of parses more leniently
    except DataError as error:
        expected = error.expected
    what = f"the model does not know a user '{raw}'"
    return DataError(what, expected=expected, fix=fix, file=file, line=line, column=COLUMN, value=raw)
