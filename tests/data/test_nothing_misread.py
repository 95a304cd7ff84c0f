"""Files that were once read wrongly without a word: each gives the right ratings, an error with its line, or a warning."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from tests.data.small_data import HALF_STARS, own_file, published

from hydrarec.core.errors import DataError, EnvironmentFault, HydrarecError
from hydrarec.data.datamodules.explicit import RatingDataModule
from hydrarec.data.filters import Filter
from hydrarec.data.interactions import Interactions
from hydrarec.data.readers import delimited
from hydrarec.data.readers.movielens import RatingsDat, Reader, UData
from hydrarec.data.splits.per_user import LeaveOneOut
from hydrarec.data.splits.split import Split
from hydrarec.data.table import Scale

HEAD = "userId,movieId,rating,timestamp\n"
ANY = Scale(low=None, high=None, step=None)


def loaded(tmp_path: Path, content: str | bytes, name: str = "ratings.csv", **settings: Any) -> Interactions:
    file = tmp_path / name
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return own_file(file, **settings).load()


def refusal(tmp_path: Path, content: str | bytes, name: str = "ratings.csv", **settings: Any) -> HydrarecError:
    with pytest.raises(DataError) as caught:
        loaded(tmp_path, content, name, **settings)
    assert len(str(caught.value).splitlines()) <= 4
    assert caught.value.fix
    return caught.value


def many(rows: int, extra: str = "") -> str:
    """Ratings of ``rows`` users for item 1, a second apart, on half stars."""
    return HEAD + "".join(f"{user},1,{user % 10 / 2 + 0.5},{1_500_000_000 + user}\n" for user in range(rows)) + extra


# -- times -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["{0}{1:03d}", "{0}.{1}", "iso"])
def test_within_a_second_the_latest_event_is_the_test_item(form: str, tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    rows, latest = [], {}
    for user in range(80):
        fractions = random.permutation(10)
        latest[user] = int(fractions.argmax())
        for item, fraction in enumerate(fractions.tolist()):
            if form == "iso":
                time = f"2017-07-14T02:40:00.{fraction}Z"
            else:
                time = form.format(1_500_000_000, fraction)
            rows.append(f"{user},{item},4,{time}\n")
    data = loaded(tmp_path, HEAD + "".join(rows))
    split = LeaveOneOut(seed=0, val=True)(data, own_file(tmp_path / "ratings.csv"))
    assert data.items[split.test].tolist() == list(latest.values())
    assert data.time_unit == "ms"


MIXED = {
    "one row in seconds": ([1_500_000_000_000] * 5 + [1_500_000_000], 7),
    "one row in microseconds": ([1_500_000_000] * 5 + [1_500_000_000_000_000], 7),
    "a zero among milliseconds": ([0, *[1_500_000_000_000] * 5], 2),
    "one date is none": ([20170714, 20170732, 20170715, 20170716], 3),
}


@pytest.mark.parametrize(("times", "line"), MIXED.values(), ids=list(MIXED))
def test_times_in_two_units(times: list[int], line: int, tmp_path: Path) -> None:
    error = refusal(tmp_path, HEAD + "".join(f"1,{item},4,{time}\n" for item, time in enumerate(times)))
    assert error.line == line
    assert "most" in error.what + error.expected


@pytest.mark.parametrize(
    "text", ["1.0000000001", "2020-02-30", "2020-01-01T25:00", "1e400", "2020-01-01T00:00:00.0000000001"]
)
def test_times_that_cannot_be_kept(text: str, tmp_path: Path) -> None:
    other = "2020-01-01" if "-" in text else "5"
    error = refusal(tmp_path, HEAD + f"1,1,4,{other}\n1,2,4,{other}\n1,3,4,{text}\n")
    assert (error.line, error.value) == (4, text)


def test_what_most_rows_hold_decides_whether_times_are_dates(tmp_path: Path) -> None:
    error = refusal(tmp_path, HEAD + "1,1,4,100\n1,2,4,2020-01-01\n1,3,4,2020-01-02\n")
    assert (error.line, error.value) == (2, "100")
    assert "is not an ISO date" in error.what


def test_dates_keep_their_fingerprint_in_any_form(tmp_path: Path) -> None:
    forms = ["1499990400", "1499990400000", "2017-07-14", "20170714", "2017-07-14T02:00:00.000+02:00", "1499990400.0"]
    data = [loaded(tmp_path, f"{HEAD}1,1,4,{form}\n", f"{k}.csv") for k, form in enumerate(forms)]
    assert len({each.fingerprint for each in data}) == 1


def test_files_in_several_units_of_time_are_joined_in_the_finest(tmp_path: Path) -> None:
    (tmp_path / "test.csv").write_text(HEAD + "1,2,4,1500000000500\n")
    data = loaded(tmp_path, HEAD + "1,1,4,1500000000\n", test_path=str(tmp_path / "test.csv"))
    assert data.timestamps is not None
    assert (data.timestamps.tolist(), data.time_unit) == ([1_500_000_000_000, 1_500_000_000_500], "ms")


# -- ids ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("odd", ["12e5", "007", "7.5", "00", "+05", "1e-400", "1.0000000000000001"])
def test_odd_ids_are_found_wherever_they_stand(odd: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delimited, "CHUNK_ROWS", 1000)
    deep = "".join(f"{user},1,4,100000\n" for user in range(300_000, 320_000))  # two reads, 20 chunks of the parser
    for column, row in (("userId", f"{odd},1,4,100\n"), ("movieId", f"1,{odd},4,100\n")):
        error = refusal(tmp_path, HEAD + deep + row)
        assert (error.line, error.column, error.value) == (20_002, column, odd)


def test_a_word_deep_down_keeps_all_ids_as_strings(tmp_path: Path) -> None:
    data = loaded(tmp_path, many(20_000, "anna,1,4,1500000000\n"))
    assert data.user_ids.index_of("19999") >= 0
    assert data.user_ids.index_of("anna") >= 0
    assert data.num_users == 20_001


def test_leading_zeros_outside_the_ids_do_no_harm(tmp_path: Path) -> None:
    content = "userId,movieId,rating,timestamp,day\n1,1,04.5,0100,007\n2,1,3,200,01\n"
    assert loaded(tmp_path, content).ratings.tolist() == [4.5, 3]


@pytest.mark.parametrize("odd", ["1e3", "1e-400", "1.0000000000000001", "007", "abc", "9" * 20])
@pytest.mark.parametrize(
    ("reader", "name", "separator"), [(UData(), "u.data", "\t"), (RatingsDat(encoding="latin-1"), "ratings.dat", "::")]
)
def test_published_sets_take_integers_only(
    odd: str, reader: Reader, name: str, separator: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "data" / "tiny"
    folder.mkdir(parents=True)
    rows = [("1", "1", "4", "100"), ("1", odd, "4", "200")]
    (folder / name).write_text("".join(separator.join(row) + "\n" for row in rows))
    monkeypatch.setenv("HYDRAREC_DATA_DIR", str(tmp_path / "data"))
    with pytest.raises(DataError) as caught:
        published(reader=reader).load()
    assert (caught.value.line, caught.value.value) == (2, odd)
    assert "dataset.ids" not in str(caught.value)


@pytest.mark.parametrize(
    "row",
    [
        "1:junk:7::5::100",
        "1::7:x:5::100",
        "1::7::5::1:00",
        "1:::7::5::100",
        "1::7\0::5::100",
        "1::\0\0:7::5::100",
        "1::7::5",
    ],
)
def test_dat_files_with_junk_between_the_colons(row: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "data" / "tiny"
    folder.mkdir(parents=True)
    (folder / "ratings.dat").write_text(f"1::1::4::100\n{row}\n2::1::4::100\n")
    monkeypatch.setenv("HYDRAREC_DATA_DIR", str(tmp_path / "data"))
    with pytest.raises(DataError) as caught:
        published(reader=RatingsDat(encoding="latin-1")).load()
    assert caught.value.line == 2


@pytest.mark.parametrize(
    ("reader", "name", "separator"), [(UData(), "u.data", "\t"), (RatingsDat(encoding="latin-1"), "ratings.dat", "::")]
)
def test_a_byte_order_mark_in_a_published_file(
    reader: Reader, name: str, separator: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = "".join(separator.join(row) + "\n" for row in (("1", "1", "4", "100"), ("2", "1", "3", "200")))
    found = []
    for folder, start in (("clean", ""), ("marked", "\ufeff")):
        (tmp_path / folder / "tiny").mkdir(parents=True)
        (tmp_path / folder / "tiny" / name).write_text(start + content, encoding="utf-8")
        monkeypatch.setenv("HYDRAREC_DATA_DIR", str(tmp_path / folder))
        found.append(published(reader=reader).load().fingerprint)
    assert found[0] == found[1]


# -- rows --------------------------------------------------------------------------------------------------------------

AGAIN = {
    "without ratings": {"rating": None},
    "without ratings and times": {"rating": None, "time": None},
    "ids as strings": {"ids": "string"},
    "all columns": {},
}


@pytest.mark.parametrize("settings", AGAIN.values(), ids=list(AGAIN))
def test_the_header_again_in_the_middle(settings: dict[str, Any], tmp_path: Path) -> None:
    assert refusal(tmp_path, many(300, HEAD + "900,1,4,100\n"), **settings).line == 302
    dropped = loaded(tmp_path, many(300, HEAD + "900,1,4,100\n"), "dropped.csv", on_bad_rows="drop", **settings)
    clean = loaded(tmp_path, many(300, "900,1,4,100\n"), "clean.csv", **settings)
    assert dropped.fingerprint == clean.fingerprint


def test_a_trailing_comma_on_every_row_is_an_error_at_line_2_whatever_pandas_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = HEAD + "1,10,4.0,100,\n1,20,3.5,200,\n"
    assert refusal(tmp_path, content).line == 2

    def shifted(survey: Any, layout: Any) -> dict[str, Any]:  # as pandas 2.2 reads it
        while survey.read(1 << 16):
            pass
        return {
            "user": np.array([1, 1]),
            "item": np.array([10, 20]),
            "rating": np.array([4.0, 3.5]),
            "time": np.array([1, 2]),
        }

    monkeypatch.setattr(delimited, "_numbers", shifted)
    assert refusal(tmp_path, content).line == 2


CUT = {
    "a time that lost digits": (many(9), "9,1,4,15000000", "00", 11),
    "after another line": (many(9), "9,1,4,1500000009\n1,2,4.5,150000000", "9", 12),
}


@pytest.mark.parametrize(("content", "cut", "rest", "line"), CUT.values(), ids=list(CUT))
def test_a_last_line_that_looks_cut_is_said(
    content: str, cut: str, rest: str, line: int, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    loaded(tmp_path, content + cut)
    assert f"ratings.csv:{line}: the last line has no end and its last field, '{cut.rpartition(',')[2]}'" in caplog.text
    caplog.clear()
    loaded(tmp_path, content + cut + rest, "whole.csv")
    assert not caplog.records


# -- ratings -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scale", [HALF_STARS, ANY])
def test_a_rating_between_two_steps_is_said(scale: Scale, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    data = loaded(tmp_path, many(200, "900,1,3.3,100\n"), scale=scale)
    assert "ratings.csv:202: column 'rating' = 3.3 lies between two steps of 0.5" in caplog.text
    assert np.float32(3.3) in data.ratings


def test_a_rating_just_above_the_scale_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    rows = "".join(f"{user},1,{user % 5 + 1},100\n" for user in range(50))
    loaded(tmp_path, HEAD + rows + "900,1,5.0000001,100\n", scale=Scale(low=1, high=5, step=1))
    assert "ratings.csv:52: column 'rating' = 5.0000001, read as 5, lies between two steps of 1" in caplog.text


def test_ratings_on_no_grid_are_not_blamed(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    rows = "".join(f"{user},1,{rating},100\n" for user, rating in enumerate(np.random.default_rng(0).random(50)))
    loaded(tmp_path, HEAD + rows, scale=ANY)
    assert not caplog.records


def test_the_scale_is_that_of_the_ratings_that_are_kept(tmp_path: Path) -> None:
    content = HEAD + "1,1,-1,100\n1,2,7,100\n2,1,9.5,100\n2,2,4,100\n"
    keep = Filter(min_rating=0, user_fraction=1, core=1, seed=0)
    data = loaded(tmp_path, content, scale=ANY)
    assert data.scale == (-1, 9.5)
    assert keep(data).scale == (4, 9.5)
    declared = loaded(tmp_path, content, scale=Scale(low=-1, high=None, step=None))
    assert keep(declared).scale == (-1, 9.5)


def test_equal_ratings_leave_nothing_to_predict(tmp_path: Path) -> None:
    for settings in ({"rating": None}, {}):
        data = loaded(tmp_path, HEAD + "".join(f"{user},1,4,100\n" for user in range(9)), **settings)
        split = Split(np.arange(6), np.arange(6, 7), np.arange(7, 9), "by hand")
        with pytest.raises(DataError, match="nothing to predict: all 9 ratings of own are") as caught:
            RatingDataModule(
                interactions=data,
                split=split,
                unit="interactions",
                batch_size=2,
                eval_batch_size=2,
                steps_per_call=1,
                seed=0,
            )
        assert caught.value.fix == "task=ranking"


# -- quotes ------------------------------------------------------------------------------------------------------------

NOTES = "userId,movieId,rating,timestamp,note\n"


def test_a_quote_in_an_unused_column_names_the_switch(tmp_path: Path) -> None:
    content = NOTES + '1,1,4,100,fine\n1,2,4,100,"open\n1,3,4,100,x\n2,1,5,100,"closed"\n'
    error = refusal(tmp_path, content)
    assert (error.line, "dataset.quoting=false" in error.fix) == (3, True)
    assert len(loaded(tmp_path, content, "plain.csv", quoting=False)) == 4


@pytest.mark.parametrize("note", ['"open', '"a"b', 'x\n1,9,5,100,"y', '"open\n1,9,5,100,y"z'])
def test_dropping_a_row_with_a_bad_quote_drops_no_other_row(
    note: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    content = NOTES + f"1,1,4,100,fine\n1,2,4,100,{note}\n1,3,4,100,x\n2,1,5,100,last\n"
    data = loaded(tmp_path, content, on_bad_rows="drop")
    assert "1 row dropped, the first in line" in caplog.text
    whole = {(int(u), int(i)) for u, i in (line.split(",")[:2] for line in content.splitlines()[1:])}
    kept = set(zip(data.user_ids.raw[data.users].tolist(), data.item_ids.raw[data.items].tolist(), strict=True))
    assert len(kept) == len(whole) - 1


@pytest.mark.parametrize("quote", ["", '"'])
def test_two_carriage_returns_are_no_line_end(quote: str, tmp_path: Path) -> None:
    content = NOTES + f"1,1,4,100,{quote}x{quote}\r\r\n2,1,5,100,y\r\n"
    assert refusal(tmp_path, content).line == 2


def test_a_quote_that_swallows_rows_is_an_error(tmp_path: Path) -> None:
    content = NOTES + '1,1,4,100,"open\n1,2,4,100,x\n1,3,4,100,closed"\n2,1,5,100,x\n'
    assert refusal(tmp_path, content).line == 2
    review = NOTES + '1,1,4,100,"one, two,\nthree, four, five, six\nseven"\n2,1,5,100,x\n'
    assert len(loaded(tmp_path, review, "review.csv")) == 2


# -- other files -------------------------------------------------------------------------------------------------------

NO_RATINGS = {
    "one space": b" ",
    "lines of spaces": b" \n  \n",
    "one byte": b"\x1f",
    "a byte-order mark": b"\xef\xbb\xbf",
    "file separators": b"\x1c\x1d\x1e\n",
    "JSON lines": b'{"user": 1, "item": 2, "rating": 3}\n{"user": 1, "item": 3, "rating": 3}\n',
    "JSON": b'[{"user": 1, "item": 2, "rating": 3}]',
    "Netflix": b"1:\n1488844,3,2005-09-06\n822109,5,2005-05-13\n",
}


@pytest.mark.parametrize("content", NO_RATINGS.values(), ids=list(NO_RATINGS))
@pytest.mark.parametrize("name", ["ratings.csv", "ratings.txt"])
def test_files_that_hold_no_table(content: bytes, name: str, tmp_path: Path) -> None:
    error = refusal(tmp_path, content, name)
    if b"user" in content:
        assert "JSON" in error.what
        assert "pandas.read_json" in error.fix
    if content.startswith(b"1:"):
        assert "Netflix" in error.what
        assert "awk" in error.fix


def test_a_first_line_of_spaces_is_skipped(tmp_path: Path) -> None:
    clean = loaded(tmp_path, many(5), "clean.csv")
    assert loaded(tmp_path, " \n" + many(5)).fingerprint == clean.fingerprint


def test_a_long_row_and_bytes_that_are_no_text_are_dropped_and_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    content = HEAD.encode() + b"ann,1,4,1\nann,2,4,1,9\ncaf\xe9,1,4,1\nbob,1,5,2\n"
    data = loaded(tmp_path, content, on_bad_rows="drop")
    assert data.user_ids.to_list() == ["ann", "bob"]
    assert "1 row dropped, the first in line 3" in caplog.text
    assert "1 row dropped, the first in line 4" in caplog.text
    error = refusal(tmp_path, content.replace(b",9", b""), "error.csv")
    assert (error.line, error.fix.startswith("dataset.encoding=latin-1")) == (4, True)


@pytest.mark.parametrize("make", ["duplicates", "damaged", "cut", "nested", "bytes"])
def test_parquet_files(make: str, tmp_path: Path) -> None:
    import pyarrow
    import pyarrow.parquet

    columns = {"userId": ["7", "8"], "movieId": [1, 2], "rating": [3.0, 4.0], "timestamp": [1, 2]}
    table = pyarrow.table(columns)
    if make == "duplicates":
        table = pyarrow.Table.from_arrays([*table.columns, table["userId"]], names=[*columns, "userId"])
    if make == "nested":
        table = table.set_column(0, "userId", pyarrow.array([[7], [8]]))
    if make == "bytes":
        table = table.set_column(0, "userId", pyarrow.array([b"7", b"8"]))
    file = tmp_path / "ratings.parquet"
    pyarrow.parquet.write_table(table, file)
    content = bytearray(file.read_bytes())
    if make == "damaged":
        content[len(content) // 2 : -8] = bytes(len(content) - 8 - len(content) // 2)
    if make == "cut":
        content = content[: len(content) // 2]
    file.write_bytes(content)
    if make == "bytes":
        assert own_file(file).load().user_ids.to_list() == [7, 8]
        return
    with pytest.raises(DataError) as caught:
        own_file(file).load()
    assert caught.value.file == str(file)


@pytest.mark.parametrize("name", ["ratings.csv", "ratings.parquet"])
def test_a_failing_disk_is_the_environments_fault(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / name
    if name.endswith("csv"):
        file.write_text(many(50_000))
        reading = delimited.Survey.read

        def fail(survey: Any, size: int = -1) -> Any:
            survey.stream = _Failing()
            return reading(survey, size)

        monkeypatch.setattr(delimited.Survey, "read", fail)
    else:
        pd.DataFrame({"userId": [1], "movieId": [1], "rating": [1.0], "timestamp": [1]}).to_parquet(file)
        monkeypatch.setattr("pyarrow.parquet.ParquetFile.read", lambda *args, **kwargs: _Failing().read())
    with pytest.raises(EnvironmentFault, match="Input/output error") as caught:
        own_file(file).load()
    assert (caught.value.exit_code, caught.value.file) == (6, str(file))


class _Failing:
    def read(self, size: int = -1) -> bytes:
        raise OSError(errno.EIO, "Input/output error")


def test_too_little_memory_is_the_environments_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hydrarec.core.memory.available_bytes", lambda: 1000)
    with pytest.raises(EnvironmentFault, match="not enough memory"):
        loaded(tmp_path, many(50))
    monkeypatch.undo()
    monkeypatch.setenv("HYDRAREC_CACHE_DIR", str(tmp_path / "cache"))

    def full(*args: Any, **kwargs: Any) -> Any:
        raise pd.errors.ParserError("Error tokenizing data. C error: out of memory")

    monkeypatch.setattr(delimited.pd, "read_csv", full)
    with pytest.raises(MemoryError):
        loaded(tmp_path, many(50))


def test_too_little_memory_does_not_make_a_cache_damaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = loaded(tmp_path, many(50))

    def full(*args: Any, **kwargs: Any) -> Any:
        raise OSError(errno.ENOMEM, "Cannot allocate memory")

    with monkeypatch.context() as patch:
        patch.setattr(np, "load", full)
        with pytest.raises(MemoryError):
            own_file(tmp_path / "ratings.csv").load()
    assert own_file(tmp_path / "ratings.csv").load().fingerprint == data.fingerprint


def test_a_time_with_an_exponent_beyond_any_number(tmp_path: Path) -> None:
    row = "9,9,4,1e31500000001123456789\n"  # found by the fuzzer: Python's Decimal refuses it
    assert refusal(tmp_path, many(30, row)).line == 32


# -- columns -----------------------------------------------------------------------------------------------------------

NAMES = {
    "MovieLens": "userId,movieId,rating,timestamp",
    "snake case": "user_id,item_id,rating,timestamp",
    "RecBole": "user_id:token,item_id:token,rating:float,timestamp:float",
    "Amazon": "reviewerID,asin,overall,unixReviewTime",
    "capitals": "User ID,Item-Id,Rating,Date",
    "plain": "user,item,rating,time",
}
DEFAULTS: dict[str, Any] = {"user": "user", "item": "item", "rating": "rating", "time": "time"}


@pytest.mark.parametrize("header", NAMES.values(), ids=list(NAMES))
@pytest.mark.parametrize("separator", [",", ";", "\t", "|", "::"])
@pytest.mark.parametrize("name", ["ratings.csv", "ratings.tsv"])
def test_usual_columns_and_separators_need_no_settings(header: str, separator: str, name: str, tmp_path: Path) -> None:
    clean = loaded(tmp_path, many(5), "clean.csv")
    content = many(5).replace(HEAD.strip(), header).replace(",", separator)
    assert loaded(tmp_path, content, name, **DEFAULTS).fingerprint == clean.fingerprint


def test_a_name_that_was_set_is_not_replaced_by_a_usual_one(tmp_path: Path) -> None:
    assert refusal(tmp_path, many(5), **{**DEFAULTS, "user": "user_id"}).column == "user_id"


def test_a_missing_rating_column_names_what_to_do(tmp_path: Path) -> None:
    error = refusal(tmp_path, "user,item\n1,1\n", **{**DEFAULTS, "time": None})
    assert error.fix.startswith("dataset.rating=null task=ranking")


def test_a_missing_time_names_unused_columns(tmp_path: Path) -> None:
    loaded(tmp_path, "user,item,rating,rated_at\n1,1,4,100\n", **{**DEFAULTS, "time": None})
    source = own_file(tmp_path / "ratings.csv", **{**DEFAULTS, "time": None})
    assert source.unused_times() == ["rated_at"]
    pd.DataFrame({"user": [1], "item": [1], "rating": [1.0], "Date": [1]}).to_parquet(tmp_path / "r.parquet")
    assert own_file(tmp_path / "r.parquet", **{**DEFAULTS, "time": None}).unused_times() == ["Date"]


def test_a_wrong_path_names_the_files_beside_it(tmp_path: Path) -> None:
    for name in ("ratings.csv", "other.tsv"):
        (tmp_path / name).touch()
    with pytest.raises(DataError, match="no such file") as caught:
        own_file(tmp_path / "nope.csv").load()
    assert "ratings.csv" in caught.value.expected
    assert "other.tsv" in caught.value.expected


def test_long_loading_says_how_far_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: dict[str, float] = {}

    @contextlib.contextmanager
    def progress(description: str, total: float | None = None, unit: str = "") -> Iterator[Callable[[float], None]]:
        key = f"{description}, {unit}"
        said[key] = 0
        yield lambda amount: said.update({key: said[key] + amount})

    monkeypatch.setattr("hydrarec.core.console.progress", progress)
    loaded(tmp_path, many(1000))
    loaded(tmp_path, many(1000, "anna,1,4,100\n"), "words.csv")
    assert said["reading ratings.csv, bytes"] == (tmp_path / "ratings.csv").stat().st_size - len(HEAD)
    assert said["reading words.csv exactly, rows"] == 1001
