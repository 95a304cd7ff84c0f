"""The report as a document."""

from __future__ import annotations

import shlex
from pathlib import Path

from hydrarec.core import paths
from hydrarec.figures.style import GREY, Style
from hydrarec.reports import document as page
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
from hydrarec.reports.comparison.content import Contents, Section
from hydrarec.reports.document import Block, Document, Listing, Picture, Text

COLOURED = 16  # groups with their own style; more would repeat colours
SHOWN = 5  # groups and failures on the terminal
TITLES = {
    "forest": "Differences to the best, with intervals over the users or ratings; p after Holm.",
    "curves": "Learning curves: mean over seeds, band of one standard deviation.",
    "seconds": "What accuracy costs in time; bars of one standard deviation over seeds.",
    "parameters": "What accuracy costs in parameters; bars of one standard deviation over seeds.",
    "budget": "Best validation so far, in the order in which configurations were started; in brackets, how many.",
    "settings": "Hyper-parameters: a line per configuration, dark for the best, pale for the worst.",
}
METHOD = (
    "Runs that differ by the seed only are one row. Under one heading are runs on the same data, the same split and the "
    "same evaluation, and nothing else is compared. The best is compared with the others over the users, held-out items or "
    "ratings that both were evaluated on, averaged over the seeds they share: a paired t-test, corrected by Holm for the "
    "number of comparisons of that metric; beside it Benjamini and Hochberg, and Wilcoxon's signed ranks. A difference is "
    "called one only if it also holds over the seeds, by a paired t-test over them, where there are at least two. Intervals "
    "are percentiles of {resamples:,} bootstrap resamples. Detectable is the smallest difference that so many units show "
    "with a chance of {power}."
)
FILES = (
    "The same is in report.html and table.md, for papers in table.tex; table.csv holds plain numbers per group, "
    "comparisons.csv every statistic of every comparison."
)


def document(contents: Contents, folder: Path) -> Document:
    """Links to run folders are relative to ``folder``."""
    sections = [_section(section, contents, folder) for section in contents.sections]
    overview = tables.side_by_side(contents)
    if overview is not None:
        sections.insert(0, page.Section("Side by side", [overview], anchor="overview"))
    if contents.failures:
        sections.append(_failures(contents, folder))
    method = METHOD.format(resamples=contents.settings.resamples, power=contents.settings.power)
    files = tables.groups_file(contents), tables.comparisons_file(contents)
    sections.append(page.Section("How to read this", [method, FILES, *files], anchor="method"))
    counts = wording.counts(contents)
    return Document(contents.settings.name, [counts], sections, [counts], _next(contents))


def _section(section: Section, contents: Contents, folder: Path) -> page.Section:
    first = section.comparisons.get(section.primary or "", [])[:1]
    finding = [Text(f"{wording.sentence(comparison)}.", "finding") for comparison in first]
    notes = " ".join(filter(None, [wording.notes(section), unequal_budgets(section)]))
    sentences = [
        f"{metric}: {wording.sentence(comparison)}."
        for metric, comparisons in section.comparisons.items()
        for comparison in comparisons
    ]
    blocks: list[Block] = [*finding, tables.section_table(section), Text(notes, "note")]
    blocks += _pictures(section, contents.settings.curves)
    blocks += [Listing(sentences, only="markdown"), tables.statistics_table(section)] if sentences else []
    blocks += [tables.protocol_table(section), tables.runs_table(section, folder)]
    anchor = f"protocol-{section.number}"
    return page.Section(section.title, blocks, _summary(section), number=section.number, anchor=anchor)


def _pictures(section: Section, curves: int) -> list[Picture]:
    """All charts of the section that are not empty."""
    styles = {
        group.name: Style.number(index) if index < COLOURED else Style(GREY)
        for index, group in enumerate(section.groups)
    }
    charts = {
        "forest": forest_plot(section, section.primary),
        "curves": learning_curves(section, styles, curves),
        "seconds": metric_against(section, "seconds", styles),
        "parameters": metric_against(section, "parameters", styles),
        "budget": best_so_far(section),
        "settings": parallel_coordinates(section),
    }
    return [Picture(name, TITLES[name], chart, wide=name == "settings") for name, chart in charts.items() if chart]


def _summary(section: Section) -> list[str]:
    """Terminal summary: the best groups, the first comparison in words, and the notes."""
    metric = section.primary
    if metric is None:
        return ["no metric that all runs share"]
    shown = section.groups[:SHOWN]
    width = max(len(group.name) for group in shown)
    lines = []
    for group in shown:
        cell = section.cell(group, metric)
        best = " best" if cell is not None and cell.best else ""
        lines.append(f"{group.name:<{width}}  {metric} {tables.measured(cell).words if cell else 'failed'}{best}")
    if len(section.groups) > SHOWN:
        lines.append(f"… and {len(section.groups) - SHOWN:,} more")
    lines += [wording.sentence(comparison) for comparison in section.comparisons.get(metric, [])[:1]]
    return [*lines, wording.notes(section)]


def _failures(contents: Contents, folder: Path) -> page.Section:
    failures = contents.failures
    listed = Listing([f"{run.folder}: {run.state}: {run.problem}" for run in failures], only="markdown")
    summary = [f"{paths.shown(Path(run.folder))}: {run.state}: {run.problem}" for run in failures[:SHOWN]]
    summary += [f"… and {len(failures) - SHOWN:,} more in table.md"] if len(failures) > SHOWN else []
    blocks: list[Block] = ["Not ranked, and in no mean.", listed, tables.failures_table(contents, folder)]
    return page.Section("Without a result", blocks, summary, anchor="failures")


def _next(contents: Contents) -> str:
    """The suggested next command: resume a stopped run, compare the two best, or train more seeds."""
    stopped = [run for run in contents.failures if run.state == "unfinished" and run.config]
    if stopped:
        return f"hydrarec-train {shlex.quote(f'resume={paths.shown(Path(stopped[0].folder))}')}"
    for section in contents.sections:
        if len(section.groups) > 1:
            first, second = (paths.shown(Path(group.runs[0].folder)) for group in section.groups[:2])
            return f"hydrarec-report {shlex.quote(f'check={first},{second}')}"
    return "hydrarec-train -m seed=0,1,2 model=<models to compare>"
