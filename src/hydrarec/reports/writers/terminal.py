"""Terminal output of a document: its findings in a few lines, the file paths, and the next command."""

from __future__ import annotations

import shlex
from pathlib import Path

from rich.console import Console
from rich.style import Style
from rich.table import Table as RichTable
from rich.text import Text

from hydrarec.core import paths
from hydrarec.reports.document import Document, Table
from hydrarec.reports.output import Output


def show(document: Document, output: Output, console: Console) -> None:
    """Print plain lines; a terminal gets bold headings and clickable paths."""
    for number, line in enumerate(document.summary):
        console.print(_table(line) if isinstance(line, Table) else Text(line, style="" if number else "bold"))
    for section in document.sections:
        if section.summary:
            console.print(Text(f"\n{section.heading}", style="bold"))
            for line in section.summary:
                console.print(Text(f"  {line}"))
    for picture in document.pictures:
        if picture.drawing is None:
            console.print(Text(f"no picture of {picture.name}: {picture.missing}"))
    console.print()
    console.print(Text("page: ") + _link(output.html))
    console.print(Text("as text: ") + _link(output.markdown))
    if document.figures:
        console.print(Text(f"{len(document.figures)} figures: ") + _link(output.figures))
    if document.tables:
        console.print(Text(f"{len(document.tables)} tables: ") + _link(output.tables))
    console.print(Text(f"look at it: tensorboard --logdir {shlex.quote(str(paths.shown(output.logdir)))}"))
    console.print(Text(f"next: {document.next}"))


def _link(path: Path) -> Text:
    return Text(str(paths.shown(path)), style=Style(link=path.resolve().as_uri()))


def _table(table: Table) -> RichTable:
    drawn = RichTable(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for place, name in enumerate(table.header):
        drawn.add_column(name, justify="right" if place else "left", no_wrap=True)
    for row in table.rows():
        drawn.add_row(*(Text(cell.words) for cell in row))
    return drawn
