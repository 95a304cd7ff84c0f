"""The report as one self-contained page: no network, everything escaped that a user may have named."""

from __future__ import annotations

import math
import os
import urllib.parse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from hydrarec.figures.style import GREY, Style
from hydrarec.reports.comparison import comparison_tables as tables
from hydrarec.reports.comparison import wording
from hydrarec.reports.comparison.charts import (
    best_so_far,
    forest_plot,
    learning_curves,
    metric_against,
    parallel_coordinates,
    unequal_budgets,
)
from hydrarec.reports.comparison.content import Cell, Contents, Section
from hydrarec.reports.comparison.contrasts import Comparison
from hydrarec.reports.comparison.protocol_words import protocol_words
from hydrarec.reports.comparison.reading import Run

TEMPLATES = Path(__file__).parent / "templates"
COLOURED = 16  # groups with a style of their own; beyond, colours would repeat and tell nothing


def render(contents: Contents, folder: Path) -> str:
    """The page; links to run folders are relative to ``folder``, so that both can be moved together."""
    environment = jinja2.Environment(loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True, trim_blocks=True)
    environment.undefined = jinja2.StrictUndefined
    environment.filters["breakable"] = _breakable
    overview = tables.side_by_side(contents)
    return environment.get_template("report.html.j2").render(
        name=contents.settings.name,
        counts=wording.counts(contents),
        legend=tables.LEGEND,
        overview=overview and {"header": overview[0], "rows": [_cells(row) for row in overview[1]]},
        sections=[_section(section, contents, folder) for section in contents.sections],
        failures=[_failure(run, folder) for run in contents.failures],
        resamples=f"{contents.settings.resamples:,}",
        power=contents.settings.power,
        style=(TEMPLATES / "report.css").read_text(encoding="utf-8"),
        script=(TEMPLATES / "report.js").read_text(encoding="utf-8"),
    )


def _section(section: Section, contents: Contents, folder: Path) -> dict[str, Any]:
    styles = {
        group.name: Style.number(index) if index < COLOURED else Style(GREY)
        for index, group in enumerate(section.groups)
    }
    comparisons = section.comparisons.get(section.primary or "", [])
    return {
        "number": section.number,
        "title": section.title,
        "finding": wording.sentence(comparisons[0]) if comparisons else "",
        "header": ["model", *section.metrics, *section.costs],
        "rows": [_row(section, index) for index in range(len(section.groups))],
        "notes": wording.notes(section),
        "budgets": unequal_budgets(section),
        "forest": forest_plot(section, section.primary),
        "curves": learning_curves(section, styles, contents.settings.curves),
        "seconds": metric_against(section, "seconds", styles),
        "parameters": metric_against(section, "parameters", styles),
        "budget": best_so_far(section),
        "settings": parallel_coordinates(section),
        "words": [_statistics(found) for entries in section.comparisons.values() for found in entries],
        "protocol": protocol_words(section),
        "runs": _runs(section, folder),
    }


def _row(section: Section, index: int) -> list[Markup]:
    group = section.groups[index]
    costs = [section.cell(group, name) for name in section.costs]
    figures = [_figure(tables.figure(name, cell), cell) for name, cell in zip(section.costs, costs, strict=True)]
    return [*_cells([group.name, *(section.cell(group, metric) for metric in section.metrics)]), *figures]


def _cells(row: Sequence[str | Cell | None]) -> list[Markup]:
    return [_name(cell) if isinstance(cell, str) else _value(cell) for cell in row]


def _name(name: str) -> Markup:
    return Markup('<td class="name" data-value="{0}">{0}</td>').format(name)


def _value(cell: Cell | None) -> Markup:
    if cell is None:
        return Markup('<td data-value="">–</td>')
    kind = "best" if cell.best else "tied" if cell.tied else ""
    mark = f" {tables.TIED}" if cell.tied else ""
    mean, rest = tables.value(cell).split(" ", 1)
    return Markup('<td class="{}" data-value="{!r}">{} <small>{}</small>{}</td>').format(
        kind, cell.mean, mean, rest, mark
    )


def _figure(words: str, cell: Cell | None) -> Markup:
    return Markup('<td data-value="{}">{}</td>').format("" if cell is None else repr(cell.mean), words)


def _statistics(comparison: Comparison) -> list[str]:
    p_values = (
        comparison.p,
        comparison.holm,
        comparison.benjamini_hochberg,
        comparison.holm_wilcoxon,
        comparison.p_seeds,
    )
    shown = ["–" if math.isnan(p) else wording.p_value(p).replace("p = ", "").replace("p ", "") for p in p_values]
    numbers = [
        "–" if math.isnan(x) else f"{x:.{digits}f}"
        for x, digits in ((comparison.effect, 3), (comparison.detectable, 4))
    ]
    return [comparison.metric, wording.sentence(comparison), *shown, *numbers]


def _runs(section: Section, folder: Path) -> list[dict[str, Any]]:
    return [
        {"name": group.name, "seed": run.seed, "note": note, "folder": run.folder, "link": _link(run, folder)}
        for group in section.groups
        for runs, note in ((group.runs, ""), (group.repeats, ", run again: not counted"))
        for run in runs
    ]


def _failure(run: Run, folder: Path) -> dict[str, Any]:
    overrides = run.record.get("overrides")
    what = " ".join(map(str, overrides)) if isinstance(overrides, list) else ""
    return {"state": run.state, "what": what, "reason": run.problem, "folder": run.folder, "link": _link(run, folder)}


def _breakable(name: str) -> Markup:
    """A long metric's name may go on in the next line after a slash."""
    return Markup("/<wbr>").join(name.split("/"))


def _link(run: Run, folder: Path) -> str:
    return urllib.parse.quote(os.path.relpath(run.folder, folder)) + "/"
