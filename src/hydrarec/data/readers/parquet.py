"""Parquet → ratings. A row number stands where text files have a line."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hydrarec.core.errors import DataError, EnvironmentFault, did_you_mean
from hydrarec.data.readers import columns
from hydrarec.data.readers.delimited import Rules
from hydrarec.data.readers.faults import Faults
from hydrarec.data.readers.layout import Form
from hydrarec.data.readers.opening import require_readable
from hydrarec.data.table import Place, RatingTable

if TYPE_CHECKING:
    import pyarrow


def read_parquet(file: Path, form: Form, rules: Rules) -> RatingTable:
    """Read one Parquet file; of the form only the columns matter.

    Raises:
        DataError: not a Parquet file, a column is missing, or a row cannot be read.
        EnvironmentFault: pyarrow is not installed.
    """
    table, names = _table(file, form)
    faults = Faults(len(table))
    users = _ids(table, names["user"], rules, faults)
    items = _ids(table, names["item"], rules, faults)
    ratings, times = np.ones(len(table), np.float32), None
    if "rating" in names:
        ratings = _ratings(table, names["rating"], rules, faults)
    if "time" in names:
        times = _times(table, names["time"], faults)
    if not len(table):
        raise DataError("the file has no rows", expected="at least one rating", fix="write it again", file=file)

    def places(wanted: Sequence[int]) -> list[Place]:
        return [(file, row + 1) for row in wanted]

    kept = faults.settle(rules.on_bad_rows, places)
    rows = np.arange(len(table)) if kept is None else np.flatnonzero(kept)
    return RatingTable(
        users=users[rows],
        items=items[rows],
        ratings=ratings[rows],
        timestamps=None if times is None else times[rows],
        part=None,
        places=lambda wanted: places([int(rows[row]) for row in wanted]),
    )


def _table(file: Path, form: Form) -> tuple[pyarrow.Table, dict[str, str]]:
    """The wanted columns, and their names by role."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        fix = "pip install 'hydrarec[parquet]', or convert the file to CSV"
        raise EnvironmentFault("Parquet needs pyarrow, which is not installed", fix=fix, file=file) from error
    require_readable(file)
    try:
        with pyarrow.parquet.ParquetFile(file) as source:
            present = source.schema_arrow.names
            names = {role: _name(file, role, name, present) for role, name in form.columns.items()}
            return source.read(columns=list(names.values())), names
    except (pyarrow.ArrowInvalid, OSError) as error:
        reason = str(error).split("\n")[0][:120]
        fix = "fetch or write the file again"
        raise DataError(f"not a Parquet file: {reason}", expected="Parquet", fix=fix, file=file) from error


def _name(file: Path, role: str, column: str | int, present: list[str]) -> str:
    if isinstance(column, int) and 0 <= column < len(present):
        return present[column]
    if column in present:
        return str(column)
    raise DataError(
        f"column '{column}' for the {role} is missing",
        expected=did_you_mean(str(column), present),
        fix=f"set dataset.{role} to one of: {', '.join(present)}",
        file=file,
        column=str(column),
    )


def _ids(table: pyarrow.Table, name: str, rules: Rules, faults: Faults) -> NDArray:
    column = table[name]
    if _is(column, "integer") and not column.null_count and rules.ids != "string" and str(column.type) != "uint64":
        return np.array(column.to_numpy(), np.int64)
    return columns.ids_of(_texts(column), name, rules.ids, faults)


def _ratings(table: pyarrow.Table, name: str, rules: Rules, faults: Faults) -> NDArray[np.float32]:
    column = table[name]
    if (_is(column, "floating") or _is(column, "integer")) and not column.null_count:
        ratings = np.array(column.to_numpy(), np.float32)
        columns.judge_ratings(ratings, name, rules.scale, faults)
        return ratings
    return columns.ratings_of(_texts(column), name, rules.scale, faults)


def _times(table: pyarrow.Table, name: str, faults: Faults) -> NDArray[np.int64]:
    column = table[name]
    if not column.null_count and (_is(column, "timestamp") or _is(column, "date")):
        times: NDArray[np.int64] = column.to_numpy().astype("datetime64[s]").astype(np.int64)
        columns.judge_times(times, name, faults)
        return times
    if not column.null_count and _is(column, "integer"):
        return columns.in_seconds(np.array(column.to_numpy(), np.int64), name, faults)
    return columns.times_of(_texts(column), name, faults)


def _is(column: Any, kind: str) -> bool:
    import pyarrow.types

    return bool(getattr(pyarrow.types, f"is_{kind}")(column.type))


def _texts(column: Any) -> NDArray:
    """Any column as object (str) [N]; a missing value is an empty text."""
    plain = column.to_pylist()
    return np.array([*("" if value is None else str(value) for value in plain), None], dtype=object)[:-1]
