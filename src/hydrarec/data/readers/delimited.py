"""Reads ratings from delimited text (CSV, TSV, ``::``).

The fast pass lets pandas' C engine convert plain numbers, and accepts its answer only if :mod:`.byte_survey` found nothing
in the bytes that could be read in two ways. All other files take the exact pass, record by record, which also finds
the bad lines and the reasons.
"""

from __future__ import annotations

import contextlib
import csv
import functools
import re
import warnings
from array import array
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hydrarec.core import console, memory
from hydrarec.core.errors import DataError
from hydrarec.data.readers.byte_survey import Survey
from hydrarec.data.readers.columns import table_of
from hydrarec.data.readers.cut_file import warn_if_cut
from hydrarec.data.readers.faults import SHOWN, Rules, bad_rows, warn_dropped
from hydrarec.data.readers.layout import UNQUOTED, Form, Layout, layout_of
from hydrarec.data.readers.opening import AGAIN, opened
from hydrarec.data.readers.structure import Record, places_in, records
from hydrarec.data.readers.text_column import Collected
from hydrarec.data.table import RatingTable

if TYPE_CHECKING:
    from pandas.io.parsers import TextFileReader

CHUNK_ROWS = 1 << 16  # rows that pandas converts at once; larger chunks leave the CPU's cache
MEMORY_PER_BYTE = 3  # peak of a fast pass per byte of the file, as measured
BATCH = 10_000  # records of the exact pass that are collected at once
KINDS = {"user": "i", "item": "i", "rating": "if", "time": "i"}  # NumPy type kinds that the fast pass takes
LEADING_ZERO = re.compile(r"\s*[+-]?0\d")


def read_delimited(file: Path, form: Form, rules: Rules) -> RatingTable:
    """Read one text file.

    Raises:
        DataError: the file does not have this form or has no rows, or a row cannot be read (the error gives the line)
            and ``rules.on_bad_rows`` is not ``drop``.
        EnvironmentFault: the disk fails, or there is too little memory. ConfigError: this machine has too little of it.
    """
    layout = layout_of(file, form)
    # Without memory pandas' parser may crash.
    memory.require(MEMORY_PER_BYTE * file.stat().st_size, f"reading {file.name}", "a file with fewer ratings")
    table = _fast(file, layout, rules)
    if table is None:
        table = _exact(file, layout, rules)
    if not len(table):
        what = "the file has a header but no ratings" if layout.has_header else "the file has no ratings"
        raise DataError(what, expected="at least one rating", fix=AGAIN, file=file)
    warn_if_cut(file, layout)
    return table


def _fast(file: Path, layout: Layout, rules: Rules) -> RatingTable | None:
    """Read plain numbers if all rows are valid; return None if the exact pass is needed."""
    if rules.ids == "string":
        return None
    with opened(file) as stream, console.progress(f"reading {file.name}", unit="bytes") as advance:
        for _ in range(layout.header_lines):
            stream.readline()
        survey = Survey(stream, layout, advance)
        raw = _numbers(survey, layout)
    if raw is None or not survey.is_simple:
        return None
    if survey.separators != len(raw["user"]) * (layout.width - 1) * len(layout.separator):
        return None  # some row is longer or shorter, or a quoted field has a separator
    if survey.leading_zeros and _ids_have_leading_zeros(file, layout):
        return None
    names = {role: layout.names[position] for role, position in layout.used.items()}
    table, faults = table_of(raw, names, rules, functools.partial(places_in, file, layout))
    return None if faults.bad.any() else faults.settle(table, "error")


def _numbers(survey: Survey, layout: Layout) -> dict[str, NDArray] | None:
    """The used columns by role, int64 or float64 [N]; None if a column holds anything but plain numbers.

    Types are left to pandas, chunk by chunk: asked for integers, it would also take 7.0, 1e3 and 1e-400.
    """
    parts: dict[str, list[NDArray]] = {role: [] for role in layout.used}
    stride = len(layout.separator)
    try:
        with _parser(survey, layout, list(layout.used)) as parser:
            for frame in parser:
                for role, position in layout.used.items():
                    values = frame[position * stride].to_numpy()
                    if values.dtype.kind not in KINDS[role]:
                        return None
                    parts[role].append(values)
    except (ValueError, OverflowError, pd.errors.ParserWarning) as error:
        _raise_cause(survey, error)
        return None
    if not parts["user"]:
        return None
    return {role: np.concatenate(parts.pop(role)) for role in layout.used}


@contextlib.contextmanager
def _parser(survey: Survey, layout: Layout, roles: Sequence[str], **types: Any) -> Iterator[TextFileReader]:
    """pandas' parser of the columns of ``roles``, which are named by position, in chunks.

    With ``index_col=False`` pandas does not use a surplus first column as the index, which would shift all others.
    """
    stride = len(layout.separator)  # read "::" as ":" with empty columns in between: 30 times as fast as a regex
    wanted = sorted(layout.used[role] * stride for role in roles)
    width = (layout.width - 1) * stride + 1
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", pd.errors.ParserWarning)  # that it drops a column
        with pd.read_csv(
            survey,  # type: ignore[call-overload]
            sep=layout.separator[0],
            header=None,
            names=list(range(width)),
            usecols=None if len(wanted) == width else wanted,
            index_col=False,
            na_filter=False,
            engine="c",
            quoting=csv.QUOTE_MINIMAL if layout.quoting else csv.QUOTE_NONE,
            low_memory=False,
            chunksize=CHUNK_ROWS,
            **types,
        ) as parser:
            yield parser


def _raise_cause(survey: Survey, error: Exception) -> None:
    """Raise what is not about the content: pandas hides a failing disk and exhausted memory in errors of its own."""
    if survey.failure is not None:
        raise survey.failure from error
    if "out of memory" in str(error):
        raise MemoryError from error


def _ids_have_leading_zeros(file: Path, layout: Layout) -> bool:
    """Whether some id is written like ``007``; called only if any number in the file is."""
    stride = len(layout.separator)
    with opened(file) as stream:
        for _ in range(layout.header_lines):
            stream.readline()
        survey = Survey(stream, layout, lambda amount: None)
        with _parser(survey, layout, ["user", "item"], dtype=str) as parser:
            for frame in parser:
                for role in ("user", "item"):
                    texts = pd.unique(frame[layout.used[role] * stride])
                    if any(map(LEADING_ZERO.match, texts.tolist())):
                        return True
    return False


def _exact(file: Path, layout: Layout, rules: Rules) -> RatingTable:
    """Read every field as text, then parse; report or drop the rows that cannot be read."""
    texts = {role: Collected() for role in layout.used}
    lines = array("q")
    damaged: list[Record] = []
    rows = records(file, layout)
    with console.progress(f"reading {file.name} exactly", unit="rows") as advance:
        while batch := list(islice(rows, BATCH)):
            whole = [record for record in batch if not record.damage]
            damaged += [record for record in batch if record.damage]
            lines.extend(record.line for record in whole)
            for role, position in layout.used.items():
                texts[role].extend([record.fields[position] for record in whole])
            advance(len(batch))
    _settle_damaged(file, layout, damaged, rules)
    names = {role: layout.names[position] for role, position in layout.used.items()}
    columns = {role: collected.column() for role, collected in texts.items()}
    header = names if layout.has_header else None
    table, faults = table_of(
        columns, names, rules, lambda numbers: [(file, lines[row]) for row in numbers], header, layout.encoding
    )
    return faults.settle(table, rules.on_bad_rows)


def _settle_damaged(file: Path, layout: Layout, damaged: Sequence[Record], rules: Rules) -> None:
    """Report or drop the rows without the right number of fields."""
    if not damaged:
        return
    what, where = damaged[0].damage, [(file, record.line) for record in damaged[:SHOWN]]
    if rules.on_bad_rows == "drop":
        warn_dropped(len(damaged), where, what)
        return
    by_quotes = "quote" in what
    expected = "quotes in pairs around whole fields" if by_quotes else f"{layout.width} fields in every row"
    fix = f"correct the line, {UNQUOTED}" if by_quotes else "correct the line"
    raise bad_rows(what, expected, where, len(damaged), column=None, value="", fix=fix)
