"""Warns of a file that looks cut: its last line has no end and a shorter last field than all lines before it."""

from __future__ import annotations

import logging
from pathlib import Path

from hydrarec.data.readers.layout import Layout
from hydrarec.data.readers.opening import CHUNK, is_gzip

log = logging.getLogger(__name__)

TAIL = 1 << 16  # bytes at the end of the file that are compared
FEWEST = 4  # lines to compare with


def warn_if_cut(file: Path, layout: Layout) -> None:
    """Log a warning with the line if the last line may have lost its end; a cut gzip file is an error elsewhere."""
    if is_gzip(file):
        return
    with file.open("rb") as stream:
        stream.seek(max(0, file.stat().st_size - TAIL))
        *others, last = stream.read().split(b"\n")
    separator = layout.separator.encode()
    earlier = others[layout.header_lines :] if file.stat().st_size <= TAIL else others[1:]
    lengths = [len(line.rsplit(separator, 1)[-1].rstrip(b"\r")) for line in earlier if line.strip()]
    field = last.rsplit(separator, 1)[-1]
    if last.strip() and len(lengths) >= FEWEST and len(field) < min(lengths):
        log.warning(
            "%s:%d: the last line has no end and its last field, %r, is shorter than all others: the file may be cut",
            *(file, _count_lines(file), field.decode("utf-8", "replace")),
        )


def _count_lines(file: Path) -> int:
    """The number of the last line, from 1, which has no line end."""
    with file.open("rb") as stream:
        return 1 + sum(chunk.count(b"\n") for chunk in iter(lambda: stream.read(CHUNK), b""))
