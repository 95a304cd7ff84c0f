"""First checks of a file: it exists, is readable and is text, plain or gzipped."""

from __future__ import annotations

import codecs
import gzip
import re
import stat
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from hydrarec.core.errors import DataError, EnvironmentFault, did_you_mean

GZIP = b"\x1f\x8b"
AGAIN = "fetch or write the file again"
UNPACK = "unpack it first: only gzip is read as it is"
BINARY = {  # binary formats by their first bytes, after decompression
    b"PK\x03\x04": ("a zip archive", UNPACK),
    b"BZh": ("a bzip2 file", UNPACK),
    b"\xfd7zXZ": ("an xz file", UNPACK),
    GZIP: ("gzip within gzip", UNPACK),
    b"PAR1": ("a Parquet file", "give the file the ending .parquet"),
}
CONTROL = re.compile(
    rb"[\0\x02-\x08\x0e-\x1b\x7f]|^[\x01\x1c-\x1f]+$"
)  # \x01 and \x1c to \x1f separate fields in some text files
PEEK = 65_536  # bytes inspected
CHUNK = 1 << 22

DAMAGED_GZIP = (EOFError, zlib.error, gzip.BadGzipFile)


def is_gzip(file: Path) -> bool:
    """Whether a file is gzipped, judged by content, not by name."""
    with file.open("rb") as stream:
        return stream.read(2) == GZIP


@contextmanager
def opened(file: Path) -> Iterator[IO[bytes]]:
    """Open a file for reading bytes, decompressed if its content is gzip, after a byte-order mark.

    Raises:
        DataError: the gzip file turns out to be truncated or damaged while it is read.
        EnvironmentFault: the disk fails while it is read.
    """
    try:
        with file.open("rb") as packed:
            if packed.read(2) != GZIP:
                packed.seek(0)
                yield _after_mark(packed)
                return
            packed.seek(0)
            with gzip.GzipFile(fileobj=packed) as stream:
                yield _after_mark(stream)  # type: ignore[arg-type]
    except DAMAGED_GZIP as error:
        raise damaged_gzip(file, error) from error
    except OSError as error:
        raise unreadable(file, error) from error


def _after_mark(stream: IO[bytes]) -> IO[bytes]:
    """The stream after a UTF-8 byte-order mark, which Windows puts before any text, whatever its encoding."""
    if stream.read(len(codecs.BOM_UTF8)) != codecs.BOM_UTF8:
        stream.seek(0)
    return stream


def unreadable(file: Path, error: OSError) -> EnvironmentFault:
    """The error for a file that the system does not let us read."""
    fix = "check the file's permissions and its disk"
    what = f"cannot be read: {error.strerror or error}"
    return EnvironmentFault(what, expected="a readable file", fix=fix, file=file)


def damaged_gzip(file: Path, error: BaseException) -> DataError:
    """The error for a gzip file that cannot be decompressed."""
    return DataError(
        f"not a whole gzip file: {error}", expected="a complete .gz file", fix="fetch or compress it again", file=file
    )


def require_readable(file: Path) -> None:
    """Raise unless ``file`` is a readable regular file; reading a pipe or device would hang.

    Raises:
        DataError: the file is missing, a folder, a dangling link or a device.
        EnvironmentFault: permission is denied.
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
        raise unreadable(file, error) from error
    if stat.S_ISDIR(mode):
        raise DataError("a folder, not a file", expected="a file", fix=fix, file=file)
    if not stat.S_ISREG(mode):
        raise DataError("not a regular file", expected="a file", fix=fix, file=file)
    try:
        file.open("rb").close()
    except OSError as error:
        raise unreadable(file, error) from error


def require_text(file: Path) -> bytes:
    """Return the first :data:`PEEK` bytes (decompressed) of a text file, and raise if it is not one.

    Raises:
        DataError: the file is empty, a web page, UTF-16 or UTF-32, compressed twice or not by gzip, or binary.
    """
    require_readable(file)
    with opened(file) as stream:
        head = stream.read(PEEK)
    if (refusal := _refusal(head, file.name)) is not None:
        what, expected, fix = refusal
        raise DataError(what, expected=expected, fix=fix, file=file)
    return head


def _refusal(head: bytes, name: str) -> tuple[str, str, str] | None:
    """(reason, expected, fix) if a file that begins with ``head`` cannot contain ratings, else None."""
    text = head.lstrip()
    if not text:
        return "the file is empty", "a header and ratings", AGAIN
    if encoding := _wide_encoding(head):
        return f"the file is {encoding}", "UTF-8 text", f"convert it: iconv -f {encoding} -t UTF-8 {name}"
    for magic, (kind, fix) in BINARY.items():
        if head.startswith(magic):
            return f"{kind}, not a text file: starts with {_shown(magic)}", "a text file", fix
    if CONTROL.search(head[:8]) or CONTROL.search(head.partition(b"\n")[0]):
        return f"not a text file: starts with {_shown(head[:8])}", "a text file", AGAIN
    if text[:1] == b"<":
        start = text[:40].split(b"\n")[0].decode("latin-1").split(">")[0].strip()
        fix = "a web page was saved in its place; " + AGAIN
        return f"not a ratings file: starts with '{start}'", "rows of user, item and rating", fix
    if foreign := _foreign_form(text.split(b"\n"), name):
        return foreign
    if head.count(b"\r") - head.count(b"\r\n") > head.count(b"\n"):
        fix = f"convert them: tr '\\r' '\\n' < {name}"
        return "the lines end with CR alone, as on old Macs", "lines that end with LF or CR LF", fix
    return None


def _foreign_form(lines: list[bytes], name: str) -> tuple[str, str, str] | None:
    """(reason, expected, fix) for forms of ratings that are no table: JSON, and the Netflix Prize's."""
    first = lines[0].strip()
    rows = "rows of user, item and rating"
    if first.startswith((b"{", b"[")):
        by_line = f", lines={first.startswith(b'{') and first.endswith(b'}')}"
        fix = f"""python -c "import pandas; pandas.read_json('{name}'{by_line}).to_csv('ratings.csv', index=False)\""""
        return "JSON, not delimited text", rows, fix
    if re.fullmatch(rb"\d+:", first):
        awk = 'awk \'/:/ {sub(/:.*/, ""); item = $0; next} {print item "," $0}\''
        fix = f"(echo item,user,rating,time; {awk} {name}) > ratings.csv"
        return f"the form of the Netflix Prize: the line '{first.decode()}' gives the item of the next lines", rows, fix
    return None


def _wide_encoding(head: bytes) -> str | None:
    """``UTF-16`` or ``UTF-32``, recognised by a byte-order mark or by zeros in every other or three of four bytes."""
    if head.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        return "UTF-32"
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "UTF-16"
    zero = [len(head) >= 4 and not any(head[k:64:4]) for k in range(4)]
    if sum(zero) == 3:
        return "UTF-32"
    return "UTF-16" if zero in ([True, False] * 2, [False, True] * 2) else None


def _shown(start: bytes) -> str:
    return repr(start).removeprefix("b")
