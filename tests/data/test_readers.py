"""Unit tests of the readers' parts: layout, line numbers, bad rows, catalogues, copies of a dataset."""

from __future__ import annotations

import gzip
import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.data.small_data import CLEAN, HALF_STARS

from hydrarec.core.errors import DataError
from hydrarec.data.readers import catalogue
from hydrarec.data.readers.columns import table_of
from hydrarec.data.readers.delimited import read_delimited
from hydrarec.data.readers.faults import Fault, Faults, Rules, bad_rows, warn_dropped
from hydrarec.data.readers.given_candidates import read_negatives
from hydrarec.data.readers.layout import Form, layout_of
from hydrarec.data.readers.movielens import RatingsCsv, UData, headerless
from hydrarec.data.readers.opening import damaged_gzip, is_gzip, opened, require_readable, require_text
from hydrarec.data.readers.structure import Record, places_in, records
from hydrarec.data.readers.text_column import TextColumn
from hydrarec.data.table import Place

FORM = RatingsCsv.FORM
RULES = Rules(scale=HALF_STARS, ids="auto", on_bad_rows="error")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "ratings.csv"
    path.write_text(CLEAN)
    return path


def test_a_layout_names_the_position_of_each_column(file: Path) -> None:
    layout = layout_of(file, replace(FORM, time=None))
    assert (layout.separator, layout.header_lines, layout.width) == (",", 1, 4)
    assert layout.used == {"user": 0, "item": 1, "rating": 2}
    assert layout.names == ("userId", "movieId", "rating", "timestamp")


def test_columns_by_position_need_no_header(tmp_path: Path) -> None:
    (tmp_path / "u.data").write_text("1\t10\t4\t100\n")
    layout = layout_of(tmp_path / "u.data", headerless("\t"))
    assert layout.used == {"user": 0, "item": 1, "rating": 2, "time": 3}
    assert layout.names == ("user", "item", "rating", "time")


def test_a_form_knows_its_columns() -> None:
    form = Form(user="u", item=1, rating=None, time=None, separator=None, header=True, encoding="utf-8", quoting=True)
    assert form.columns == {"user": "u", "item": 1}


def test_a_file_is_read_into_a_table_that_knows_its_lines(file: Path) -> None:
    table = read_delimited(file, FORM, RULES)
    assert table.users.tolist() == [1, 1, 2, 7]
    assert table.timestamps is not None
    assert table.timestamps.tolist() == [100, 200, 300, 400]
    assert table.places([3, 0]) == [(file, 5), (file, 2)]


def test_exact_lines_skip_blank_ones_and_count_those_within_quotes(tmp_path: Path) -> None:
    file = tmp_path / "ratings.csv"
    file.write_text('userId,movieId,rating,timestamp\n1,"1\n2",4,1\n\n1,2\n1,3,4,1\n')
    layout = layout_of(file, FORM)
    assert list(records(file, layout)) == [
        Record(2, ["1", "1\n2", "4", "1"]),
        Record(5, ["1", "2"], "the row has 2 fields, the first line 4"),
        Record(6, ["1", "3", "4", "1"]),
    ]
    assert places_in(file, layout, [2]) == [(file, 6)]


def test_a_first_look_decompresses(tmp_path: Path) -> None:
    file = tmp_path / "ratings.csv"
    file.write_bytes(gzip.compress(CLEAN.encode()))
    assert is_gzip(file)
    assert require_text(file) == CLEAN.encode()
    with opened(file) as stream:
        assert stream.readline() == b"userId,movieId,rating,timestamp\n"
    assert "not a whole gzip file: cut" in damaged_gzip(file, EOFError("cut")).what


def test_a_file_that_is_missing_names_its_neighbours(file: Path) -> None:
    require_readable(file)
    with pytest.raises(DataError, match="no such file") as caught:
        require_readable(file.with_name("rating.csv"))
    assert caught.value.expected == "ratings.csv"


# -- columns and faults ------------------------------------------------------------------------------------------------


def lines(rows: list[int] | object) -> list[Place]:
    return [(Path("f"), row + 2) for row in rows]  # type: ignore[attr-defined]


NAMES = {"user": "u", "item": "i", "rating": "r", "time": "t"}


def test_typed_columns_are_taken_as_they_are() -> None:
    raw = {"user": np.array([3, 1], np.int32), "item": np.array([5, 6]), "rating": np.array([1, 5])}
    raw["time"] = np.array(["1970-01-02", "1970-01-03"], "datetime64[D]")
    table, faults = table_of(raw, NAMES, RULES, lines)
    assert not faults.bad.any()
    assert table.users.dtype == np.int64
    assert table.ratings.dtype == np.float32
    assert table.timestamps is not None
    assert table.timestamps.tolist() == [86_400, 172_800]


def test_typed_ids_become_text_if_asked_for() -> None:
    ids = np.array([10, 9])
    table, _ = table_of({"user": ids, "item": ids}, NAMES, replace(RULES, ids="string"), lines)
    assert table.users.tolist() == ["10", "9"]
    assert table.ratings.tolist() == [1, 1]


def test_a_row_with_two_faults_is_one_bad_row_and_its_first_fault_is_named() -> None:
    words = TextColumn.of(np.array(["1", "", "2"], object))
    raw = {"user": words, "item": words, "rating": TextColumn.of(np.array(["9", "4", "4"], object))}
    table, faults = table_of(raw, NAMES, replace(RULES, on_bad_rows="drop"), lines)
    assert faults.bad.tolist() == [True, True, False]
    assert [(fault.row, fault.column) for fault in faults.first] == [(0, "r"), (1, "u")]
    with pytest.raises(DataError, match=r"column 'r' = '9' lies outside the scale .* \(also line 3; 2 rows in all\)"):
        faults.settle(table, "error")
    kept = faults.settle(table, "drop")
    assert kept.users.tolist() == [2]
    assert kept.places([0]) == [(Path("f"), 4)]


def test_without_faults_a_table_stays_the_same_object() -> None:
    table, _ = table_of({"user": np.array([1]), "item": np.array([1])}, NAMES, RULES, lines)
    assert Faults(1).settle(table, "error") is table


def test_a_long_value_is_cut_in_an_error() -> None:
    assert len(Fault(0, "r", "x" * 99, "is not a number", "").what) < 99


def test_bad_rows_are_counted(caplog: pytest.LogCaptureFixture) -> None:
    error = bad_rows("broken", "whole", lines([0, 4, 6]), 12, column="r", value="x")
    assert error.what == "broken (also lines 6, 8; 12 rows in all)"
    assert (error.line, error.file) == (2, "f")
    with caplog.at_level(logging.WARNING):
        warn_dropped(1, lines([7]), "broken")
    assert caplog.messages == ["f: 1 row dropped, the first in line 9: broken"]


# -- published files ---------------------------------------------------------------------------------------------------


def test_catalogues(tmp_path: Path) -> None:
    file = tmp_path / "movies"
    file.write_text('movieId,title,genres\n1,"A, The (1999)",War|Drama\n2,B,(no genres listed)\nbroken\n')
    assert catalogue.movies_csv(file).titles == {1: "A, The (1999)", 2: "B"}
    assert catalogue.movies_csv(file).genres == {1: "War|Drama", 2: ""}
    file.write_bytes("1::Café (1999)::War\nbroken\n".encode("latin-1"))
    assert catalogue.movies_dat(file, "latin-1").titles == {1: "Café (1999)"}
    file.write_text("1|A (1999)|1999||x|" + "|".join("1" if k in (1, 17) else "0" for k in range(19)) + "\n2|B|\n")
    assert catalogue.u_item(file).genres == {1: "Action|War"}
    file.write_text("id\ttitle\tyear\tgenres\n1\tA\t1999\tAction War\n2\tB\t?\tDrama\n")
    assert catalogue.atomic_item(file).titles == {1: "A (1999)", 2: "B"}
    assert catalogue.atomic_item(file).genres == {1: "Action|War", 2: "Drama"}


def test_the_first_copy_that_is_there_is_read(tmp_path: Path) -> None:
    reader = UData()
    (tmp_path / "ml-100k.inter").touch()
    assert reader.copy_in(tmp_path).ratings == "ml-100k.inter"
    (tmp_path / "u.data").touch()
    assert reader.copy_in(tmp_path).ratings == "u.data"
    assert reader.sources(tmp_path) == [tmp_path / "u.data"]
    assert reader.texts(tmp_path) is None


def test_given_negatives(tmp_path: Path) -> None:
    file = tmp_path / "ml.test.negative"
    file.write_text("(0,5)\t1\t2\n\n(3,4)\t6\t7\n")
    pairs, negatives = read_negatives(file)
    assert pairs.tolist() == [[0, 5], [3, 4]]
    assert negatives.tolist() == [[1, 2], [6, 7]]
