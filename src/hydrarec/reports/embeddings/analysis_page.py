"""The page of an analysis, in Markdown: every section with its words, pictures and tables."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from pathlib import Path

from hydrarec.reports.embeddings.section_contents import Picture, Section, Table
from hydrarec.reports.writers.markdown import escaped, table_lines

NAME = "analysis.md"


def render(title: str, intro: Sequence[str], sections: Sequence[Section], *, figures: str | None) -> str:
    """``figures``: where the pictures lie, relative to the page; None for a page by itself, without pictures and links."""
    lines = [f"# {escaped(title)}", ""]
    for paragraph in intro:
        lines += [escaped(paragraph), ""]
    for section in sections:
        lines += [f"## {escaped(section.title)}", ""]
        for paragraph in section.text:
            lines += [escaped(paragraph), ""]
        if figures is not None:
            for picture in section.pictures:
                lines += [*_picture(picture, figures), ""]
        for table in section.tables:
            lines += [*_table(table, linked=figures is not None), ""]
    return "\n".join(lines).rstrip("\n") + "\n"


def relative(target: Path, start: Path) -> str:
    """A link from a page in ``start`` to the folder ``target``: ``../figures/``, or nothing where it is the same."""
    path = Path(os.path.relpath(target, start)).as_posix()
    return "" if path == "." else f"{path}/"


def _picture(picture: Picture, folder: str) -> list[str]:
    place = f"{folder}{picture.name}"
    return [f"![{escaped(picture.caption)}]({place}.png)", "", f"{escaped(picture.caption)} ([PDF]({place}.pdf))"]


def _table(table: Table, *, linked: bool) -> list[str]:
    shown, rows = table.frame if table.shown is None else table.shown, len(table.frame)
    more = "" if len(shown) == rows else f", all {rows:,} rows" if len(shown) else f", {rows:,} rows"
    file = f"[{table.name}.csv]({table.name}.csv)" if linked else f"{table.name}.csv"
    lines = [f"{escaped(table.caption)} ({file}{more})"]
    if len(shown):
        cells = [[_cell(value) for value in row] for row in shown.itertuples(index=False)]
        lines += ["", *table_lines([escaped(str(name)) for name in shown.columns], cells)]
    return lines


def number(value: float) -> str:
    """Three decimals; more where they would all be 0, ``–`` where there is no number."""
    if math.isnan(value):
        return "–"
    return f"{value:.0e}" if 0 < abs(value) < 0.0005 else f"{value:.3f}"


def _cell(value: object) -> str:
    if isinstance(value, float):  # NumPy's are, too
        return number(value)
    return escaped(str(value).replace("|", ", "))
