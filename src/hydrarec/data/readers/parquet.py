"""Reads ratings from Parquet; errors give row numbers instead of lines."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hydrarec.core.errors import DataError, EnvironmentFault, did_you_mean
from hydrarec.data.readers.columns import TYPED, table_of
from hydrarec.data.readers.faults import Rules
from hydrarec.data.readers.layout import Form
from hydrarec.data.readers.opening import require_readable
from hydrarec.data.table import RatingTable

if TYPE_CHECKING:
    import pyarrow


def read_parquet(file: Path, form: Form, rules: Rules) -> RatingTable:
    """Read the columns of ``form`` from one Parquet file.

    Raises:
        DataError: the file is not Parquet, a column is missing, or a row cannot be read.
        EnvironmentFault: pyarrow is not installed.
    """
    content, names = _content(file, form)
    if not len(content):
        raise DataError("the file has no rows", expected="at least one rating", fix="write it again", file=file)
    raw = {role: _values(content[name], role) for role, name in names.items()}
    table, faults = table_of(raw, names, rules, lambda rows: [(file, row + 1) for row in rows])
    return faults.settle(table, rules.on_bad_rows)


def _content(file: Path, form: Form) -> tuple[pyarrow.Table, dict[str, str]]:
    """Read the used columns; also return their names by role."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        fix = "pip install 'hydrarec[parquet]', or convert the file to CSV"
        raise EnvironmentFault("Parquet needs pyarrow, which is not installed", fix=fix, file=file) from error
    require_readable(file)
    try:
        with pyarrow.parquet.ParquetFile(file) as source:
            available = source.schema_arrow.names
            names = {role: _name(file, role, column, available) for role, column in form.columns.items()}
            return source.read(columns=list(names.values())), names
    except (pyarrow.ArrowInvalid, OSError) as error:
        reason = str(error).split("\n")[0][:120]
        fix = "fetch or write the file again"
        raise DataError(f"not a Parquet file: {reason}", expected="Parquet", fix=fix, file=file) from error


def _name(file: Path, role: str, column: str | int, available: list[str]) -> str:
    if isinstance(column, int) and 0 <= column < len(available):
        return available[column]
    if column in available:
        return str(column)
    raise DataError(
        f"column '{column}' for the {role} is missing",
        expected=did_you_mean(str(column), available),
        fix=f"set dataset.{role} to one of: {', '.join(available)}",
        file=file,
        column=str(column),
    )


def _values(column: pyarrow.ChunkedArray, role: str) -> NDArray:
    """Convert a column to an array [N]: numbers and times unchanged, all else as text, missing values as ``""``."""
    if not column.null_count and str(column.type) != "uint64":
        values: NDArray = column.to_numpy()
        if values.dtype.kind in TYPED[role]:
            return values
    plain = column.to_pylist()
    return np.array([*("" if value is None else str(value) for value in plain), None], dtype=object)[:-1]
