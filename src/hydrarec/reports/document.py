"""The content of a page, independent of its format: sections of paragraphs, lists, tables and pictures.

The writers in :mod:`hydrarec.reports.writers` turn a :class:`Document` into Markdown, HTML, LaTeX, CSV, a TensorBoard event
file, and lines for the terminal.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure  # half a second that reports without figures can save

Form = str | Callable[[Any], str]  # a format specification, or a function; empty: three decimals for a float
NO_FORMS: Mapping[str, Form] = {}
TIED = "≈"  # marks values not distinguishable from the best


@dataclass(frozen=True, slots=True)
class Cell:
    """A table value and its display; files hold only the value.

    Attributes:
        value: a number or a text; None: empty; NaN: unknown.
        detail: text after the value, such as ``± 0.0021 (3)``.
        mark: whether the value is the best of its column, or tied with it.
        link: a relative address.
    """

    value: Any
    form: Form = ""
    detail: str = ""
    mark: Literal["", "best", "tied"] = ""
    link: str = ""

    @property
    def is_missing(self) -> bool:
        return self.value is None or (isinstance(self.value, float) and math.isnan(self.value))

    @property
    def text(self) -> str:
        """The formatted value, without detail and mark."""
        if self.value is None:
            return ""
        if self.is_missing:
            return "–"
        if callable(self.form):
            return self.form(self.value)
        if self.form:
            return format(self.value, self.form)
        return number(self.value) if isinstance(self.value, float) else str(self.value)

    @property
    def words(self) -> str:
        """The value with detail and mark: ``0.9402 ± 0.0021 (3) ≈``."""
        return " ".join(filter(None, [self.text, self.detail, TIED if self.mark == "tied" else ""]))


def number(value: float) -> str:
    """Format with three decimals, or as ``3e-05`` if these would all be 0; ``–`` for NaN."""
    if math.isnan(value):
        return "–"
    return f"{value:.0e}" if 0 < abs(value) < 0.0005 else f"{value:.3f}"


def parts(text: str) -> str:
    """Format text with parts separated by bars, such as genres, for display."""
    return text.replace("|", ", ")


@dataclass(frozen=True, eq=False)
class Table:
    """Named columns of equal length; values are plain or a :class:`Cell`.

    Attributes:
        name: name of its CSV file, which holds all rows; empty: no file.
        title: what it shows. note: how to read it.
        forms: formats by column. digits: significant digits of floats in the file; None: all.
        shown: the rows that a page shows; None: all. If empty, the page only names the file.
        folded: collapsed on an HTML page.
        only: the only writer that shows it, if other writers show the same in another form.
    """

    name: str
    title: str
    header: Sequence[str]
    columns: Sequence[Sequence[Any]]
    forms: Sequence[Form]
    note: str = ""
    digits: int | None = None
    shown: Sequence[int] | None = None
    folded: bool = False
    only: str = ""

    @classmethod
    def of(
        cls,
        name: str,
        title: str,
        columns: Mapping[str, Any] | pd.DataFrame,
        forms: Mapping[str, Form] = NO_FORMS,
        **more: Any,
    ) -> Table:
        """Build a table from columns by name: lists, arrays, or those of a data frame."""
        values = {
            str(key): column.tolist() if hasattr(column, "tolist") else list(column) for key, column in columns.items()
        }
        return cls(name, title, list(values), list(values.values()), [forms.get(key, "") for key in values], **more)

    @classmethod
    def of_rows(cls, name: str, title: str, header: Sequence[str], rows: Sequence[Sequence[Any]], **more: Any) -> Table:
        columns = [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in header]
        return cls(name, title, header, columns, [""] * len(header), **more)

    @classmethod
    def of_records(cls, name: str, title: str, records: Sequence[Mapping[str, Any]], **more: Any) -> Table:
        """Build a table with a row per record; missing keys become empty cells."""
        header = list(dict.fromkeys(key for record in records for key in record))
        return cls.of_rows(name, title, header, [[record.get(key) for key in header] for record in records], **more)

    @property
    def count(self) -> int:
        return len(self.columns[0]) if self.columns else 0

    def rows(self) -> Iterator[list[Cell]]:
        """The rows that a page shows."""
        chosen = range(self.count) if self.shown is None else self.shown
        for row in chosen:
            yield [
                column[row] if isinstance(column[row], Cell) else Cell(column[row], form)
                for column, form in zip(self.columns, self.forms, strict=True)
            ]

    def select(self, *header: str) -> Table:
        """A copy with only these columns."""
        places = [list(self.header).index(name) for name in header]
        columns, forms = [self.columns[place] for place in places], [self.forms[place] for place in places]
        return dataclasses.replace(self, header=header, columns=columns, forms=forms)


@dataclass(frozen=True, eq=False)
class Picture:
    """A matplotlib figure, saved as PNG and PDF, or an SVG drawing, shown only in HTML.

    Attributes:
        name: name of its files. title: what it shows; also the alternative text.
        drawing: None if there is nothing to draw; ``missing`` gives the reason.
        wide: it needs the full page width.
    """

    name: str
    title: str
    drawing: Figure | str | None
    missing: str = ""
    wide: bool = False

    @property
    def figure(self) -> Figure | None:
        return None if isinstance(self.drawing, str) else self.drawing


@dataclass(frozen=True)
class Text:
    """A paragraph with a style; a plain ``str`` is one without."""

    words: str
    style: Literal["finding", "note", "command", "link"]


@dataclass(frozen=True)
class Listing:
    """The lines of a list; ``only`` as for :class:`Table`."""

    items: Sequence[str]
    only: str = ""


Block = str | Text | Listing | Table | Picture


@dataclass(frozen=True, eq=False)
class Section:
    """A part of a page under a heading.

    Attributes:
        blocks: in page order. summary: lines for the terminal.
        number: used in references. anchor: its address on an HTML page.
    """

    title: str
    blocks: Sequence[Block] = ()
    summary: Sequence[str] = ()
    number: int | None = None
    anchor: str = ""

    @property
    def heading(self) -> str:
        return self.title if self.number is None else f"{self.number}. {self.title}"

    @property
    def text(self) -> list[str]:
        return [block for block in self.blocks if isinstance(block, str)]

    @property
    def pictures(self) -> list[Picture]:
        return [block for block in self.blocks if isinstance(block, Picture)]

    @property
    def tables(self) -> list[Table]:
        return [block for block in self.blocks if isinstance(block, Table)]


@dataclass(frozen=True, eq=False)
class Document:
    """A whole page.

    Attributes:
        lead: text below the title. summary: the first lines on the terminal, with their tables.
        next: the suggested next command.
    """

    title: str
    lead: Sequence[Block]
    sections: Sequence[Section]
    summary: Sequence[str | Table] = ()
    next: str = ""

    @property
    def pictures(self) -> list[Picture]:
        return [picture for section in self.sections for picture in section.pictures]

    @property
    def figures(self) -> list[Picture]:
        """The pictures that are saved to files."""
        return [picture for picture in self.pictures if picture.figure is not None]

    @property
    def tables(self) -> list[Table]:
        """The tables that are saved to files."""
        return [table for section in self.sections for table in section.tables if table.name]
