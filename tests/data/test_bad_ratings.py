"""Bad ratings files: each row of the table checks cause, location, expected value and fix of the error."""

from __future__ import annotations

import bz2
import gzip
import logging
import lzma
import os
import pickle
import resource
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from tests.data.small_data import CLEAN, own_file

from hydrarec.core.errors import DataError, EnvironmentFault

HEAD = "userId,movieId,rating,timestamp\n"
DROP = "dataset.on_bad_rows=drop: 1 row would be dropped"


@dataclass(frozen=True)
class Case:
    """A file and the error it must give; ``what``, ``expected`` and ``fix`` are parts of those fields."""

    name: str
    content: str | bytes
    what: str
    expected: str
    fix: str
    line: int | None = None
    value: str | None = None
    column: str | None = None
    file: str = "ratings.csv"
    settings: dict[str, Any] = field(default_factory=dict)


def rating(name: str, text: str, what: str) -> Case:
    """A file in which the rating of line 3 is ``text``."""
    content = f"{HEAD}1,1,4,1\n1,2,{text},2\n"
    return Case(name, content, what, "a finite number in [0.5, 5.0]", DROP, 3, text.strip(), "rating")


CASES = [
    Case("empty", "", "the file is empty", "a header and ratings", "again"),
    Case("blank lines only", "\n\n \n", "the file is empty", "a header and ratings", "again"),
    Case("header only", HEAD, "a header but no ratings", "at least one rating", "again"),
    Case("header only, no newline", HEAD.strip(), "a header but no ratings", "at least one rating", "again"),
    Case(
        "missing column",
        CLEAN.replace("movieId", "movie_id"),
        "column 'movieId' for the item is missing",
        "movie_id",
        "set dataset.item to one of: userId, movie_id, rating, timestamp",
        line=1,
        column="movieId",
    ),
    Case(
        "position beyond the columns",
        CLEAN,
        "no column 4 for the user: the first line has 4 columns",
        "0 to 3",
        "dataset.user",
        line=1,
        settings={"user": 4},
    ),
    Case(
        "one column for two",
        CLEAN,
        "one column stands for two",
        "four of",
        "different columns",
        line=1,
        settings={"item": "userId"},
    ),
    Case(
        "trailing comma on every row",
        HEAD + "1,10,4.0,100,\n1,20,3.5,200,\n",
        "the row has 5 fields, the first line 4 (also line 3; 2 rows in all)",
        "4 fields in every row",
        "dataset.on_bad_rows=drop: 2 rows would be dropped",
        line=2,
    ),
    Case("long row", CLEAN + "8,10,4,100,9\n", "the row has 5 fields, the first line 4", "4 fields", DROP, line=6),
    Case("short row", CLEAN + "8,10,4\n", "the row has 3 fields, the first line 4", "4 fields", DROP, line=6),
    Case(
        "long row beside unused columns",
        "userId,movieId,rating,timestamp,note\n1,1,4,1,x\n1,2,4,1,x,y\n",
        "the row has 6 fields, the first line 5",
        "5 fields",
        DROP,
        line=3,
    ),
    Case(
        "short row that lacks unused columns only",
        "userId,movieId,rating,timestamp,note\n1,1,4,1,x\n1,2,4,1\n",
        "the row has 4 fields, the first line 5",
        "5 fields",
        DROP,
        line=3,
    ),
    rating("rating is a word", "good", "column 'rating' = 'good' is not a number"),
    rating("rating is NaN", "nan", "column 'rating' = 'nan' is not a number"),
    rating("rating is empty", "", "column 'rating' = '' is empty"),
    rating("rating is infinite", "inf", "column 'rating' = 'inf' is not finite"),
    rating("rating overflows", "1e999", "is not finite"),
    rating("rating has underscores", "1_0", "column 'rating' = '1_0' is not a number"),
    rating("rating is hexadecimal", "0x4", "column 'rating' = '0x4' is not a number"),
    rating("rating above the scale", "7", "column 'rating' = '7' lies outside the scale [0.5, 5.0]"),
    rating("rating below the scale", "-1", "column 'rating' = '-1' lies outside the scale [0.5, 5.0]"),
    Case(
        "many bad ratings",
        HEAD + "".join(f"{user},1,9,1\n" for user in range(7)) + "8,1,4,1\n",
        "column 'rating' = '9' lies outside the scale [0.5, 5.0] (also lines 3, 4; 7 rows in all)",
        "a finite number in [0.5, 5.0]",
        "dataset.on_bad_rows=drop: 7 rows would be dropped",
        line=2,
    ),
    Case(
        "empty user", HEAD + "1,1,4,1\n,2,4,1\n", "column 'userId' = '' is empty", "integer id", DROP, 3, "", "userId"
    ),
    Case(
        "empty item", HEAD + "1,1,4,1\n1,,4,1\n", "column 'movieId' = '' is empty", "integer id", DROP, 3, "", "movieId"
    ),
    Case(
        "float id",
        HEAD + "1,1,4,1\n1,1.5,4,1\n",
        "column 'movieId' = '1.5' is not an integer",
        "any text with dataset.ids=string",
        DROP,
        line=3,
        value="1.5",
    ),
    Case(
        "ids 007 and 7",
        HEAD + "7,1,4,1\n007,1,3,1\n",
        "column 'userId' = '007' has a leading zero",
        "any text with dataset.ids=string",
        DROP,
        line=3,
        value="007",
    ),
    Case(
        "id with an exponent",
        HEAD + "7,1,4,1\n7e0,1,3,1\n",
        "column 'userId' = '7e0' is not an integer",
        "any text with dataset.ids=string",
        DROP,
        line=3,
        value="7e0",
    ),
    Case(
        "item 007 and 7",
        HEAD + "7,7,4,1\n7,007,3,1\n",
        "column 'movieId' = '007' has a leading zero",
        "dataset.ids=string",
        DROP,
        line=3,
    ),
    Case(
        "the same pair twice",
        CLEAN + "\n1,20,5,900\n",
        "user 1 rates item 20 a second time, first in line 3",
        "each (user, item) pair once",
        "dataset.duplicates=last",
        line=7,
        value="1, 20",
    ),
    Case(
        "negative time",
        HEAD + "1,1,4,1\n1,2,4,-5\n",
        "column 'timestamp' = '-5' is negative",
        "unix seconds from 1970 on",
        DROP,
        line=3,
        value="-5",
    ),
    Case("time is a word", HEAD + "1,1,4,1\n1,2,4,soon\n", "'soon' is not a time", "ISO dates", DROP, 3, "soon"),
    Case("one date is none", HEAD + "1,1,4,2020-01-01\n1,2,4,soon\n", "not an ISO date", "ISO date", DROP, 3, "soon"),
    Case(
        "two units of time",
        HEAD + "1,1,4,1700000000000\n1,2,4,1700000000000\n1,3,4,1700000000000000000\n",
        "in another unit than most",
        "unix milliseconds",
        DROP,
        line=4,
    ),
    Case("UTF-16", CLEAN.encode("utf-16"), "the file is UTF-16", "UTF-8", "iconv -f UTF-16 -t UTF-8 ratings.csv"),
    Case("UTF-16 without BOM", CLEAN.encode("utf-16-le"), "the file is UTF-16", "UTF-8", "iconv"),
    Case("UTF-32", CLEAN.encode("utf-32"), "the file is UTF-32", "UTF-8", "iconv -f UTF-32 -t UTF-8 ratings.csv"),
    Case("UTF-32 without BOM", CLEAN.encode("utf-32-be"), "the file is UTF-32", "UTF-8", "iconv -f UTF-32"),
    Case("one character", "x", "the first line is no header", "columns' names", "above the header", line=1),
    Case("CR alone", CLEAN.replace("\n", "\r"), "the lines end with CR alone", "LF or CR LF", r"tr '\r' '\n'"),
    Case(
        "a remark above the header",
        "# my ratings\n" + CLEAN,
        "the first line is no header: '# my ratings' has no column 'userId'",
        "a first line with the columns' names",
        "remove the lines above the header",
        line=1,
        column="userId",
    ),
    Case(
        "a remark above the header, separator unknown",
        "# userId is anonymous\n" + CLEAN,
        "'# userId is anonymous' has no column 'movieId'",
        "a first line with the columns' names",
        "remove the lines above the header",
        line=1,
        file="ratings.txt",
    ),
    Case(
        "prose above the header",
        "My ratings of 2024\n" + CLEAN,
        "the first line is no header: 'My ratings of 2024' has no column 'userId'",
        "a first line with the columns' names",
        "remove the lines above the header",
        line=1,
    ),
    Case(
        "a remark above ratings without a header",
        "# my ratings\n" + CLEAN.removeprefix(HEAD),
        "the first line is a remark, not a rating: '# my ratings'",
        "ratings from the first line on",
        "remove it",
        line=1,
        settings={"header": False, "user": 0, "item": 1, "rating": 2, "time": 3},
    ),
    Case(
        "a header with a mark",
        "# " + CLEAN,
        "column 'userId' for the user is missing",
        "# userId",
        "set dataset.user to one of: # userId, movieId",
        line=1,
    ),
    Case(
        "wrong separator given",
        CLEAN,
        "found ',' between the columns, expected ';'",
        "separated by ';'",
        "dataset.separator=null",
        line=1,
        settings={"separator": ";"},
    ),
    Case(
        "header missing",
        CLEAN.removeprefix(HEAD),
        "no header that names 'userId': the first line is '1,10,4.0,100'",
        "names, or positions",
        "dataset.header=false dataset.user=0",
        line=1,
    ),
    Case(
        "header missing, columns by position",
        CLEAN.removeprefix(HEAD),
        "the first line holds numbers, not the columns' names",
        "a header",
        "dataset.header=false",
        line=1,
        settings={"user": 0, "item": 1, "rating": 2, "time": 3},
    ),
    Case(
        "header unexpected",
        CLEAN,
        "the first line reads like a header: 'userId,movieId,rating,timestamp'",
        "ratings from the first line on",
        "dataset.header=true",
        line=1,
        settings={"header": False, "user": 0, "item": 1, "rating": 2, "time": 3},
    ),
    Case("NUL byte", HEAD + "1,1,4,1\n1,\0,4,1\n", "a NUL byte at character 3", "without NUL", "again", line=3),
    Case(
        "NUL byte in a string id",
        HEAD + "ann,1,4,1\nb\0b,1,4,1\n",
        "a NUL byte at character 2",
        "without NUL",
        "again",
        line=3,
    ),
    Case(
        "unclosed quote", HEAD + '1,1,4,1\n1,"2,4,1\n1,3,4,1\n', "a quote that is not closed", "in pairs", "correct", 3
    ),
    Case("unclosed quote in the header", '"' + CLEAN, "a quote that is not closed", "in pairs", "correct", 1),
    Case(
        "a line of 10 MB",
        HEAD + "1,1,4,1\n1,2," + "4" * 10_000_000 + ",1\n",
        "the line is longer than 1,048,576 characters",
        "one rating per line",
        "again",
        line=3,
    ),
    Case(
        "a line of 10 MB in many fields",
        HEAD + "1,1,4,1\n1,2" + ",4" * 5_000_000 + "\n",
        "the line is longer than",
        "one rating per line",
        "again",
        line=3,
    ),
    Case("truncated gzip", gzip.compress(CLEAN.encode() * 99)[:-20], "not a whole gzip file", "complete", "again"),
    Case(
        "damaged gzip",
        gzip.compress(CLEAN.encode() * 99)[:60] + b"x" * 40,
        "not a whole gzip file",
        "complete",
        "again",
    ),
    Case("zip as csv", b"PK\x03\x04....", "a zip archive", "a text file", "unpack it"),
    Case("bzip2", bz2.compress(CLEAN.encode()), "not a text file: starts with 'BZh'", "a text file", "unpack it"),
    Case("xz", lzma.compress(CLEAN.encode()), r"not a text file: starts with '\xfd7zXZ'", "a text file", "unpack it"),
    Case("gzip twice", gzip.compress(gzip.compress(CLEAN.encode())), "gzip within gzip", "a text file", "unpack it"),
    Case("pickle", pickle.dumps([CLEAN], 4), r"not a text file: starts with '\x80\x04", "a text file", "again"),
    Case("picture", b"\x89PNG\r\n\x1a\n....", r"not a text file: starts with '\x89PNG", "a text file", "again"),
    Case("NUL bytes only", bytes(4096), r"not a text file: starts with '\x00", "a text file", "again"),
    Case("parquet as csv", b"PAR1....", "a Parquet file", "a text file", ".parquet"),
    Case(
        "HTML saved as csv",
        "<!DOCTYPE html>\n<html><body>404</body></html>",
        "not a ratings file: starts with '<!DOCTYPE html'",
        "rows of user, item and rating",
        "again",
    ),
    Case("HTML without doctype", "\n<html><body>", "starts with '<html'", "rows of user", "again"),
    Case(
        "another encoding",
        HEAD.encode() + b"ann,1,4,1\ncaf\xe9,1,4,1\n",
        r"column 'userId' = 'caf\udce9' is not utf-8",
        "text in utf-8",
        "dataset.encoding",
        line=3,
    ),
    Case(
        "unknown encoding",
        CLEAN,
        "unknown encoding 'utf-9'",
        "utf-8",
        "dataset.encoding",
        settings={"encoding": "utf-9"},
    ),
    Case("not Parquet", "PAR1 no", "not a Parquet file", "Parquet", "again", file="ratings.parquet"),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_where_expected_and_how_to_go_on(case: Case, tmp_path: Path) -> None:
    file = tmp_path / case.file
    file.write_bytes(case.content if isinstance(case.content, bytes) else case.content.encode())
    before, started = file.read_bytes(), time.monotonic()
    with pytest.raises(DataError) as caught:
        own_file(file, **case.settings).load()
    error = caught.value
    assert time.monotonic() - started < 5
    assert case.what in error.what
    assert case.expected in error.expected
    assert case.fix in error.fix
    assert error.file == str(file)
    assert error.line == case.line
    if case.value is not None:
        assert error.value == case.value
    if case.column is not None:
        assert error.column == case.column
    assert len(str(error).splitlines()) <= 4
    assert len(str(error)) < 1000
    assert file.read_bytes() == before
    assert not list((tmp_path / "cache").rglob("*.npy"))


def test_the_places_of_an_error_count_blank_lines_and_lines_inside_quotes(tmp_path: Path) -> None:
    file = tmp_path / "ratings.csv"
    file.write_text('userId,movieId,rating,timestamp,note\r\n1,1,4,1,"two\r\nlines"\r\n\r\n1,2,9,1,x\r\n')
    with pytest.raises(DataError) as caught:
        own_file(file).load()
    assert caught.value.line == 5


@pytest.mark.parametrize("make", ["folder", "dangling", "missing", "pipe"])
def test_what_is_no_file(make: str, tmp_path: Path) -> None:
    path = tmp_path / "ratings.csv"
    (tmp_path / "rating.csv").write_text(CLEAN)
    if make == "folder":
        path.mkdir()
    elif make == "dangling":
        path.symlink_to(tmp_path / "nowhere")
    elif make == "pipe":
        os.mkfifo(path)
    what = {"folder": "a folder", "dangling": "a link to", "missing": "no such file", "pipe": "not a regular file"}[
        make
    ]
    with pytest.raises(DataError) as caught:
        own_file(path).load()
    assert what in caught.value.what
    if make == "missing":
        assert "rating.csv" in caught.value.expected


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_an_unreadable_file(tmp_path: Path) -> None:
    file = tmp_path / "ratings.csv"
    file.write_text(CLEAN)
    file.chmod(0)
    with pytest.raises(EnvironmentFault, match="cannot be read"):
        own_file(file).load()


def test_an_unreadable_file_whoever_asks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "ratings.csv"
    file.write_text(CLEAN)
    opening = Path.open

    def refuse(path: Path, *args: Any, **kwargs: Any) -> Any:
        if path == file:
            raise PermissionError(13, "Permission denied")
        return opening(path, *args, **kwargs)

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(EnvironmentFault, match="Permission denied") as caught:
        own_file(file).load()
    assert caught.value.exit_code == 6


BAD_ROWS = HEAD + "1,1,4,1\n1,2,good,1\n1,3,9,1\n,4,4,1\n1,5,4\n1,6,4,-1\n2,1,3,5\n"


def test_bad_rows_are_dropped_if_asked_for_and_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file, clean = tmp_path / "ratings.csv", tmp_path / "clean.csv"
    file.write_text(BAD_ROWS)
    clean.write_text(HEAD + "1,1,4,1\n2,1,3,5\n")
    with caplog.at_level(logging.WARNING):
        found = own_file(file, on_bad_rows="drop").load()
    assert found.fingerprint == own_file(clean).load().fingerprint
    assert "1 row dropped, the first in line 6" in caplog.text  # the short one
    assert "4 rows dropped, the first in line 3" in caplog.text


def test_places_are_right_after_rows_were_dropped(tmp_path: Path) -> None:
    file = tmp_path / "ratings.csv"
    file.write_text(HEAD + "1,1,good,1\n1,2\n1,3,4,1\n1,3,5,2\n")
    with pytest.raises(DataError, match="second time, first in line 4") as caught:
        own_file(file, on_bad_rows="drop").load()
    assert caught.value.line == 5


def test_huge_sparse_ids_need_little_memory(tmp_path: Path) -> None:
    file = tmp_path / "ratings.csv"
    file.write_text(HEAD + "".join(f"{10**9 * user},{10**15 + user},4,1\n" for user in range(1000)))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert own_file(file).load().num_users == 1000
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000  # KB
