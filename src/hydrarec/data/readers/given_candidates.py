"""Reads He et al.'s ``*.test.negative``: one test pair ``(user,item)`` per line, then 99 items the user has not rated."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hydrarec.core.errors import DataError
from hydrarec.data.readers.opening import require_text

LINE = re.compile(r"\((\d+),(\d+)\)((?:\t\d+)*)", re.ASCII)


def read_negatives(file: Path) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Read raw ids: the test pairs, int64 [T, 2], and the negatives of each, int64 [T, 99].

    Raises:
        DataError: a line does not have this form, or differs in length from the first.
    """
    require_text(file)
    rows: list[list[int]] = []
    with file.open(encoding="utf-8", errors="replace") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            match = LINE.fullmatch(line.rstrip())
            if match is None:
                raise _invalid(file, number, f"not a test pair and item ids: {line[:40]!r}")
            row = [int(item) for item in (match[1], match[2], *match[3].split())]
            if rows and len(row) != len(rows[0]):
                raise _invalid(file, number, f"{len(row) - 2} negatives, the first line has {len(rows[0]) - 2}")
            rows.append(row)
    table = np.array(rows, np.int64)
    return table[:, :2], table[:, 2:]


def _invalid(file: Path, line: int, what: str) -> DataError:
    expected = "(user,item) and the ids of 99 items, separated by tabs"
    return DataError(what, expected=expected, fix="fetch the file again", file=file, line=line)
