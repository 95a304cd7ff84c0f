"""Files with the same content in different formats give equal Interactions."""

from __future__ import annotations

import gzip
import logging
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from tests.data.small_data import CLEAN, own_file

from hydrarec.core.errors import ConfigError, DataError
from hydrarec.data.interactions import Interactions

POSITIONS: dict[str, Any] = {"header": False, "user": 0, "item": 1, "rating": 2, "time": 3}
ROWS = [line.split(",") for line in CLEAN.split()[1:]]


def loaded(file: Path, content: str | bytes, **settings: Any) -> Interactions:
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return own_file(file, **settings).load()


@pytest.fixture
def clean(tmp_path: Path) -> str:
    return loaded(tmp_path / "clean.csv", CLEAN).fingerprint


def test_the_content_of_the_clean_file(tmp_path: Path) -> None:
    found = loaded(tmp_path / "ratings.csv", CLEAN)
    assert found.users.tolist() == [0, 0, 1, 2]
    assert found.items.tolist() == [0, 1, 0, 2]
    assert found.ratings.tolist() == [4.0, 3.5, 5.0, 0.5]
    assert found.timestamps is not None
    assert found.timestamps.tolist() == [100, 200, 300, 400]
    assert (found.user_ids.to_list(), found.item_ids.to_list()) == ([1, 2, 7], [10, 20, 30])
    assert found.scale == (0.5, 5.0)


def reordered(columns: list[str]) -> str:
    return pd.read_csv(pd.io.common.StringIO(CLEAN))[columns].to_csv(index=False)


SAME = {
    "UTF-8 BOM": "\ufeff" + CLEAN,
    "CRLF": CLEAN.replace("\n", "\r\n"),
    "no last newline": CLEAN.rstrip(),
    "blank lines": "\n" + CLEAN.replace("\n", "\n\n"),
    "lines of spaces": CLEAN.replace("\n", "\n  \n", 2),
    "other order of columns": reordered(["rating", "timestamp", "movieId", "userId"]),
    "other order of rows": "\n".join([CLEAN.split()[0], *reversed(CLEAN.split()[1:])]),
    "quotes": CLEAN.replace(",10,", ',"10",').replace("userId", '"userId"'),
    "spaces": CLEAN.replace(",", " , "),
    "extra columns": CLEAN.replace("\n", ',"a, note"\n').replace('"a, note"', "note", 1),
    "an empty column at the end of every line": CLEAN.replace("\n", ",\n"),
    "ratings written otherwise": CLEAN.replace("4.0", "4").replace("5.0", "+5.00").replace("0.5", ".5e0"),
    "times as floats": CLEAN.replace("100", "100.0").replace("200", "2e2"),
    "times in milliseconds": CLEAN.replace("00\n", "00123\n"),
}


@pytest.mark.parametrize("content", [pytest.param(text, id=name) for name, text in SAME.items() if "milli" not in name])
def test_equal_to_the_clean_file(content: str, tmp_path: Path, clean: str) -> None:
    assert loaded(tmp_path / "ratings.csv", content).fingerprint == clean


@pytest.mark.parametrize("separator", ["\t", ";", "|", "::", " "])
def test_other_separators_are_found(separator: str, tmp_path: Path, clean: str) -> None:
    assert loaded(tmp_path / "ratings.txt", CLEAN.replace(",", separator)).fingerprint == clean
    assert loaded(tmp_path / "given.csv", CLEAN.replace(",", separator), separator=separator).fingerprint == clean


@pytest.mark.parametrize("separator", ["", "ab", "\n", '"', ", "])
def test_separators_that_cannot_be(separator: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"dataset\.separator="):
        loaded(tmp_path / "ratings.csv", CLEAN, separator=separator)


@pytest.mark.parametrize("separator", [",", "\t", "::"])
@pytest.mark.parametrize("start", ["", "\ufeff", "\n"])
def test_without_a_header(separator: str, start: str, tmp_path: Path, clean: str) -> None:
    rows = start + "\n".join(separator.join(row) for row in ROWS)
    assert loaded(tmp_path / "ratings.txt", rows, **POSITIONS).fingerprint == clean


@pytest.mark.parametrize("name", ["ratings.csv.gz", "ratings.txt.gz", "ratings.csv"])
def test_gzip_whatever_the_name(name: str, tmp_path: Path, clean: str) -> None:
    assert loaded(tmp_path / name, gzip.compress(CLEAN.encode())).fingerprint == clean


@pytest.mark.parametrize("stored", ["plain", "int32", "text"])
def test_parquet(stored: str, tmp_path: Path, clean: str) -> None:
    frame = pd.read_csv(pd.io.common.StringIO(CLEAN))
    frame["note"] = "x"
    if stored == "int32":
        frame = frame.astype({"userId": "int32", "rating": "float32", "timestamp": "int32"})
    elif stored == "text":
        frame = frame.astype({"userId": "str", "rating": "str", "timestamp": "str"})
    frame.to_parquet(tmp_path / "ratings.parquet")
    assert own_file(tmp_path / "ratings.parquet").load().fingerprint == clean


def test_parquet_with_dates_and_a_missing_rating(tmp_path: Path) -> None:
    frame = pd.DataFrame({"userId": ["a", "b"], "movieId": [1, 2], "rating": [3.0, None]})
    frame["timestamp"] = pd.to_datetime(["1970-01-02", "1970-01-03"])
    frame.to_parquet(tmp_path / "ratings.parquet")
    found = own_file(tmp_path / "ratings.parquet", on_bad_rows="drop").load()
    assert found.user_ids.to_list() == ["a"]
    assert found.timestamps is not None
    assert found.timestamps.tolist() == [86_400]


DAY = 86_400
TIMES = {  # how times are written: what is kept of them, the unit, and what is said
    "seconds": (["1700000000", "1700000001"], [1_700_000_000, 1_700_000_001], "s", ""),
    "milliseconds": (["1700000000000", "1700000001999"], [1_700_000_000_000, 1_700_000_001_999], "ms", "milliseconds"),
    "whole milliseconds": (["1700000000000", "1700000001000"], [1_700_000_000, 1_700_000_001], "s", "milliseconds"),
    "microseconds": (["1700000000000000", "1700000001999999"], [17 * 10**14, 1_700_000_001_999_999], "us", "micro"),
    "nanoseconds": (
        ["1700000000000000000", "1700000001999999999"],
        [17 * 10**17, 17 * 10**17 + 1_999_999_999],
        "ns",
        "nano",
    ),
    "tenths": (["1500000000.1", "1500000000"], [1_500_000_000_100, 1_500_000_000_000], "ms", ""),
    "seven decimals": (["1500000000.1234567", "1"], [1_500_000_000_123_456_700, 10**9], "ns", ""),
    "zeros as decimals": (["1500000000.000", "1.5e9"], [15 * 10**8, 15 * 10**8], "s", ""),
    "half milliseconds": (
        ["1700000000000.5", "1700000000001"],
        [1_700_000_000_000_500, 1_700_000_000_001_000],
        "us",
        "milli",
    ),
    "dates": (["1970-01-02", "1970-01-03"], [DAY, 2 * DAY], "s", "dates"),
    "zones": (
        ["2023-11-14T22:13:20Z", "2023-11-14 23:13:21.5+01:00"],
        [1_700_000_000_000, 1_700_000_001_500],
        "ms",
        "dates",
    ),
    "nine decimals": (["1970-01-01T00:00:00.000000001", "1970-01-01 00:00"], [1, 0], "ns", "dates"),
    "YYYYMMDD": (["20170714", "20170715"], [1_499_990_400, 1_499_990_400 + DAY], "s", "20170714"),
    "YYYYMMDDhhmm": (["201707140001", "201707150000"], [1_499_990_460, 1_499_990_400 + DAY], "s", "YYYYMMDDhhmm"),
    "YYYYMMDDhhmmss": (["20170714000001", "20170715000000"], [1_499_990_401, 1_499_990_400 + DAY], "s", "hhmmss"),
    "row numbers": (["1", "20170715"], [1, 20_170_715], "s", ""),
}


@pytest.mark.parametrize(("times", "kept", "unit", "said"), TIMES.values(), ids=list(TIMES))
def test_times_keep_the_resolution_of_the_file(
    times: list[str], kept: list[int], unit: str, said: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rows = "".join(f"1,{item},4,{time}\n" for item, time in enumerate(times))
    with caplog.at_level(logging.WARNING):
        found = loaded(tmp_path / "ratings.csv", "userId,movieId,rating,timestamp\n" + rows)
    assert found.timestamps is not None
    assert (found.timestamps.tolist(), found.time_unit) == (kept, unit)
    assert said in caplog.text


def test_text_among_the_ids_makes_all_of_them_strings_and_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        found = loaded(tmp_path / "ratings.csv", CLEAN.replace("7,30", "anna,30"))
    assert found.user_ids.to_list() == ["1", "2", "anna"]
    assert found.item_ids.to_list() == [10, 20, 30]
    assert "column 'userId' holds text such as 'anna'" in caplog.text


def test_ids_as_strings_keep_their_zeros(tmp_path: Path) -> None:
    found = loaded(tmp_path / "ratings.csv", CLEAN.replace("2,10", "007,10"), ids="string")
    assert found.user_ids.to_list() == ["007", "1", "7"]


def test_integers_beyond_int64_stay_exact_as_strings(tmp_path: Path) -> None:
    found = loaded(tmp_path / "ratings.csv", CLEAN.replace("7,30", f"{2**63},30").replace("2,10", f"{2**63 + 1},10"))
    assert found.user_ids.to_list() == ["1", str(2**63), str(2**63 + 1)]


def test_the_largest_integers_are_exact(tmp_path: Path) -> None:
    found = loaded(
        tmp_path / "ratings.csv", CLEAN.replace("7,30", f"{2**63 - 1},30").replace("2,10", f"{2**63 - 2},10")
    )
    assert found.user_ids.to_list() == [1, 2**63 - 2, 2**63 - 1]


def test_ids_that_pandas_wrote_as_floats_are_the_integers_they_were(tmp_path: Path) -> None:
    found = loaded(tmp_path / "ratings.csv", CLEAN.replace("7,30", f"{2**53 + 1}.0,30").replace("2,10", "2.0,10"))
    assert found.user_ids.to_list() == [1, 2, 2**53 + 1]


def test_without_ratings_every_row_counts_as_one_and_without_times_there_are_none(tmp_path: Path) -> None:
    found = loaded(tmp_path / "ratings.csv", CLEAN, rating=None, time=None)
    assert found.ratings.tolist() == [1, 1, 1, 1]
    assert found.timestamps is None


def test_columns_that_are_not_used_are_said_once_where_it_is_seen(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    loaded(tmp_path / "ratings.csv", SAME["extra columns"])
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert "column note not used" in record.getMessage()


def test_latin_1_in_columns_that_are_not_used_does_no_harm(tmp_path: Path, clean: str) -> None:
    content = CLEAN.replace("\n", ",café\n").encode("latin-1")
    assert loaded(tmp_path / "ratings.csv", content).fingerprint == clean


def test_separate_files_remember_their_part(tmp_path: Path, clean: str) -> None:
    header, *rows = CLEAN.split()
    for name, some in {"train": rows[:2], "val": rows[2:3], "test": rows[3:]}.items():
        (tmp_path / f"{name}.csv").write_text("\n".join([header, *some]))
    source = own_file(tmp_path / "train.csv", val_path=str(tmp_path / "val.csv"), test_path=str(tmp_path / "test.csv"))
    for _ in range(2):  # built, then from the cache
        found = source.load()
        assert found.part is not None
        assert found.part.tolist() == [0, 0, 1, 2]
        assert found.ratings.tolist() == [4.0, 3.5, 5.0, 0.5]


@pytest.mark.parametrize("duplicates", ["error", "last", "first", "mean"])
def test_a_rating_in_two_parts_is_an_error_that_names_both_files(duplicates: str, tmp_path: Path) -> None:
    for name in ("train", "test"):
        (tmp_path / f"{name}.csv").write_text(CLEAN)
    with pytest.raises(DataError, match=r"second time, first in .*train\.csv:2 \(4 such") as caught:
        own_file(tmp_path / "train.csv", test_path=str(tmp_path / "test.csv"), duplicates=duplicates).load()
    assert (caught.value.file, caught.value.line) == (str(tmp_path / "test.csv"), 2)
    assert "in one part only" in caught.value.expected
    assert "duplicates=" not in caught.value.fix
