"""A slow, exact pass over the lines of a text file, run only if there is a fault or a line number is needed."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from hydrarec.core.errors import DataError
from hydrarec.data.readers.layout import Layout
from hydrarec.data.readers.opening import opened
from hydrarec.data.table import Place

LONGEST_LINE = 1 << 20  # characters; a longer line means damage, and reading it whole could exhaust memory


@dataclass(frozen=True)
class Record:
    """One row of a file.

    Attributes:
        number: record number from 0, including header and blank records, like pandas' ``skiprows``.
        line: first line of the record, from 1.
        fields: the fields as text.
    """

    number: int
    line: int
    fields: list[str]


def records(file: Path, layout: Layout) -> Iterator[Record]:
    """Iterate over the data rows of a file, skipping header and blank lines.

    Raises:
        DataError: a NUL byte, an unclosed quote, or a line longer than :data:`LONGEST_LINE`.
    """
    with opened(file) as raw:
        lines = _lines(file, io.TextIOWrapper(raw, encoding=layout.encoding, errors="replace", newline="\n"))
        for number, line, fields in _split(file, lines, layout.separator):
            if fields and number >= layout.header_lines:
                yield Record(number, line, fields)


def places_in(file: Path, layout: Layout, skipped: frozenset[int], rows: Sequence[int]) -> list[Place]:
    """The places of the given data rows, which are numbered from 0 without the ``skipped`` records."""
    left, places = set(rows), {}
    row = -1
    for record in records(file, layout):
        row += record.number not in skipped
        if record.number not in skipped and row in left:
            left.remove(row)
            places[row] = (file, record.line)
            if not left:
                break
    return [places[row] for row in rows]


def misshapen(file: Path, layout: Layout) -> list[Record]:
    """The rows with more or fewer fields than the first line."""
    return [record for record in records(file, layout) if len(record.fields) != layout.width]


def _split(file: Path, lines: Iterator[str], separator: str) -> Iterator[tuple[int, int, list[str]]]:
    if len(separator) > 1:
        for number, text in enumerate(lines):
            text = text.rstrip("\r\n")
            yield number, number + 1, text.split(separator) if text.strip() else []
        return
    rows, number, line = csv.reader(lines, delimiter=separator, strict=True), 0, 1
    while True:
        try:
            fields = next(rows)
        except StopIteration:
            return
        except csv.Error as error:
            raise DataError(
                f"a quote that is not closed, or a field that is damaged: {error}",
                expected="quotes in pairs",
                fix="correct the line, or remove its quotes",
                file=file,
                line=line,
            ) from error
        yield number, line, [] if len(fields) == 1 and not fields[0].strip() else fields
        number, line = number + 1, rows.line_num + 1


def _lines(file: Path, stream: io.TextIOWrapper) -> Iterator[str]:
    line = 0
    while text := stream.readline(LONGEST_LINE):
        line += 1
        if line == 1:
            text = text.removeprefix("\ufeff")
        if len(text) == LONGEST_LINE and text[-1] != "\n":
            what, expected = f"the line is longer than {LONGEST_LINE:,} characters", "one rating per line"
        elif "\0" in text:
            what, expected = f"a NUL byte at character {text.index(chr(0)) + 1}", "text without NUL bytes"
        else:
            yield text
            continue
        fix = "the file is damaged: fetch or write it again"
        raise DataError(what, expected=expected, fix=fix, file=file, line=line)
