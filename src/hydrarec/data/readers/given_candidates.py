"""He et al.'s files: ``*.train.rating``, ``*.test.rating`` (user, item, rating, time; tabs) and ``*.test.negative``.

Each line of the last holds the test pair, ``(user,item)``, then 99 items that this user has not rated.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hydrarec.core.errors import DataError
from hydrarec.data.readers.delimited import Rules, read_delimited
from hydrarec.data.readers.layout import Form, layout_of
from hydrarec.data.readers.opening import require_text
from hydrarec.data.sources.base import RequiredFiles
from hydrarec.data.table import TEST, TRAIN, RatingTable, joined

FORM = Form(user=0, item=1, rating=2, time=3, separator="\t", header=False, encoding="utf-8")
PAIR = re.compile(r"\((\d+),(\d+)\)", re.ASCII)


def wanted_files(stem: str) -> RequiredFiles:
    """The three files of the dataset ``stem``, ``ml-1m`` for instance."""
    files = [f"{stem}.{kind}" for kind in ("train.rating", "test.rating", "test.negative")]
    return RequiredFiles(alternatives=[files], files=files)


def read_parts(folder: Path, stem: str, rules: Rules) -> RatingTable:
    """The training and the test ratings as one table that remembers which is which."""
    tables = []
    for kind in ("train", "test"):
        file = folder / f"{stem}.{kind}.rating"
        layout = layout_of(file, FORM)
        tables.append(read_delimited(file, layout, rules))
    return joined(tables, [TRAIN, TEST])


def read_negatives(folder: Path, stem: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Raw ids: the test pairs, int64 [T, 2], and each one's negatives, int64 [T, 99].

    Raises:
        DataError: a line that is not of this form, or not as long as the first.
    """
    file = folder / f"{stem}.test.negative"
    require_text(file)
    pairs: list[tuple[int, int]] = []
    negatives: list[list[int]] = []
    with file.open(encoding="utf-8", errors="replace") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            first, *rest = line.rstrip().split("\t")
            pair = PAIR.fullmatch(first)
            if pair is None or not all(item.isascii() and item.isdigit() for item in rest):
                raise _bad(file, number, f"not a test pair and item ids: {line[:40]!r}")
            if negatives and len(rest) != len(negatives[0]):
                raise _bad(file, number, f"{len(rest)} negatives, the first line has {len(negatives[0])}")
            pairs.append((int(pair[1]), int(pair[2])))
            negatives.append([int(item) for item in rest])
    return np.array(pairs, np.int64), np.array(negatives, np.int64)


def _bad(file: Path, line: int, what: str) -> DataError:
    expected = "(user,item) and the ids of 99 items, separated by tabs"
    return DataError(what, expected=expected, fix="fetch the file again", file=file, line=line)
