"""The tables of a report as Markdown, LaTeX and CSV."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from typing import Any

from hydrarec.reports.comparison import wording
from hydrarec.reports.comparison.content import Cell, Contents, Section
from hydrarec.reports.writers.markdown import escaped, table_lines
from hydrarec.tasks.metrics.registry import base_name

TIED = "≈"  # beside a value that is not distinguishable from the best
LEGEND = (
    f"mean ± sample standard deviation (number of seeds); bold: the best mean; {TIED}: not distinguishable from it."
)
_LATEX = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
_LATEX |= {character: "\\" + character for character in "&%$#_{}"}
_LATEX |= {"–": "--", "…": r"\ldots{}", "≈": r"$\approx$", "±": r"$\pm$", "≥": r"$\geq$"}


def markdown(contents: Contents) -> str:
    """One table per protocol, one beside it all, the comparisons in words, and what failed."""
    lines = [wording.counts(contents), ""]
    table = side_by_side(contents)
    if table is not None:
        lines += ["## Side by side", "", *_markdown_table(*table), ""]
    for section in contents.sections:
        lines += [f"## {section.number}. {escaped(section.title)}", ""]
        lines += [*_markdown_table(*section_table(section)), "", LEGEND, wording.notes(section), ""]
        for metric, comparisons in section.comparisons.items():
            lines += [f"- {metric}: {escaped(wording.sentence(comparison))}." for comparison in comparisons]
        lines += [""]
    if contents.failures:
        lines += ["## Without a result", ""]
        lines += [f"- {escaped(run.folder)}: {run.state}: {escaped(run.problem)}" for run in contents.failures]
    return "\n".join(lines).rstrip("\n") + "\n"


def latex(contents: Contents) -> str:
    """The same tables for a paper; needs the package booktabs."""
    tables = [
        _latex_table(*section_table(section), caption=f"{section.title}. {LEGEND}") for section in contents.sections
    ]
    table = side_by_side(contents)
    if table is not None:
        tables.insert(0, _latex_table(*table, caption=f"Side by side. {LEGEND}"))
    return "\n".join(["% needs \\usepackage{booktabs}", *tables])


def comma_separated(contents: Contents) -> str:
    """A line per group, plain numbers: of each metric mean, sd, n, and whether it is the best or tied with it."""
    records = []
    for section in contents.sections:
        for group in section.groups:
            record: dict[str, Any] = {"protocol": section.number, "dataset": section.protocol.dataset}
            record |= {"task": section.protocol.task, "split": section.split, "model": group.name}
            record |= {"seeds": " ".join(map(str, group.seeds)), "looks_at_test": group.looks}
            for metric in section.metrics:
                cell = section.cell(group, metric)
                if cell is not None:
                    record |= {f"{metric} mean": cell.mean, f"{metric} sd": _or_empty(cell.sd), f"{metric} n": cell.n}
                    record |= {f"{metric} best": int(cell.best), f"{metric} tied": int(cell.tied)}
            record |= {name: found.mean for name in section.costs if (found := section.cell(group, name)) is not None}
            records.append(record)
    return _csv(records)


def comparisons_csv(contents: Contents) -> str:
    """A line per comparison with every statistic."""
    records = [
        {
            "protocol": section.number,
            **{name: value for name, value in vars(comparison).items() if name not in ("interval", "seeds")},
            "low": comparison.interval[0],
            "high": comparison.interval[1],
            "seeds": " ".join(map(str, comparison.seeds)),
            "distinguishable": int(comparison.distinguishable),
            "words": wording.sentence(comparison),
        }
        for section in contents.sections
        for comparisons in section.comparisons.values()
        for comparison in comparisons
    ]
    return _csv([{name: _or_empty(value) for name, value in record.items()} for record in records])


def section_table(section: Section) -> tuple[list[str], list[list[str | Cell | None]]]:
    """Header and rows of one protocol: metrics, then costs."""
    rows: list[list[str | Cell | None]] = []
    for group in section.groups:
        cells = [section.cell(group, metric) for metric in section.metrics]
        costs = [figure(name, section.cell(group, name)) for name in section.costs]
        rows.append([group.name, *cells, *costs])
    return ["model", *section.metrics, *section.costs], rows


def side_by_side(contents: Contents) -> tuple[list[str], list[list[str | Cell | None]]] | None:
    """Header and rows over all protocols, a row per model, if there are several; a column belongs to one protocol."""
    columns = [
        (section, metric)
        for section in contents.sections
        for metric in section.metrics
        if base_name(metric) in contents.settings.side_by_side
    ]
    if len({section.number for section, _ in columns}) < 2:
        return None
    groups = {section.number: {group.name: group for group in section.groups} for section in contents.sections}
    names = dict.fromkeys(name for section, _ in columns for name in groups[section.number])
    rows: list[list[str | Cell | None]] = []
    for name in names:
        cells = [
            section.cell(groups[section.number][name], metric) if name in groups[section.number] else None
            for section, metric in columns
        ]
        rows.append([name, *cells])
    return ["model", *(f"{metric} ({section.number})" for section, metric in columns)], rows


def figure(name: str, cell: Cell | None) -> str:
    """A cost in as many digits as it deserves."""
    if cell is None:
        return "–"
    return f"{cell.mean:,.1f}" if name == "seconds" else f"{cell.mean:,.0f}"


def value(cell: Cell) -> str:
    """``0.9402 ± 0.0021 (3)``; one value has no spread, and says so."""
    spread = "?" if math.isnan(cell.sd) else f"{cell.sd:.4f}"
    return f"{cell.mean:.4f} ± {spread} ({cell.n})"


def _markdown_table(header: Sequence[str], rows: Sequence[Sequence[str | Cell | None]]) -> list[str]:
    def text(cell: str | Cell | None) -> str:
        if not isinstance(cell, Cell):
            return "–" if cell is None else escaped(cell)
        return f"**{value(cell)}**" if cell.best else f"{value(cell)} {TIED}" if cell.tied else value(cell)

    return table_lines(header, [[text(cell) for cell in row] for row in rows])


def _latex_table(header: Sequence[str], rows: Sequence[Sequence[str | Cell | None]], caption: str) -> str:
    def text(cell: str | Cell | None) -> str:
        if not isinstance(cell, Cell):
            return "--" if cell is None else _latex(cell)
        shown = _latex(value(cell))
        return rf"\textbf{{{shown}}}" if cell.best else rf"{shown}~$\approx$" if cell.tied else shown

    body = [" & ".join(text(cell) for cell in row) + r" \\" for row in [header, *rows]]
    lines = [r"\begin{table}", r"\centering", rf"\begin{{tabular}}{{l{'r' * (len(header) - 1)}}}", r"\toprule"]
    lines += [body[0], r"\midrule", *body[1:], r"\bottomrule", r"\end{tabular}", rf"\caption{{{_latex(caption)}}}"]
    return "\n".join([*lines, r"\end{table}", ""])


def _latex(text: str) -> str:
    return "".join(_LATEX.get(character, character) for character in text)


def _csv(records: list[dict[str, Any]]) -> str:
    names = list(dict.fromkeys(name for record in records for name in record))
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(records)
    return buffer.getvalue()


def _or_empty(value: Any) -> Any:
    return "" if isinstance(value, float) and math.isnan(value) else value
