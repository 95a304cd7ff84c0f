"""Markdown that shows arbitrary names verbatim on GitHub, in editors and in TensorBoard."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hydrarec.core import escaping
from hydrarec.reports.document import Block, Cell, Document, Listing, Picture, Table, Text


def render(document: Document, *, figures: str | None) -> str:
    """Render the page. ``figures``: relative path of the pictures; None for a standalone page without links."""
    parts = [f"# {escaping.markdown(document.title)}", *_blocks(document.lead, figures)]
    for section in document.sections:
        parts += [f"## {escaping.markdown(section.heading)}", *_blocks(section.blocks, figures)]
    return "\n\n".join(parts) + "\n"


def table_lines(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """The lines of a table; the cells are Markdown."""
    return ["| " + " | ".join(line) + " |" for line in (header, ["---"] * len(header), *rows)]


def _blocks(blocks: Sequence[Block], figures: str | None) -> Iterator[str]:
    for block in blocks:
        if isinstance(block, Picture):
            yield from _picture(block, figures)
        elif isinstance(block, Table):
            if block.only in ("", "markdown"):
                yield from _table(block, linked=figures is not None)
        elif isinstance(block, Listing):
            if block.only in ("", "markdown"):
                yield "\n".join(f"- {escaping.markdown(item)}" for item in block.items)
        elif isinstance(block, Text) and block.style in ("command", "link"):
            words = escaping.one_line(block.words)
            yield f"    {words}" if block.style == "command" else f"<{words}>"
        else:
            yield escaping.markdown(block.words if isinstance(block, Text) else block)


def _picture(picture: Picture, figures: str | None) -> Iterator[str]:
    if picture.drawing is None:
        yield f"No picture of {picture.name.replace('_', ' ')}: {escaping.markdown(picture.missing)}."
    elif picture.figure is not None and figures is not None:
        place, title = f"{figures}{picture.name}", escaping.markdown(picture.title)
        yield f"![{title}]({place}.png)"
        yield f"{title} ([PDF]({place}.pdf))"


def _table(table: Table, *, linked: bool) -> Iterator[str]:
    rows = [[_cell(cell) for cell in row] for row in table.rows()]
    file = f"[{table.name}.csv]({table.name}.csv)" if linked else f"{table.name}.csv"
    more = "" if len(rows) == table.count else f", all {table.count:,} rows" if rows else f", {table.count:,} rows"
    caption = " ".join(filter(None, [escaping.markdown(table.title), f"({file}{more})" if table.name else ""]))
    if caption:
        yield caption
    if rows:
        yield "\n".join(table_lines([escaping.markdown(name) for name in table.header], rows))
    if table.note:
        yield table.note


def _cell(cell: Cell) -> str:
    words = escaping.markdown(cell.words)
    return f"**{words}**" if cell.mark == "best" else words
