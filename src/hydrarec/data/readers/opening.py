"""The first look at a file: is it there, is it text, and is it what its name says."""

from __future__ import annotations

import gzip
import stat
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from hydrarec.errors import DataError, EnvironmentFault, did_you_mean

GZIP, ZIP, PARQUET = b"\x1f\x8b", b"PK\x03\x04", b"PAR1"
UTF16 = (b"\xff\xfe", b"\xfe\xff")
PEEK = 65_536  # bytes looked at
CHUNK = 1 << 22

DAMAGED_GZIP = (EOFError, zlib.error, gzip.BadGzipFile)


def is_gzip(file: Path) -> bool:
    with file.open("rb") as stream:
        return stream.read(2) == GZIP


@contextmanager
def opened(file: Path) -> Iterator[IO[bytes]]:
    """The file's bytes, decompressed if it is a gzip file whatever its name; damage is reported as such.

    Raises:
        DataError: a truncated or damaged gzip file, met while reading.
    """
    try:
        with file.open("rb") as packed:
            if packed.read(2) != GZIP:
                packed.seek(0)
                yield packed
                return
            packed.seek(0)
            with gzip.GzipFile(fileobj=packed) as stream:
                yield stream  # type: ignore[misc]
    except DAMAGED_GZIP as error:
        raise damaged_gzip(file, error) from error


def damaged_gzip(file: Path, error: BaseException) -> DataError:
    return DataError(
        f"not a whole gzip file: {error}", expected="a complete .gz file", fix="fetch or compress it again", file=file
    )


def require_readable(file: Path) -> None:
    """Raise unless ``file`` is a regular file that may be read; a pipe or device would hang.

    Raises:
        DataError: missing, a folder, a dangling link or a device.
        EnvironmentFault: permission denied.
    """
    fix = "give the path of a ratings file"
    try:
        mode = file.stat().st_mode
    except FileNotFoundError:
        if file.is_symlink():
            raise DataError(f"a link to {file.readlink()}, which does not exist", fix=fix, file=file) from None
        siblings = [path.name for path in file.parent.iterdir()] if file.parent.is_dir() else []
        near = did_you_mean(file.name, siblings) if siblings else ""
        raise DataError("no such file", expected=near or "a file that exists", fix=fix, file=file) from None
    except OSError as error:
        raise EnvironmentFault(f"cannot be read: {error.strerror}", fix="check the path", file=file) from error
    if stat.S_ISDIR(mode):
        raise DataError("a folder, not a file", expected="a file", fix=fix, file=file)
    if not stat.S_ISREG(mode):
        raise DataError("not a regular file", expected="a file", fix=fix, file=file)
    try:
        file.open("rb").close()
    except OSError as error:
        fix = "change the file's permissions"
        raise EnvironmentFault(f"cannot be read: {error.strerror}", fix=fix, file=file) from error


def require_text(file: Path) -> bytes:
    """The first bytes of a text file of ratings (decompressed), at most :data:`PEEK` of them.

    Raises:
        DataError: the file is empty, or is HTML, UTF-16, a zip archive or Parquet.
    """
    require_readable(file)
    with opened(file) as stream:
        head = stream.read(PEEK)
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    again = "fetch or write the file again"
    if not text:
        raise DataError("the file is empty", expected="a header and ratings", fix=again, file=file)
    if head.startswith(UTF16) or head[1:64:2] == b"\0" * len(head[1:64:2]):
        fix = f"convert it: iconv -f UTF-16 -t UTF-8 {file.name}"
        raise DataError("the file is UTF-16", expected="UTF-8 text", fix=fix, file=file)
    if head.startswith(ZIP):
        raise DataError("a zip archive, not text", expected="a text file", fix="unpack it first", file=file)
    if head.startswith(PARQUET):
        fix = "give the file the ending .parquet"
        raise DataError("a Parquet file, not text", expected="a text file", fix=fix, file=file)
    if text[:1] == b"<":
        start = text[:40].split(b"\n")[0].decode("latin-1").split(">")[0].strip()
        raise DataError(
            f"not a ratings file: starts with '{start}'",
            expected="rows of user, item and rating",
            fix="a web page was saved in its place; " + again,
            file=file,
        )
    return head
