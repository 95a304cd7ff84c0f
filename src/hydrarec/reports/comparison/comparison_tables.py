"""The tables of a report."""

from __future__ import annotations

import math
import os
import urllib.parse
from pathlib import Path
from typing import Any

from hydrarec.reports.comparison import wording
from hydrarec.reports.comparison.content import Cell, Contents, Section
from hydrarec.reports.comparison.protocol_words import protocol_words
from hydrarec.reports.document import TIED, Table
from hydrarec.reports.document import Cell as Shown
from hydrarec.runs.survey import Run
from hydrarec.tasks.metrics.registry import base_name

LEGEND = (
    f"mean ± sample standard deviation (number of seeds); bold: the best mean; {TIED}: not distinguishable from it."
)
ACROSS = "A column belongs to the protocol whose number it bears; compare within columns only."
MISSING = Shown(math.nan)
STATISTICS = {"metric": "metric", "comparison": "first", "t": "p", "Holm": "holm", "BH": "benjamini_hochberg"}
STATISTICS |= {"Wilcoxon, Holm": "holm_wilcoxon", "seeds": "p_seeds", "d": "effect", "detectable": "detectable"}


def section_table(section: Section) -> Table:
    """The results under one protocol, a row per group: metrics, then costs."""
    columns: dict[str, Any] = {"model": [group.name for group in section.groups]}
    for metric in section.metrics:
        columns[metric] = [measured(section.cell(group, metric)) for group in section.groups]
    for name in section.costs:
        columns[name] = [_cost(name, section.cell(group, name)) for group in section.groups]
    return Table.of("", "", columns, note=LEGEND)


def side_by_side(contents: Contents) -> Table | None:
    """All protocols side by side: a row per model, each column from one protocol; None for a single protocol."""
    columns: dict[str, Any] = {}
    chosen = [
        (section, metric)
        for section in contents.sections
        for metric in section.metrics
        if base_name(metric) in contents.settings.side_by_side
    ]
    if len({section.number for section, _ in chosen}) < 2:
        return None
    groups = {section.number: {group.name: group for group in section.groups} for section in contents.sections}
    names = list(dict.fromkeys(name for section, _ in chosen for name in groups[section.number]))
    columns["model"] = names
    for section, metric in chosen:
        known = groups[section.number]
        columns[f"{metric} ({section.number})"] = [
            measured(section.cell(known[name], metric)) if name in known else MISSING for name in names
        ]
    return Table.of("", "", columns, note=f"{ACROSS} {LEGEND}")


def groups_file(contents: Contents) -> Table:
    """A row per group for a file: each metric's mean, sd and n, and whether it is the best or tied with it."""
    records = []
    for section in contents.sections:
        for group in section.groups:
            record: dict[str, Any] = {"protocol": section.number, "dataset": section.protocol.dataset}
            record |= {"task": section.protocol.task, "split": section.split, "model": group.name}
            record |= {"seeds": " ".join(map(str, group.seeds)), "looks_at_test": group.looks}
            for metric in section.metrics:
                cell = section.cell(group, metric)
                if cell is not None:
                    record |= {f"{metric} mean": cell.mean, f"{metric} sd": cell.sd, f"{metric} n": cell.n}
                    record |= {f"{metric} best": int(cell.best), f"{metric} tied": int(cell.tied)}
            record |= {name: found.mean for name in section.costs if (found := section.cell(group, name)) is not None}
            records.append(record)
    return Table.of_records("table", "Every group.", records, only="csv")


def comparisons_file(contents: Contents) -> Table:
    """A row per comparison for a file, with every statistic."""
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
    return Table.of_records("comparisons", "Every comparison.", records, only="csv")


def statistics_table(section: Section) -> Table:
    """The comparisons of a protocol in words and numbers."""
    found = [comparison for entries in section.comparisons.values() for comparison in entries]
    columns = {name: [getattr(comparison, key) for comparison in found] for name, key in STATISTICS.items()}
    columns["comparison"] = [wording.sentence(comparison) for comparison in found]
    forms = dict.fromkeys(("t", "Holm", "BH", "Wilcoxon, Holm", "seeds"), _short_p) | {"d": ".3f", "detectable": ".4f"}
    return Table.of("", "All comparisons in words and numbers", columns, forms, only="html", folded=True)


def protocol_table(section: Section) -> Table:
    """The protocol that all runs of a section share."""
    terms, words = zip(*protocol_words(section), strict=True)
    columns = {"what": list(terms), "which": list(words)}
    return Table.of("", "Protocol, data and code", columns, only="html", folded=True)


def runs_table(section: Section, folder: Path) -> Table:
    """Every run folder; links are relative to ``folder``, so both can be moved together."""
    rows = [
        [group.name, run.seed, note, _link(run, folder)]
        for group in section.groups
        for runs, note in ((group.runs, ""), (group.repeats, "run again: not counted"))
        for run in runs
    ]
    return Table.of_rows("", "Run folders", ["model", "seed", "note", "run folder"], rows, only="html", folded=True)


def failures_table(contents: Contents, folder: Path) -> Table:
    """Runs without a result, with the reason and the command that started them."""
    rows = []
    for run in contents.failures:
        overrides = run.record.get("overrides")
        what = " ".join(map(str, overrides)) if isinstance(overrides, list) else ""
        rows.append([run.state, what, run.problem, _link(run, folder)])
    return Table.of_rows("", "", ["state", "what", "reason", "run folder"], rows, only="html")


def measured(cell: Cell | None) -> Shown:
    """Format a cell as ``0.9402 ± 0.0021 (3)``; a question mark replaces the spread of a single value."""
    if cell is None:
        return MISSING
    spread = "?" if math.isnan(cell.sd) else f"{cell.sd:.4f}"
    return Shown(cell.mean, ".4f", f"± {spread} ({cell.n})", "best" if cell.best else "tied" if cell.tied else "")


def _cost(name: str, cell: Cell | None) -> Shown:
    return MISSING if cell is None else Shown(cell.mean, ",.1f" if name == "seconds" else ",.0f")


def _short_p(p: float) -> str:
    return wording.p_value(p).removeprefix("p ").removeprefix("= ")


def _link(run: Run, folder: Path) -> Shown:
    return Shown(run.folder, link=urllib.parse.quote(os.path.relpath(run.folder, folder)) + "/")
