"""LaTeX tables for a paper; they need the booktabs package."""

from __future__ import annotations

from hydrarec.core import escaping
from hydrarec.reports.document import Cell, Document, Table


def render(document: Document) -> str:
    """Render every table that is not collapsed on the page, with its section's title in the caption."""
    tables = [
        _table(table, f"{section.title}. {table.note}".strip())
        for section in document.sections
        for table in section.tables
        if not table.only and not table.folded
    ]
    return "\n".join(["% needs \\usepackage{booktabs}", *tables])


def _table(table: Table, caption: str) -> str:
    body = [" & ".join(map(_cell, row)) + r" \\" for row in table.rows()]
    head = " & ".join(escaping.latex(name) for name in table.header) + r" \\"
    lines = [r"\begin{table}", r"\centering", rf"\begin{{tabular}}{{l{'r' * (len(table.header) - 1)}}}", r"\toprule"]
    lines += [head, r"\midrule", *body, r"\bottomrule", r"\end{tabular}", rf"\caption{{{escaping.latex(caption)}}}"]
    return "\n".join([*lines, r"\end{table}", ""])


def _cell(cell: Cell) -> str:
    words = escaping.latex(cell.words)
    return rf"\textbf{{{words}}}" if cell.mark == "best" else words
