"""Small CSV files written by a person: rows with their line numbers."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from hydrarec.core.errors import DataError
from hydrarec.data.readers.opening import opened, require_text


class Row(NamedTuple):
    """``line`` counts from 1; a cell has no space around it."""

    line: int
    cells: list[str]


def read_rows(file: Path) -> Iterator[Row]:
    """Rows that are not blank, each as wide as the first; UTF-8 with or without BOM, gzip allowed.

    Raises:
        DataError: not a readable text file, or a row of another length. EnvironmentFault: permission denied.
    """
    require_text(file)
    width = 0
    with opened(file) as stream:
        rows = csv.reader(io.TextIOWrapper(stream, encoding="utf-8-sig", newline=""))
        try:
            for cells in rows:
                if not any(cell.strip() for cell in cells):
                    continue
                width = width or len(cells)
                if len(cells) != width:
                    raise DataError(
                        f"{len(cells)} fields, the first line has {width}",
                        expected="as many as in the first line",
                        fix="quotes around texts that hold a comma",
                        file=file,
                        line=rows.line_num,
                    )
                yield Row(rows.line_num, [cell.strip() for cell in cells])
        except (csv.Error, UnicodeDecodeError) as error:
            raise DataError(
                f"cannot be read as CSV: {str(error)[:120]}",
                expected="UTF-8 text with commas between fields",
                fix="write the file again",
                file=file,
                line=rows.line_num if isinstance(error, csv.Error) else None,  # decoding runs ahead of the rows
            ) from error
