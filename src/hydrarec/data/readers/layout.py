"""Determines the layout of a text file: separator, header, and column positions."""

from __future__ import annotations

import csv
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydrarec.core.errors import ConfigError, DataError, did_you_mean
from hydrarec.data.readers.column_names import find_column
from hydrarec.data.readers.opening import AGAIN, require_text

log = logging.getLogger(__name__)

UNQUOTED = "dataset.quoting=false: quotes are then characters like any other"
SEPARATORS = ("::", "\t", ",", ";", "|", " ")
FORBIDDEN = "\"'\r\n\0.+-0123456789"  # characters that occur within fields
BY_SUFFIX = {".csv": ",", ".tsv": "\t"}
ROLES = ("user", "item", "rating", "time")


@dataclass(frozen=True)
class Form:
    """The declared form of a text file, known before the file is opened.

    Args:
        user, item, rating, time: columns, by header name or by position from 0; None if absent.
        separator: field separator; None: the one in the first line that yields the columns.
        header: whether the first line names the columns.
        encoding: encoding of ids and header.
        quoting: whether fields may stand in double quotes; otherwise a quote is a character like any other.
    """

    user: str | int
    item: str | int
    rating: str | int | None
    time: str | int | None
    separator: str | None
    header: bool
    encoding: str
    quoting: bool

    @property
    def columns(self) -> dict[str, str | int]:
        """The columns that exist, by role."""
        columns = {role: getattr(self, role) for role in ROLES}
        return {role: column for role, column in columns.items() if column is not None}


@dataclass(frozen=True)
class Layout:
    """The actual layout of one text file.

    Args:
        separator: field separator; one character, or ``::``.
        header_lines: lines before the first rating: the column names, and blank lines above them.
        used: position of each used column, from 0, by role.
        names: column names by position, for errors.
        has_header: whether the last of the header lines names the columns.
        encoding: encoding of ids and header.
        quoting: whether fields may stand in double quotes; never with ``::``.
    """

    separator: str
    header_lines: int
    used: dict[str, int]
    names: tuple[str, ...]
    has_header: bool
    encoding: str
    quoting: bool

    @property
    def width(self) -> int:
        """Number of fields per row."""
        return len(self.names)


def layout_of(file: Path, form: Form) -> Layout:
    """Find the columns of a file.

    Raises:
        DataError: the file is not text, has another separator, or lacks a column.
    """
    lines = _text(file, form.encoding).split("\n")
    number = next((number for number, line in enumerate(lines) if line.strip()), None)
    if number is None:
        raise DataError("the file is empty", expected="a header and ratings", fix=AGAIN, file=file)
    first = lines[number].rstrip("\r")
    _require_no_remark(file, first, form)
    separator = _separator(file, first, form)
    quoting = form.quoting and len(separator) == 1
    fields = _fields(file, first, separator, quoting)
    _require_header(file, form, fields)
    names = fields if form.header else _names_by_role(form, len(fields))
    used = {role: _position(file, role, column, names, form.header) for role, column in form.columns.items()}
    if len(set(used.values())) < len(used):
        fix = "set dataset.user, item, rating and time to different columns"
        raise _first_line_error(file, "one column stands for two things", f"four of {names}", fix)
    if form.header:
        _report_columns(file, form, names, used)
    header_lines = number + 1 if form.header else 0
    return Layout(separator, header_lines, used, tuple(names), form.header, form.encoding, quoting)


def header_of(file: Path, form: Form) -> list[str]:
    """The names of a file's columns; empty without a header."""
    first = next((line for line in _text(file, form.encoding).split("\n") if line.strip()), "").rstrip("\r")
    separator = _separator(file, first, form)
    return _fields(file, first, separator, form.quoting and len(separator) == 1) if form.header else []


def _report_columns(file: Path, form: Form, names: list[str], used: dict[str, int]) -> None:
    """Log which columns are not used, and which were found by another name than the one set."""
    renamed = [
        f"{role} '{names[position]}'" for role, position in used.items() if form.columns[role] != names[position]
    ]
    if renamed and any(isinstance(form.columns[role], str) and form.columns[role] not in names for role in used):
        log.warning("%s: columns found: %s", file, ", ".join(renamed))
    extra = [name for position, name in enumerate(names) if position not in used.values()]
    if extra:
        log.warning("%s: column%s %s not used", file, "s" if len(extra) > 1 else "", ", ".join(extra))


def _first_line_error(file: Path, what: str, expected: str, fix: str, **fields: Any) -> DataError:
    return DataError(what, expected=expected, fix=fix, file=file, line=1, **fields)


def _text(file: Path, encoding: str) -> str:
    """The decoded beginning of a file."""
    head = require_text(file)
    try:
        return head.decode(encoding, errors="replace")
    except LookupError as error:
        what, fix = f"unknown encoding '{encoding}'", "set dataset.encoding"
        raise DataError(what, expected="utf-8, latin-1, …", fix=fix, file=file) from error


def _require_no_remark(file: Path, first: str, form: Form) -> None:
    """Raise if the first line is a remark: it begins with ``#`` or has only spaces as separators, and names no columns.

    Otherwise a wrong separator would be detected in it.
    """
    marked = first.startswith("#")
    prose = marked or not (any(sep in first for sep in SEPARATORS[:-1]) or _is_number(first.split()[0]))
    names = [column for column in form.columns.values() if isinstance(column, str)]
    absent = [name for name in names if name not in (first if marked else first.split())]
    if form.header and prose and absent and (marked or absent == names):
        what = f"the first line is no header: {first[:60]!r} has no column '{absent[0]}'"
        fix = "remove the lines above the header, or set dataset.user, item, rating and time"
        raise _first_line_error(file, what, "a first line with the columns' names", fix, column=absent[0])
    if marked and not form.header:
        what = f"the first line is a remark, not a rating: {first[:60]!r}"
        raise _first_line_error(file, what, "ratings from the first line on", "remove it")


def _names_by_role(form: Form, width: int) -> list[str]:
    """Column names for errors, for a file without a header."""
    names = [f"{position}" for position in range(width)]
    for role, column in form.columns.items():
        if isinstance(column, int) and 0 <= column < width:
            names[column] = role
    return names


def _require_header(file: Path, form: Form, fields: list[str]) -> None:
    """Raise if columns are given by position and the first line contradicts ``form.header``."""
    positions = [column for column in form.columns.values() if isinstance(column, int) and 0 <= column < len(fields)]
    if len(positions) < len(form.columns):
        return  # a missing name raises its own error
    numbers = [_is_number(fields[position]) for position in positions]
    shown = f"{','.join(fields)[:60]!r}"
    if form.header and all(numbers):
        what, fix = f"the first line holds numbers, not the columns' names: {shown}", "set dataset.header=false"
        raise _first_line_error(file, what, "a header", fix)
    if not form.header and not any(numbers) and form.rating is not None:
        what, fix = f"the first line reads like a header: {shown}", "set dataset.header=true"
        raise _first_line_error(file, what, "ratings from the first line on", fix)


def _fields(file: Path, line: str, separator: str, quoting: bool) -> list[str]:
    """Split the first line into fields; quotes are respected if the layout has them."""
    if not quoting:
        return [field.strip() for field in line.split(separator)]
    try:
        return [field.strip() for field in next(csv.reader([line], delimiter=separator, strict=True))]
    except csv.Error as error:
        what = "a quote that is not closed, or not a whole field"
        raise _first_line_error(file, what, "quotes in pairs", f"correct the line, or {UNQUOTED}") from error


def _separator(file: Path, first: str, form: Form) -> str:
    """The declared separator, else the one in the first line that yields most of the columns."""
    given = "\t" if form.separator == "\\t" else form.separator
    if given is not None and given not in SEPARATORS and (len(given) != 1 or given in FORBIDDEN):
        fix = "dataset.separator=null, to have it found"
        raise ConfigError(f"dataset.separator={given!r}", expected="one character, or ::", fix=fix, value=given)
    present = [candidate for candidate in SEPARATORS if candidate in first]
    if given is not None:
        if present and given not in first:
            what = f"found {present[0]!r} between the columns, expected {given!r}"
            fix = "dataset.separator=null, to have it found"
            raise _first_line_error(file, what, f"columns separated by {given!r}", fix, value=first[:80])
        return given
    usual = BY_SUFFIX.get(Path(file.name.removesuffix(".gz")).suffix.lower())
    found = {candidate: _columns_found(first, candidate, form) for candidate in present}
    return max(present, key=lambda each: (found[each], each == usual), default=",")


def _columns_found(first: str, separator: str, form: Form) -> int:
    """The number of declared columns in the first line if it is split at this separator."""
    fields = [field.strip().strip('"') for field in first.split(separator)]
    if form.header:
        named = (find_column(role, column, fields) for role, column in form.columns.items() if isinstance(column, str))
        found = sum(position is not None for position in named)
    else:
        found = 0
    return found + sum(isinstance(column, int) and column < len(fields) for column in form.columns.values())


def _position(file: Path, role: str, column: str | int, names: list[str], header: bool) -> int:
    """The position of a column, from 0."""
    if isinstance(column, int):
        if 0 <= column < len(names):
            return column
        what = f"no column {column} for the {role}: the first line has {len(names)} columns"
        expected, fix = f"a position from 0 to {len(names) - 1}", f"set dataset.{role}"
    elif header and (position := find_column(role, column, names)) is not None:
        return position
    elif not header or all(map(_is_number, names)):
        what = f"no header that names '{column}'" + (f": the first line is {','.join(names)!r}" if header else "")
        expected = "a first line with the columns' names, or positions"
        fix = "dataset.header=false dataset.user=0 dataset.item=1 dataset.rating=2 dataset.time=3"
    else:
        what, expected = f"column '{column}' for the {role} is missing", did_you_mean(column, names)
        fix = f"set dataset.{role} to one of: {', '.join(names)}"
        if role == "rating":
            fix = f"dataset.rating=null task=ranking, or {fix}"
    raise _first_line_error(file, what, expected, fix, column=str(column))


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
