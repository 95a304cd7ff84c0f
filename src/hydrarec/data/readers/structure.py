"""A slow, exact pass over the records of a text file, for all files that are not plain numbers, and for line numbers."""

from __future__ import annotations

import csv
import io
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, NamedTuple

from hydrarec.core.errors import DataError
from hydrarec.data.readers.layout import Layout
from hydrarec.data.readers.opening import opened
from hydrarec.data.table import Place

LONGEST_LINE = 1 << 20  # characters; a longer line means damage, and reading it whole could exhaust memory


class Record(NamedTuple):
    """One row of a file.

    Attributes:
        line: first line of the record, from 1.
        fields: the fields as text; bytes that are not in the encoding become lone surrogates.
        damage: what is wrong with its shape, else empty; such a record is one line.
    """

    line: int
    fields: list[str]
    damage: str = ""


def records(file: Path, layout: Layout) -> Iterator[Record]:
    """Iterate over the data rows of a file, skipping header and blank lines.

    A line with an open quote is a damaged record of its own, and reading goes on in the next line: so one stray quote
    does not swallow the rows up to the next one.

    Raises:
        DataError: a NUL byte, or a line longer than :data:`LONGEST_LINE`.
    """
    with opened(file) as raw:
        lines = _Lines(file, raw, layout.encoding)
        for _ in range(layout.header_lines):
            next(lines, None)
        lines.taken.clear()
        if layout.quoting:
            yield from _quoted(lines, layout)
            return
        for text in lines:
            text = text.rstrip("\r\n")
            lines.taken.clear()
            if text.strip():
                fields = text.split(layout.separator)
                yield Record(lines.number, fields, _misshapen(fields, layout))


def places_in(file: Path, layout: Layout, rows: Sequence[int]) -> list[Place]:
    """The places of the given rows of a file without damage, numbered from 0."""
    left, places = set(rows), {}
    for row, record in enumerate(records(file, layout)):
        if row in left:
            left.remove(row)
            places[row] = (file, record.line)
            if not left:
                break
    return [places[row] for row in rows]


def _quoted(lines: _Lines, layout: Layout) -> Iterator[Record]:
    width = layout.width
    while True:
        reader = csv.reader(lines, delimiter=layout.separator, strict=True)
        try:
            for fields in reader:
                if len(fields) == width > 1 and len(lines.taken) == 1:  # almost all of them
                    yield Record(lines.number, fields)
                    lines.taken.clear()
                    continue
                first = lines.number - len(lines.taken) + 1
                if len(fields) > 1 or (fields and fields[0].strip()):
                    damage = _misshapen(fields, layout)
                    if len(lines.taken) > 1 and (damage or _swallows_rows(lines.taken, layout)):
                        raise csv.Error("quote")
                    yield Record(first, fields, damage)
                lines.taken.clear()
            return
        except csv.Error as error:
            line = lines.go_back_to_second()
            is_cr = "new-line" in str(error)
            damage = "a CR within the line" if is_cr else "a quote that is not closed, or not around a whole field"
            yield Record(line, [], damage)


def _swallows_rows(lines: Sequence[str], layout: Layout) -> bool:
    """Whether the further lines of a record look like rows: a quote was open by mistake, not around several lines."""
    role = "rating" if "rating" in layout.used else "item"
    for text in lines[1:]:
        fields = text.rstrip("\r\n").split(layout.separator)
        if len(fields) == layout.width and all(
            _is_number(fields[layout.used[each]]) for each in (role, "time") if each in layout.used
        ):
            return True
    return False


def _is_number(text: str) -> bool:
    return text.strip(' "').replace(".", "", 1).isdecimal()


def _misshapen(fields: Sequence[str], layout: Layout) -> str:
    count, width = len(fields), layout.width
    return "" if count == width else f"the row has {count} field{'s' * (count != 1)}, the first line {width}"


class _Lines:
    """The lines of a text file, with those of the record that is being read.

    Attributes:
        number: number of the line that was taken last, from 1.
        taken: the lines since the caller last cleared this list.
    """

    def __init__(self, file: Path, raw: IO[bytes], encoding: str) -> None:
        self.file, self.number, self.taken = file, 0, []  # type: ignore[var-annotated]
        self._stream = io.TextIOWrapper(raw, encoding=encoding, errors="surrogateescape", newline="\n")
        self._again: deque[str] = deque()

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        text = self._again.popleft() if self._again else self._stream.readline(LONGEST_LINE)
        if not text:
            raise StopIteration
        self.number += 1
        self.taken.append(text)
        if len(text) == LONGEST_LINE and text[-1] != "\n":
            raise self._damaged(f"the line is longer than {LONGEST_LINE:,} characters", "one rating per line")
        if "\0" in text:
            place = text.index("\0") + 1
            raise self._damaged(f"a NUL byte at character {place}", "text without NUL bytes")
        if text.endswith("\r\r\n"):  # which the csv module takes for one line end
            raise self._damaged("a CR within the line", "lines that end with LF or CR LF")
        return text

    def go_back_to_second(self) -> int:
        """Put back all taken lines but the first, whose number is returned."""
        self._again.extendleft(reversed(self.taken[1:]))
        self.number -= len(self.taken) - 1
        self.taken.clear()
        return self.number

    def _damaged(self, what: str, expected: str) -> DataError:
        fix = "the file is damaged: fetch or write it again"
        return DataError(what, expected=expected, fix=fix, file=self.file, line=self.number)
