"""Reads ratings from delimited text (CSV, TSV, ``::``) with pandas' C engine.

The first pass declares all types and lets pandas reject bad values. Only if pandas does, or a value lies outside the
scale, a second pass reads everything as text to find the bad line and the reason.
"""

from __future__ import annotations

import functools
import re
import warnings
from pathlib import Path

import pandas as pd
from numpy.typing import NDArray

from hydrarec.core.errors import DataError
from hydrarec.data.readers.columns import table_of
from hydrarec.data.readers.faults import Rules, bad_rows, warn_dropped
from hydrarec.data.readers.layout import Form, Layout, layout_of
from hydrarec.data.readers.opening import CHUNK, DAMAGED_GZIP, damaged_gzip, is_gzip, opened
from hydrarec.data.readers.structure import misshapen, places_in, records
from hydrarec.data.table import RatingTable

TYPES = {"user": "int64", "item": "int64", "rating": "float32", "time": "int64"}
TEXTS = dict.fromkeys(TYPES, "object")
HEAD = 1 << 24  # bytes searched for ids such as 007 and 1e3; files that have them have them early
EXACT = 2**53  # floats are exact below; pandas reads a column as floats if one id is 7.0


def read_delimited(file: Path, form: Form, rules: Rules) -> RatingTable:
    """Read one text file.

    Raises:
        DataError: the file does not have this form or has no rows, or a row cannot be read (the error gives the line)
            and ``rules.on_bad_rows`` is not ``drop``.
    """
    layout = layout_of(file, form)
    try:
        table = _fast(file, layout, rules)
        if table is None:
            table = _careful(file, layout, rules)
    except DAMAGED_GZIP as error:
        raise damaged_gzip(file, error) from error
    except pd.errors.EmptyDataError:
        raise _without_rows(file, layout) from None
    except (pd.errors.ParserError, pd.errors.ParserWarning) as error:  # not explained by our own passes
        what, fix = f"cannot be read: {str(error).strip()}", "write the file again, quoting as in RFC 4180"
        raise DataError(what, expected="delimited text", fix=fix, file=file) from error
    if not len(table):
        raise _without_rows(file, layout)
    return table


def _without_rows(file: Path, layout: Layout) -> DataError:
    what = "the file has a header but no ratings" if layout.header_lines else "the file has no ratings"
    return DataError(what, expected="at least one rating", fix="fetch or write the file again", file=file)


def _fast(file: Path, layout: Layout, rules: Rules) -> RatingTable | None:
    """Read the ratings if all are valid; return None if the careful pass is needed."""
    if rules.ids == "string" or (rules.ids == "auto" and _ids_are_odd(file, layout)):
        return None
    try:
        frame = _parse(file, layout, TYPES, frozenset())
    except (ValueError, OverflowError, pd.errors.ParserWarning):
        return None
    if not _all_used(layout) and not _count_fits(file, layout, len(frame)):
        return None
    raw, names = _by_role(frame, layout)
    table, faults = table_of(raw, names, rules, functools.partial(places_in, file, layout, frozenset()))
    largest = max((max(ids.max(), -ids.min()) for ids in (table.users, table.items) if len(ids)), default=0)
    return None if faults.bad.any() or largest >= EXACT else table


def _careful(file: Path, layout: Layout, rules: Rules) -> RatingTable:
    """Read every field as text, then parse; report or drop the rows that cannot be read."""
    skipped: frozenset[int] = frozenset()
    try:
        texts = _parse(file, layout, TEXTS, skipped)
        whole = _count_fits(file, layout, len(texts))
    except UnicodeDecodeError as error:
        raise _undecodable(file, layout, error) from error
    except (ValueError, pd.errors.ParserWarning):
        whole = False
    if not whole:
        skipped = _without_misshapen(file, layout, rules)
        texts = _texts(file, layout, skipped)
    raw, names = _by_role(texts, layout)
    table, faults = table_of(raw, names, rules, functools.partial(places_in, file, layout, skipped))
    return faults.settle(table, rules.on_bad_rows)


def _by_role(frame: pd.DataFrame, layout: Layout) -> tuple[dict[str, NDArray], dict[str, str]]:
    """The used columns and their names, by role."""
    raw = {role: frame[position].to_numpy() for role, position in layout.used.items()}
    return raw, {role: layout.names[position] for role, position in layout.used.items()}


def _parse(file: Path, layout: Layout, types: dict[str, str], skipped: frozenset[int]) -> pd.DataFrame:
    """The used columns, named by position, in file order.

    With ``index_col=False`` pandas does not use a surplus first column as the index, which would shift all others.
    It drops the last column instead and warns; the warning is turned into an error here.
    """
    stride = len(layout.separator)  # read "::" as ":" with empty columns in between: 30 times as fast as a regex
    positions = {position * stride: role for role, position in layout.used.items()}
    with warnings.catch_warnings():
        warnings.simplefilter("error", pd.errors.ParserWarning)
        warnings.simplefilter("ignore", RuntimeWarning)  # from a cast that pandas tries before it rejects a column
        frame = pd.read_csv(
            file,
            sep=layout.separator[0],
            header=None,
            names=list(range((layout.width - 1) * stride + 1)),
            usecols=None if _all_used(layout) else sorted(positions),
            dtype={position: types[role] for position, role in positions.items()},
            # An integer costs nothing; a list costs a look-up per line.
            skiprows=sorted(skipped.union(range(layout.header_lines))) if skipped else layout.header_lines,
            index_col=False,
            na_filter=False,
            engine="c",
            encoding="utf-8" if layout.encoding.lower().replace("-", "") == "utf8" else layout.encoding,
            compression="gzip" if is_gzip(file) else None,
        )
    return frame.rename(columns={position: position // stride for position in positions})


def _texts(file: Path, layout: Layout, skipped: frozenset[int]) -> pd.DataFrame:
    """The used columns as text, for a file with a fault."""
    if len(layout.separator) == 1:
        return _parse(file, layout, TEXTS, skipped)
    # A single colon within a field would shift the columns that pandas reads.
    kept = (record.fields for record in records(file, layout) if record.number not in skipped)
    positions = list(layout.used.values())
    return pd.DataFrame([[fields[p] for p in positions] for fields in kept], columns=positions, dtype=object)


def _all_used(layout: Layout) -> bool:
    return len(layout.used) == layout.width and len(layout.separator) == 1


def _count_fits(file: Path, layout: Layout, num_rows: int) -> bool:
    """Whether the file has exactly as many separators as its rows need.

    pandas checks row lengths itself, except if columns are skipped or fields may be empty.
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
    """Whether an id such as ``007`` or ``1e3`` occurs near the start; pandas would silently read 7 or 1000."""
    with opened(file) as stream:
        head = b"\n" + stream.read(HEAD)
    separator, positions = layout.separator.encode(), (layout.used["user"], layout.used["item"])
    leads = {re.escape(separator) if position else b"\n" for position in positions}
    if not any(re.search(lead + rb'\s*"?[+-]?(0[0-9]|[0-9]+[eE])', head) for lead in leads):
        return False
    rows = (line.split(separator) for line in head.split(b"\n"))
    ids = (row[p].strip(b'" \t\r') for row in rows for p in positions if p < len(row))
    return any(re.fullmatch(rb"[+-]?(0[0-9]+\.?0*|[0-9.]+[eE][+-]?[0-9]+)", text) for text in ids)


def _without_misshapen(file: Path, layout: Layout, rules: Rules) -> frozenset[int]:
    """The numbers of the records to skip, which have too many or too few fields."""
    wrong = misshapen(file, layout)
    if not wrong:
        return frozenset()
    first, where = wrong[0], [(file, record.line) for record in wrong[:3]]
    what = f"the row has {len(first.fields)} fields, the first line {layout.width}"
    if rules.on_bad_rows == "error":
        raise bad_rows(what, f"{layout.width} fields in every row", where, len(wrong), column=None, value="")
    warn_dropped(len(wrong), where, what)
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
