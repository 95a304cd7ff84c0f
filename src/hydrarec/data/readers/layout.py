"""Determines the layout of a text file: separator, header, and column positions."""

from __future__ import annotations

import csv
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydrarec.core.errors import ConfigError, DataError, did_you_mean
from hydrarec.data.readers.opening import require_text

log = logging.getLogger(__name__)

SEPARATORS = ("::", "\t", ",", ";", "|", " ")
FORBIDDEN = "\"'\r\n\0.+-0123456789"  # characters that occur within fields
BY_SUFFIX = {".csv": ",", ".tsv": "\t"}
ROLES = ("user", "item", "rating", "time")


@dataclass(frozen=True)
class Form:
    """The declared form of a text file, known before the file is opened.

    Args:
        user, item, rating, time: columns, by header name or by position from 0; None if absent.
        separator: field separator; None: chosen by file extension, or else detected in the first line.
        header: whether the first line names the columns.
        encoding: encoding of ids and header.
    """

    user: str | int
    item: str | int
    rating: str | int | None
    time: str | int | None
    separator: str | None
    header: bool
    encoding: str

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
        encoding: encoding of ids and header.
    """

    separator: str
    header_lines: int
    used: dict[str, int]
    names: tuple[str, ...]
    encoding: str

    @property
    def width(self) -> int:
        """Number of fields per row."""
        return len(self.names)


def layout_of(file: Path, form: Form) -> Layout:
    """Find the columns of a file.

    Raises:
        DataError: the file is not text, has another separator, or lacks a column.
    """
    text = _text(file, form.encoding)
    blank_lines = text[: len(text) - len(text.lstrip())].count("\n")
    first = text.lstrip("\r\n").splitlines()[0]
    _require_no_remark(file, first, form)
    separator = _separator(file, first, form.separator)
    fields = _fields(file, first, separator)
    _require_header(file, form, fields)
    names = fields if form.header else _names_by_role(form, len(fields))
    used = {role: _position(file, role, column, names, form.header) for role, column in form.columns.items()}
    if len(set(used.values())) < len(used):
        fix = "set dataset.user, item, rating and time to different columns"
        raise _first_line_error(file, "one column stands for two things", f"four of {names}", fix)
    extra = [name for position, name in enumerate(names) if position not in used.values()]
    if extra and form.header:
        log.warning("%s: column%s %s not used", file, "s" if len(extra) > 1 else "", ", ".join(extra))
    return Layout(separator, blank_lines + 1 if form.header else 0, used, tuple(names), form.encoding)


def _first_line_error(file: Path, what: str, expected: str, fix: str, **fields: Any) -> DataError:
    return DataError(what, expected=expected, fix=fix, file=file, line=1, **fields)


def _text(file: Path, encoding: str) -> str:
    """The decoded beginning of a file."""
    head = require_text(file)
    try:
        return head.decode(encoding, errors="replace").lstrip("\ufeff")
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


def _fields(file: Path, line: str, separator: str) -> list[str]:
    """Split the first line into fields; quotes are respected if the separator is one character."""
    if len(separator) > 1:
        return [field.strip() for field in line.split(separator)]
    try:
        return [field.strip() for field in next(csv.reader([line], delimiter=separator, strict=True))]
    except csv.Error as error:
        what, fix = "a quote that is not closed, or not a whole field", "correct the line, or remove its quotes"
        raise _first_line_error(file, what, "quotes in pairs", fix) from error


def _separator(file: Path, first: str, given: str | None) -> str:
    """The given separator, else the one of the file extension, else the one detected in the first line."""
    counts = {candidate: first.count(candidate) for candidate in SEPARATORS}
    likely = next((candidate for candidate in SEPARATORS if counts[candidate]), ",")
    if given is not None and given not in SEPARATORS and (len(given) != 1 or given in FORBIDDEN):
        fix = "leave dataset.separator=null to have it found"
        raise ConfigError(f"dataset.separator={given!r}", expected="one character, or ::", fix=fix, value=given)
    suffix = Path(file.name.removesuffix(".gz")).suffix.lower()
    expected = given or BY_SUFFIX.get(suffix) or likely
    if counts.get(expected, first.count(expected)) == 0 and counts[likely]:
        what = f"found {likely!r} between the columns, expected {expected!r}"
        fix = f"set dataset.separator={likely!r}"
        raise _first_line_error(file, what, f"columns separated by {expected!r}", fix, value=first[:80])
    return expected


def _position(file: Path, role: str, column: str | int, names: list[str], header: bool) -> int:
    """The position of a column, from 0."""
    if isinstance(column, int):
        if 0 <= column < len(names):
            return column
        what = f"no column {column} for the {role}: the first line has {len(names)} columns"
        expected, fix = f"a position from 0 to {len(names) - 1}", f"set dataset.{role}"
    elif header and column in names:
        return names.index(column)
    elif not header or all(map(_is_number, names)):
        what = f"no header that names '{column}'" + (f": the first line is {','.join(names)!r}" if header else "")
        expected = "a first line with the columns' names, or positions"
        fix = "dataset.header=false dataset.user=0 dataset.item=1 dataset.rating=2 dataset.time=3"
    else:
        what, expected = f"column '{column}' for the {role} is missing", did_you_mean(column, names)
        fix = f"set dataset.{role} to one of: {', '.join(names)}"
    raise _first_line_error(file, what, expected, fix, column=str(column))


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
