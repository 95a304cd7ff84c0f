"""A self-contained HTML page: no network access, all user-supplied names escaped."""

from __future__ import annotations

import base64
import itertools
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from hydrarec.core import escaping
from hydrarec.reports.document import TIED, Block, Cell, Document, Listing, Picture, Table, Text

TEMPLATES = Path(__file__).parent / "templates"


def render(document: Document, *, figures: str, images: Mapping[str, bytes]) -> str:
    """Render the page. ``figures``: relative path of the PDF folder. ``images``: PNG files by picture name."""
    environment = jinja2.Environment(loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True, trim_blocks=True)
    environment.undefined = jinja2.StrictUndefined
    environment.finalize = _shown
    environment.filters |= {"breakable": _breakable, "td": _td, "is_words": _is_words}
    environment.filters["base64"] = lambda content: base64.b64encode(content).decode()
    environment.globals |= {"figures": figures, "images": images}
    return environment.get_template("page.html.j2").render(
        title=document.title,
        lead=list(_grouped(document.lead)),
        sections=[(section, list(_grouped(section.blocks))) for section in document.sections],
        style=(TEMPLATES / "page.css").read_text(encoding="utf-8"),
        script=(TEMPLATES / "page.js").read_text(encoding="utf-8"),
    )


def _shown(value: Any) -> Any:
    return escaping.visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _grouped(blocks: Sequence[Block]) -> Iterator[tuple[str, Any]]:
    """Yield blocks with the template's name for their kind; consecutive pictures form one group."""
    for kind, group in itertools.groupby(blocks, _kind):
        if kind == "pictures":
            yield kind, list(group)
        elif kind != "other":
            yield from ((kind, block) for block in group)


def _kind(block: Block) -> str:
    if isinstance(block, Picture):
        return "wide" if block.wide else "pictures"
    if isinstance(block, Table | Listing) and block.only not in ("", "html"):
        return "other"
    if isinstance(block, Table):
        return "folded" if block.folded else "table"
    if isinstance(block, Text):
        return block.style
    return "list" if isinstance(block, Listing) else "paragraph"


def _td(cell: Cell, is_words: bool) -> Markup:
    kind = cell.mark or ("name" if is_words else "")
    value = "" if cell.is_missing else escaping.visible(str(cell.value))
    text, more = escaping.visible(cell.text), escaping.visible(cell.detail)
    words = Markup('<a href="{}">{}</a>').format(cell.link, text) if cell.link else text
    detail = Markup(" <small>{}</small>").format(more) if more else ""
    mark = f" {TIED}" if cell.mark == "tied" else ""
    return Markup('<td class="{}" data-value="{}">{}{}{}</td>').format(kind, value, words, detail, mark)


def _is_words(table: Table, column: int) -> bool:
    """Whether a column holds text, which is left-aligned."""
    return any(isinstance(cell.value if isinstance(cell, Cell) else cell, str) for cell in table.columns[column][:1])


def _breakable(name: str) -> Markup:
    """Allow a line break after each slash in a long metric name."""
    return Markup("/<wbr>").join(escaping.visible(name).split("/"))
