"""Tables as CSV: plain values, all rows; RFC 4180 except for the newlines. No text is a formula to a spreadsheet."""

from __future__ import annotations

import csv
import io
import math
from typing import Any

from hydrarec.core import escaping
from hydrarec.reports.document import Cell, Table


def render(table: Table) -> str:
    """Render a header and a line per row; missing values are empty."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow([escaping.csv_cell(name) for name in table.header])
    columns = [[_plain(value, table.digits) for value in column] for column in table.columns]
    writer.writerows(zip(*columns, strict=True))
    return buffer.getvalue()


def _plain(value: Any, digits: int | None) -> Any:
    value = value.value if isinstance(value, Cell) else value
    if isinstance(value, str):
        return escaping.csv_cell(value)
    if not isinstance(value, float):
        return value
    if math.isnan(value):
        return ""
    return repr(float(value)).removesuffix(".0") if digits is None else f"{value:.{digits}g}"
