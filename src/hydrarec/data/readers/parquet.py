"""Reads ratings from Parquet; errors give row numbers instead of lines."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hydrarec.core.errors import DataError, EnvironmentFault, did_you_mean
from hydrarec.data.readers.column_names import find_column
from hydrarec.data.readers.columns import TYPED, table_of
from hydrarec.data.readers.faults import Rules
from hydrarec.data.readers.layout import Form
from hydrarec.data.readers.opening import AGAIN, require_readable, unreadable
from hydrarec.data.readers.text_column import TextColumn
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
    raw = {role: _values(file, content[name], role) for role, name in names.items()}
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
    except pyarrow.ArrowMemoryError:
        raise
    except OSError as error:
        if error.errno is not None:  # of the system; pyarrow's own have none
            raise unreadable(file, error) from error
        raise _damaged(file, error) from error
    except (pyarrow.ArrowException, UnicodeDecodeError, OverflowError) as error:
        raise _damaged(file, error) from error


def parquet_columns(file: Path, form: Form) -> list[str]:
    """The names of a file's columns."""
    import pyarrow.parquet

    names: list[str] = pyarrow.parquet.read_schema(file).names
    return names


def _damaged(file: Path, error: Exception) -> DataError:
    reason = (str(error).split("\n")[0] or type(error).__name__)[:120]
    return DataError(f"not a Parquet file: {reason}", expected="Parquet", fix=AGAIN, file=file)


def _name(file: Path, role: str, column: str | int, available: list[str]) -> str:
    position = column if isinstance(column, int) else find_column(role, column, available)
    if position is not None and 0 <= position < len(available):
        name = available[position]
        if available.count(name) > 1:
            what = f"{available.count(name)} columns are called '{name}', the {role}"
            fix = "write the file again with distinct names"
            raise DataError(what, expected="a name once", fix=fix, file=file, column=name)
        return name
    raise DataError(
        f"column '{column}' for the {role} is missing",
        expected=did_you_mean(str(column), available),
        fix=f"set dataset.{role} to one of: {', '.join(available)}",
        file=file,
        column=str(column),
    )


def _values(file: Path, column: pyarrow.ChunkedArray, role: str) -> NDArray | TextColumn:
    """Convert a column [N]: numbers and times unchanged, all else to texts, missing values to ``""``."""
    import pyarrow

    if pyarrow.types.is_nested(column.type):
        fix = f"set dataset.{role} to a column of plain values"
        raise DataError(f"the {role} column holds {column.type}", expected="one value per row", fix=fix, file=file)
    try:
        if not column.null_count and str(column.type) != "uint64":
            values: NDArray = column.to_numpy()
            if values.dtype.kind in TYPED[role]:
                return values
        plain = column.to_pylist()
    except (pyarrow.ArrowException, UnicodeDecodeError, ValueError, OverflowError) as error:
        raise _damaged(file, error) from error
    return TextColumn.of(np.array([*map(_text, plain), None], dtype=object)[:-1])


def _text(value: object) -> str:
    if isinstance(value, bytes):  # some programs write text without saying that it is UTF-8
        return value.decode("utf-8", "surrogateescape")
    return "" if value is None else str(value)
