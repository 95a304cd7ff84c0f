"""Write a report into its folder, and say in a few lines what it holds."""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Iterator
from pathlib import Path

from hydrarec.core import paths
from hydrarec.core.errors import EnvironmentFault
from hydrarec.core.files import atomic_write
from hydrarec.core.paths import folder_in
from hydrarec.reports.comparison import comparison_events as tensorboard
from hydrarec.reports.comparison import comparison_page as page
from hydrarec.reports.comparison import comparison_tables as tables
from hydrarec.reports.comparison import wording
from hydrarec.reports.comparison.comparison_settings import ReportConfig
from hydrarec.reports.comparison.content import Contents, Section, contents
from hydrarec.runs.survey import find, read_all

SHOWN = 5  # groups and failures in the summary


def publish(settings: ReportConfig) -> str:
    """Read the run folders, write tables and page into ``<output_dir>/<name>/``; the summary for the terminal.

    Raises:
        ConfigError: no run folders, or a name that is no folder's. EnvironmentFault: the folder cannot be written.
    """
    folder = folder_in(settings.output_dir, settings.name)
    found = contents(read_all(find(settings.runs)), settings)
    tables_of = {
        "table.md": tables.markdown,
        "table.csv": tables.comma_separated,
        "table.tex": tables.latex,
        "comparisons.csv": tables.comparisons_csv,
    }
    for name, make in tables_of.items():
        _write(folder / name, make(found))
    with _writing(folder / tensorboard.FOLDER):
        tensorboard.write(found, tables.markdown(found), folder / tensorboard.FOLDER)
    _write(folder / "report.html", page.render(found, folder))  # last: of thousands of runs it takes longest
    return summary(found, folder)


def _write(path: Path, text: str) -> None:
    with _writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(path, "w") as file:
            file.write(text)


@contextlib.contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise EnvironmentFault(
            f"the report {path} cannot be written: {error.strerror}",
            expected="a folder that may be written",
            fix="output_dir=<another folder>",
            value=str(path),
        ) from error


def summary(found: Contents, folder: Path) -> str:
    """Counts, the best groups of each protocol in words, where it all lies, and the next command."""
    lines = [wording.counts(found)]
    for section in found.sections:
        lines += ["", *_section_lines(section)]
    if found.failures:
        lines += ["", f"without a result: {len(found.failures):,}"]
        lines += [f"  {paths.shown(Path(run.folder))}: {run.state}: {run.problem}" for run in found.failures[:SHOWN]]
        if len(found.failures) > SHOWN:
            lines.append(f"  … and {len(found.failures) - SHOWN:,} more in table.md")
    shown = paths.shown(folder)
    lines += ["", f"report: {shown / 'report.html'}  {shown / 'table.md'}  table.csv  table.tex  comparisons.csv"]
    lines.append(f"curves: tensorboard --logdir {shlex.quote(str(shown / tensorboard.FOLDER))}")
    lines.append(f"next: {_next(found)}")
    return "\n".join(lines) + "\n"


def _section_lines(section: Section) -> list[str]:
    lines = [f"{section.number}. {section.title}"]
    metric = section.primary
    if metric is None:
        return [*lines, "   no metric that all runs share"]
    width = max(len(group.name) for group in section.groups[:SHOWN])
    for group in section.groups[:SHOWN]:
        cell = section.cell(group, metric)
        mark = "" if cell is None else " best" if cell.best else f" {tables.TIED}" if cell.tied else ""
        lines.append(f"   {group.name:<{width}}  {metric} {tables.value(cell) if cell else 'failed'}{mark}")
    if len(section.groups) > SHOWN:
        lines.append(f"   … and {len(section.groups) - SHOWN:,} more")
    lines += [f"   {wording.sentence(comparison)}" for comparison in section.comparisons.get(metric, [])[:1]]
    return [*lines, f"   {wording.notes(section)}"]


def _next(found: Contents) -> str:
    """What to do now: go on with what was stopped, tell the two best apart, or more seeds."""
    stopped = [run for run in found.failures if run.state == "unfinished" and run.config]
    if stopped:
        return f"hydrarec-train {shlex.quote(f'resume={paths.shown(Path(stopped[0].folder))}')}"
    for section in found.sections:
        if len(section.groups) > 1:
            first, second = (paths.shown(Path(group.runs[0].folder)) for group in section.groups[:2])
            return f"hydrarec-report {shlex.quote(f'check={first},{second}')}"
    return "hydrarec-train -m seed=0,1,2 model=<models to compare>"
