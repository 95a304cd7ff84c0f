"""Inspects a file's bytes on their way to pandas: finds what pandas would silently misread, and counts separators.

What a reader accepts must not depend on the version of the CSV parser. So pandas only converts digits, and this module
decides on the bytes whether the file is simple enough for that; all other files take the slow pass.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable
from typing import IO

import numpy as np
from numpy.typing import NDArray

from hydrarec.data.readers.layout import Layout

NEWLINE, RETURN, QUOTE, ZERO, DOT = b'\n\r"0.'
BEFORE_NUMBERS = (b" ", b"\t", b'"', b"+", b"-")  # what may stand between a separator and a number
EDGE = b"\n\n"  # stands before the first and after the last byte


class Survey:
    """A binary stream with ``read``, for :func:`pandas.read_csv`, that inspects all bytes read from it.

    Args:
        stream: the bytes of the file after the header.
        layout: its layout.
        advance: called with the number of bytes of each read.

    Attributes:
        separators: number of separator characters.
        odd: whether the text has NUL bytes, CR alone, runs of ``:`` that are not ``::``, or quotes within fields.
        leading_zeros: whether some number begins with a zero, like ``007``; in a column of ids it may not equal ``7``.
        failure: the error of the stream, if it could not be read; pandas may replace it by its own.
    """

    def __init__(self, stream: IO[bytes], layout: Layout, advance: Callable[[float], None]) -> None:
        self.stream, self.layout, self.advance = stream, layout, advance
        self.separator = ord(layout.separator[0])
        self.separators, self.quotes = 0, 0
        self.odd, self.leading_zeros = False, False
        self.failure: BaseException | None = None
        self._marks = [mark for mark in BEFORE_NUMBERS if mark != layout.separator.encode()]
        self._before = EDGE
        self._ended = False
        utf8 = codecs.lookup(layout.encoding).name == "utf-8"
        self._decoder = None if utf8 else codecs.getincrementaldecoder(layout.encoding)("replace")

    def read(self, size: int = -1) -> bytes | str:
        """The next bytes; as text if the encoding is not UTF-8, the only one that pandas' parser knows."""
        try:
            data = self.stream.read(size)
        except BaseException as error:
            self.failure = error
            raise
        self._inspect(data)
        self.advance(len(data))
        return data if self._decoder is None or data.isascii() else self._decoder.decode(data)

    def _inspect(self, data: bytes) -> None:
        """Look at each byte with its two neighbours; the last byte waits for its successor in the next call."""
        if self._ended:
            return
        self._ended = not data
        text = self._before + (data or EDGE[:1])
        self._before = text[-2:]
        codes = np.frombuffer(text, np.uint8)
        before, here, after = codes[:-2], codes[1:-1], codes[2:]
        is_separator = codes == self.separator
        if data:
            self.separators += int(np.count_nonzero(is_separator[2:]))
        self.odd |= b"\0" in data
        starts = is_separator[:-2] | (before == NEWLINE)
        if any(mark in text for mark in self._marks):
            starts |= before < DOT
        zeros = starts & (here == ZERO)
        if zeros.any():
            self.leading_zeros |= bool((after[zeros] - ZERO < 10).any())
        if b"\r" in text:
            self.odd |= bool(((here == RETURN) & (after != NEWLINE)).any())
        if len(self.layout.separator) == 2:
            self.odd |= self._has_odd_colons(before, here, after)
        if b'"' in text and self.layout.quoting:
            self._check_quotes(before, here, after)

    def _has_odd_colons(self, before: NDArray, here: NDArray, after: NDArray) -> bool:
        """Whether some run of colons has one or more than two."""
        is_colon, follows, precedes = (codes == self.separator for codes in (here, before, after))
        return bool((is_colon & (follows == precedes)).any())

    def _check_quotes(self, before: NDArray, here: NDArray, after: NDArray) -> None:
        """Require quotes in pairs around whole fields, as only these mean the same to every parser."""
        places = np.flatnonzero(here == QUOTE)
        closing = (self.quotes + np.arange(len(places))) % 2 == 1
        outer = np.where(closing, after[places], before[places])
        ends = (outer == self.separator) | (outer == NEWLINE) | (closing & (outer == RETURN))
        self.odd |= not ends.all()
        self.quotes += len(places)

    @property
    def is_simple(self) -> bool:
        """Whether pandas reads this text as we do; asked at its end."""
        return not self.odd and self.quotes % 2 == 0
