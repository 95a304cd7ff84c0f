"""Where in a text file the ratings stand: separator, header, and the position of each column."""

from __future__ import annotations

import csv
import logging
from dataclasses import dataclass
from pathlib import Path

from hydrarec.data.readers.opening import require_text
from hydrarec.errors import DataError, did_you_mean

log = logging.getLogger(__name__)

SEPARATORS = ("::", "\t", ",", ";", "|", " ")
BY_SUFFIX = {".csv": ",", ".tsv": "\t"}
ROLES = ("user", "item", "rating", "time")


@dataclass(frozen=True)
class Layout:
    """How to read one text file.

    Args:
        separator: between two fields; one character, or ``::``.
        header_lines: lines before the first rating: the columns' names, and blank ones above them.
        user, item, rating, time: positions, from 0; None if the file has no such column.
        names: the columns' names by position, to word errors with.
        encoding: of ids and header.
    """

    separator: str
    header_lines: int
    user: int
    item: int
    rating: int | None
    time: int | None
    names: tuple[str, ...]
    encoding: str

    @property
    def width(self) -> int:
        """Fields per row."""
        return len(self.names)

    @property
    def used(self) -> dict[str, int]:
        """Position by role, of the columns that exist."""
        positions = {role: getattr(self, role) for role in ROLES}
        return {role: position for role, position in positions.items() if position is not None}

    def name_of(self, role: str) -> str:
        return self.names[self.used[role]]


def layout_of(
    file: Path,
    *,
    user: str | int,
    item: str | int,
    rating: str | int | None,
    time: str | int | None,
    separator: str | None,
    header: bool,
    encoding: str,
) -> Layout:
    """Find the columns of a file, given by name or, as integers, by position.

    Raises:
        DataError: the file is no text, its separator is another, or a column is missing.
    """
    head = require_text(file)
    try:
        text = head.decode(encoding, errors="replace").lstrip("\ufeff")
    except LookupError as error:
        expected = "utf-8, latin-1, …"
        raise DataError(f"unknown encoding '{encoding}'", expected=expected, fix="set dataset.encoding") from error
    blank_lines = text[: len(text) - len(text.lstrip())].count("\n")
    first = text.lstrip("\r\n").splitlines()[0]
    separator = _separator(file, first, separator)
    fields = [field.strip() for field in split(first, separator)]
    wanted = {"user": user, "item": item, "rating": rating, "time": time}
    names = fields if header else [f"{position}" for position in range(len(fields))]
    if not header:
        for role, column in wanted.items():
            if isinstance(column, int) and 0 <= column < len(names):
                names[column] = role
    found = {
        role: None if column is None else _position(file, role, column, names, header)
        for role, column in wanted.items()
    }
    extra = [name for position, name in enumerate(names) if position not in found.values()]
    if extra and header:
        log.info("%s: column%s %s not used", file, "s" if len(extra) > 1 else "", ", ".join(extra))
    assert found["user"] is not None and found["item"] is not None
    return Layout(
        separator=separator,
        header_lines=blank_lines + 1 if header else 0,
        user=found["user"],
        item=found["item"],
        rating=found["rating"],
        time=found["time"],
        names=tuple(names),
        encoding=encoding,
    )


def split(line: str, separator: str) -> list[str]:
    """The fields of one line; quotes count where the separator is one character."""
    if len(separator) > 1:
        return line.split(separator)
    return next(csv.reader([line], delimiter=separator), [])


def _separator(file: Path, first: str, expected: str | None) -> str:
    """The separator asked for, or the one that the file's ending promises, or else the one that is found."""
    counts = {candidate: first.count(candidate) for candidate in SEPARATORS}
    likely = next((candidate for candidate in SEPARATORS if counts[candidate]), ",")
    expected = expected or BY_SUFFIX.get(_suffix(file)) or likely
    if counts.get(expected, first.count(expected)) == 0 and counts[likely]:
        raise DataError(
            f"found {likely!r} between the columns, expected {expected!r}",
            expected=f"columns separated by {expected!r}",
            fix=f"set dataset.separator={likely!r}",
            file=file,
            line=1,
            value=first[:80],
        )
    return expected


def _suffix(file: Path) -> str:
    return Path(file.name.removesuffix(".gz")).suffix.lower()


def _position(file: Path, role: str, column: str | int, names: list[str], header: bool) -> int:
    if isinstance(column, int):
        if 0 <= column < len(names):
            return column
        raise DataError(
            f"no column {column} for the {role}: the first line has {len(names)} columns",
            expected=f"a position from 0 to {len(names) - 1}",
            fix=f"set dataset.{role}",
            file=file,
            line=1,
            column=str(column),
        )
    if header and column in names:
        return names.index(column)
    if not header or all(_is_number(name) for name in names):
        line = ",".join(names)
        raise DataError(
            f"no header that names '{column}'" + (f": the first line is {line!r}" if header else ""),
            expected="a first line with the columns' names, or positions",
            fix="dataset.header=false dataset.user=0 dataset.item=1 dataset.rating=2 dataset.time=3",
            file=file,
            line=1,
            column=column,
        )
    raise DataError(
        f"column '{column}' for the {role} is missing",
        expected=did_you_mean(column, names),
        fix=f"set dataset.{role} to one of: {', '.join(names)}",
        file=file,
        line=1,
        column=column,
    )


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
