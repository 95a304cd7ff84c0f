"""A column of text in which each distinct value is parsed only once."""

from __future__ import annotations

import re
from array import array
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hydrarec.data.readers.faults import Fault, Faults

NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
UNDECODED = re.compile("[\udc80-\udcff]")  # bytes that are not in the file's encoding
LARGEST_EXPONENT = 400


class TextColumn:
    """Texts by row.

    Args:
        codes: the position of each row's text in ``texts``: int64 [N].
        texts: the distinct texts, as in the file.

    Attributes:
        distinct: ``texts``, stripped of white space.
    """

    def __init__(self, codes: NDArray[np.int64], texts: list[str]) -> None:
        self.codes, self.texts = codes, texts
        self.distinct = [text.strip() for text in texts]

    @classmethod
    def of(cls, texts: NDArray) -> TextColumn:
        """The column of texts, object [N]."""
        codes, distinct = pd.factorize(texts)
        return cls(codes.astype(np.int64, copy=False), distinct.tolist())

    def __len__(self) -> int:
        return len(self.codes)

    def used_in(self, rows: NDArray[np.bool_]) -> list[str]:
        """The distinct texts that occur in the rows of the mask, bool [N]."""
        present = np.bincount(self.codes[rows], minlength=len(self.distinct)) > 0
        return [text for text, used in zip(self.distinct, present.tolist(), strict=True) if used]

    def parse(self, parse: Callable[[str], Any], kind: Any, name: str, expected: str, faults: Faults) -> NDArray:
        """Parse each row to ``kind`` [N]; the text of a ValueError from ``parse`` describes the fault."""
        values: NDArray = np.zeros(len(self.distinct), kind)
        complaints: dict[int, str] = {}
        for code, text in enumerate(self.distinct):
            try:
                values[code] = parse(text)
            except ValueError as error:
                complaints[code] = str(error)
        self.add_faults(complaints, name, expected, faults)
        return values[self.codes]

    def refuse(
        self, pattern: re.Pattern[str], complaint: str, name: str, expected: str, fix: str, faults: Faults
    ) -> None:
        """Mark the rows whose text has the pattern in it."""
        complaints = {code: complaint for code, text in enumerate(self.distinct) if pattern.search(text)}
        self.add_faults(complaints, name, expected, faults, fix)

    def add_faults(
        self,
        complaints: Mapping[int, str],
        name: str,
        expected: str,
        faults: Faults,
        fix: str = "correct the line",
    ) -> None:
        """Mark the rows whose text has a complaint, by its position, unless they are bad already."""
        if not complaints:
            return
        blamed = np.zeros(len(self.distinct), bool)
        blamed[list(complaints)] = True

        def describe(row: int) -> Fault:
            code = int(self.codes[row])
            return Fault(row, name, self.texts[code], complaints[code], expected, fix)

        faults.add(blamed[self.codes] & ~faults.bad, describe)


class Collected:
    """Collects a column's texts row by row and numbers the distinct ones."""

    def __init__(self) -> None:
        self.numbers = _Numbers()
        self.codes = array("q")

    def extend(self, texts: Iterable[str]) -> None:
        """Append the texts of some rows."""
        self.codes.extend(map(self.numbers.__getitem__, texts))

    def column(self) -> TextColumn:
        """The column of all texts so far."""
        return TextColumn(np.array(self.codes, np.int64), list(self.numbers))


class _Numbers(dict[str, int]):
    """Text → its number in the order of first appearance."""

    def __missing__(self, text: str) -> int:
        self[text] = number = len(self)
        return number


def is_finite_size(value: Decimal) -> bool:
    """Whether a number's exponent is small enough to write its digits out."""
    return abs(value.adjusted()) < LARGEST_EXPONENT
