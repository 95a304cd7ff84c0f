"""Delimited text (CSV, TSV, ``::``) → ratings, at the speed of pandas' C engine.

The first reading states every type and lets pandas refuse what does not fit. Only when it does refuse, or a value
lies outside the scale, a second one takes everything as text and finds out which line is wrong and why.
"""

from __future__ import annotations

import functools
import re
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hydrarec.core.errors import DataError
from hydrarec.data.readers import columns
from hydrarec.data.readers.columns import Ids
from hydrarec.data.readers.faults import Faults, OnBadRows, bad_rows, report_dropped
from hydrarec.data.readers.layout import Layout
from hydrarec.data.readers.opening import CHUNK, DAMAGED_GZIP, damaged_gzip, is_gzip, opened
from hydrarec.data.readers.structure import misshapen, places_in, records
from hydrarec.data.table import RatingTable, Scale

TYPES = {"user": "int64", "item": "int64", "rating": "float32", "time": "int64"}
ODD_SOUGHT = 1 << 24  # bytes in which ids such as 007 and 1e3 are looked for: a file that has them has them early
EXACT = 2**53  # pandas takes a column in which one id reads 7.0 for floats, which are exact below


@dataclass(frozen=True)
class Rules:
    """How strictly to judge: the ratings' scale, what ids are taken for, and what becomes of bad rows."""

    scale: Scale
    ids: Ids
    on_bad_rows: OnBadRows


def read_delimited(file: Path, layout: Layout, rules: Rules) -> RatingTable:
    """Read one text file.

    Raises:
        DataError: a row that cannot be read, with its line, unless ``rules.on_bad_rows`` is ``drop``; no rows at all.
    """
    try:
        table = _fast(file, layout, rules)
        if table is None:
            table = _careful(file, layout, rules)
    except DAMAGED_GZIP as error:
        raise damaged_gzip(file, error) from error
    except pd.errors.EmptyDataError:
        raise _without_rows(file, layout) from None
    except (pd.errors.ParserError, pd.errors.ParserWarning) as error:  # what our own passes did not explain
        what, fix = f"cannot be read: {str(error).strip()}", "write the file again, quoting as in RFC 4180"
        raise DataError(what, expected="delimited text", fix=fix, file=file) from error
    if not len(table):
        raise _without_rows(file, layout)
    return table


def _without_rows(file: Path, layout: Layout) -> DataError:
    return DataError(
        "the file has a header but no ratings" if layout.header_lines else "the file has no ratings",
        expected="at least one rating",
        fix="fetch or write the file again",
        file=file,
    )


def _fast(file: Path, layout: Layout, rules: Rules) -> RatingTable | None:
    """The ratings, if everything is as it should be; None if a closer look is needed."""
    if rules.ids == "string" or (rules.ids == "auto" and _ids_are_odd(file, layout)):
        return None
    try:
        frame = _parse(file, layout, TYPES, frozenset())
    except (ValueError, OverflowError, pd.errors.ParserWarning):
        return None
    if not _all_used(layout) and not _count_fits(file, layout, len(frame)):
        return None
    faults = Faults(len(frame))
    ratings = _column(frame, layout, "rating")
    times = _column(frame, layout, "time")
    if ratings is None:
        ratings = np.ones(len(frame), np.float32)
    columns.judge_ratings(ratings, "rating", rules.scale, faults)
    if times is not None:
        times = columns.in_seconds(times, layout.name_of("time"), faults)
    users, items = frame[layout.user].to_numpy(), frame[layout.item].to_numpy()
    if faults.bad.any() or any(len(ids) and max(ids.max(), -ids.min()) >= EXACT for ids in (users, items)):
        return None
    places = functools.partial(places_in, file, layout, frozenset())
    return RatingTable(users, items, ratings, times, None, places)


def _careful(file: Path, layout: Layout, rules: Rules) -> RatingTable:
    """Every field as text first; the rows that cannot be read are reported or dropped."""
    skipped: frozenset[int] = frozenset()
    try:
        texts = _parse(file, layout, dict.fromkeys(TYPES, "object"), skipped)
        whole = _count_fits(file, layout, len(texts))
    except UnicodeDecodeError as error:
        raise _undecodable(file, layout, error) from error
    except (ValueError, pd.errors.ParserWarning):
        whole = False
    if not whole:
        skipped = _without_misshapen(file, layout, rules)
        texts = _texts(file, layout, skipped)
    faults = Faults(len(texts))
    raw = {role: texts[position].to_numpy(object) for role, position in layout.used.items()}
    users = columns.ids_of(raw["user"], layout.name_of("user"), rules.ids, faults)
    items = columns.ids_of(raw["item"], layout.name_of("item"), rules.ids, faults)
    ratings, times = np.ones(len(texts), np.float32), None
    if "rating" in raw:
        ratings = columns.ratings_of(raw["rating"], layout.name_of("rating"), rules.scale, faults)
    if "time" in raw:
        times = columns.times_of(raw["time"], layout.name_of("time"), faults)
    kept = faults.settle(rules.on_bad_rows, functools.partial(places_in, file, layout, skipped))
    rows = np.arange(len(texts)) if kept is None else np.flatnonzero(kept)
    return RatingTable(
        users=users[rows],
        items=items[rows],
        ratings=ratings[rows],
        timestamps=None if times is None else times[rows],
        part=None,
        places=lambda wanted: places_in(file, layout, skipped, [int(rows[row]) for row in wanted]),
    )


def _parse(file: Path, layout: Layout, types: dict[str, str], skipped: frozenset[int]) -> pd.DataFrame:
    """The used columns, named by their position, in the file's order of rows.

    ``index_col=False`` forbids pandas to take a first column too many for an index, which would shift all others;
    what it would cut off instead it announces by a ParserWarning, made an error here.
    """
    stride = len(layout.separator)  # "::" is ":" with an empty column between each two: 30 times as fast as a regex
    positions = {position * stride: role for role, position in layout.used.items()}
    with warnings.catch_warnings():
        warnings.simplefilter("error", pd.errors.ParserWarning)
        warnings.simplefilter("ignore", RuntimeWarning)  # of a cast that pandas tries before it refuses a column
        frame = pd.read_csv(
            file,
            sep=layout.separator[0],
            header=None,
            names=list(range((layout.width - 1) * stride + 1)),
            usecols=None if _all_used(layout) else sorted(positions),
            dtype={position: types[role] for position, role in positions.items()},
            # A number costs nothing; a list costs a look-up per line.
            skiprows=sorted(skipped.union(range(layout.header_lines))) if skipped else layout.header_lines,
            index_col=False,
            na_filter=False,
            engine="c",
            encoding="utf-8" if layout.encoding.lower().replace("-", "") == "utf8" else layout.encoding,
            compression="gzip" if is_gzip(file) else None,
        )
    return frame.rename(columns={position: position // stride for position in positions})


def _texts(file: Path, layout: Layout, skipped: frozenset[int]) -> pd.DataFrame:
    """The used columns as text, in a file in which something is wrong."""
    if len(layout.separator) == 1:
        return _parse(file, layout, dict.fromkeys(TYPES, "object"), skipped)
    # A single colon within a field would shift what pandas reads between colons.
    kept = (record.fields for record in records(file, layout) if record.number not in skipped)
    positions = list(layout.used.values())
    return pd.DataFrame([[fields[p] for p in positions] for fields in kept], columns=positions, dtype=object)


def _all_used(layout: Layout) -> bool:
    return len(layout.used) == layout.width and len(layout.separator) == 1


def _column(frame: pd.DataFrame, layout: Layout, role: str) -> NDArray | None:
    position = layout.used.get(role)
    return None if position is None else frame[position].to_numpy()


def _count_fits(file: Path, layout: Layout, num_rows: int) -> bool:
    """Whether the file holds as many separators as its rows need.

    pandas checks the length of each row by itself, but not where columns are left out or missing fields may be empty.
    """
    separator = layout.separator[:1].encode()
    found = 0
    with opened(file) as stream:
        for _ in range(layout.header_lines):
            stream.readline()
        while chunk := stream.read(CHUNK):
            found += chunk.count(separator)
    return found == num_rows * (layout.width - 1) * len(layout.separator)


def _ids_are_odd(file: Path, layout: Layout) -> bool:
    """Whether an id such as ``007`` or ``1e3`` occurs near the beginning; pandas would silently make it 7 or 1000."""
    with opened(file) as stream:
        head = b"\n" + stream.read(ODD_SOUGHT)
    separator = layout.separator.encode()
    leads = {b"\n" if not position else re.escape(separator) for position in (layout.user, layout.item)}
    if not any(re.search(lead + rb'\s*"?[+-]?(0[0-9]|[0-9]+[eE])', head) for lead in leads):
        return False
    rows = (line.split(separator) for line in head.split(b"\n"))
    ids = (row[p].strip(b'" \t\r') for row in rows for p in (layout.user, layout.item) if p < len(row))
    return any(re.fullmatch(rb"[+-]?(0[0-9]+\.?0*|[0-9.]+[eE][+-]?[0-9]+)", text) for text in ids)


def _without_misshapen(file: Path, layout: Layout, rules: Rules) -> frozenset[int]:
    """The records to skip because they have too many or too few fields."""
    wrong = misshapen(file, layout)
    if not wrong:
        return frozenset()
    first, where = wrong[0], [(file, record.line) for record in wrong[:3]]
    what = f"the row has {len(first.fields)} fields, the first line {layout.width}"
    if rules.on_bad_rows == "error":
        raise bad_rows(what, f"{layout.width} fields in every row", where, len(wrong), column=None, value="")
    report_dropped(len(wrong), where, what)
    return frozenset(record.number for record in wrong)


def _undecodable(file: Path, layout: Layout, error: UnicodeDecodeError) -> DataError:
    line = None
    with opened(file) as stream:
        for number, text in enumerate(stream, 1):
            try:
                text.decode(layout.encoding)
            except UnicodeDecodeError:
                line = number
                break
    return DataError(
        f"not {layout.encoding}: {error.reason}",
        expected=f"text in {layout.encoding}",
        fix="set dataset.encoding, to latin-1 for instance",
        file=file,
        line=line,
    )
