"""Write a report, and a folder that shows its runs in TensorBoard under their groups' names.

::

    tensorboard/report/            an event file with the tables
    tensorboard/<group, seed>      links to the runs' own folders, which stay unchanged
"""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Iterator
from pathlib import Path

from hydrarec.core.paths import folder_in
from hydrarec.reports.comparison.comparison_page import document
from hydrarec.reports.comparison.comparison_settings import ReportConfig
from hydrarec.reports.comparison.content import Contents, contents
from hydrarec.reports.document import Document
from hydrarec.reports.output import Output, write_text
from hydrarec.reports.writers import latex
from hydrarec.runs.reader import unix_seconds
from hydrarec.runs.survey import Run, find, read_all

FOLDER = "tensorboard"  # of a run and of a report
_LONGEST = 200  # bytes of a link's name; file systems take 255


def publish(settings: ReportConfig) -> tuple[Document, Output]:
    """Read the run folders and write tables and pages into ``<output_dir>/<name>/``; return the document and its files.

    Raises:
        ConfigError: no run folders, or an invalid folder name. EnvironmentFault: the folder cannot be written.
    """
    folder = folder_in(settings.output_dir, settings.name)
    found = contents(read_all(find(settings.runs)), settings)
    report = document(found, folder)
    logdir = folder / FOLDER
    output = Output(
        markdown=folder / "table.md",
        html=folder / "report.html",
        figures=folder,
        events=logdir / "report" / "events.out.tfevents.0.report",
        tag="Table",  # TensorBoard expands only the first text; a capital sorts before the runs' tags
        logdir=logdir,
        moment=unix_seconds(max((run.started for _, run in _named(found)), default="")),
    )
    output.write(report)
    with output.writing():
        write_text(folder / "table.tex", latex.render(report))
        _link_runs(found, logdir)
    return report, output


def _link_runs(contents: Contents, folder: Path) -> None:
    """Link to the runs that have event files and remove all other links.

    Raises:
        OSError: a link cannot be written, or the file system has no links.
    """
    links = _links(contents, folder)
    for path in list(folder.iterdir()):
        if path.is_symlink() and links.get(path.name) != os.readlink(path):  # noqa: PTH115  (compared as a text)
            path.unlink()
    present = set(os.listdir(folder))  # noqa: PTH208  (thousands of them)
    for name, target in links.items():
        if name not in present:
            os.symlink(target, f"{folder}{os.sep}{name}")  # noqa: PTH211


def _links(contents: Contents, folder: Path) -> dict[str, str]:
    """Link names and their targets, for runs that have event files."""
    found: dict[str, str] = {}
    relative = functools.cache(lambda parent: os.path.relpath(parent, folder))
    for label, run in _named(contents):
        target = os.path.join(run.folder, FOLDER)  # noqa: PTH118  (thousands of them)
        if not os.path.isdir(target):  # noqa: PTH112
            continue
        plain = re.sub(r"[/\\\x00-\x1f]|^\.", "_", label).encode()[:_LONGEST].decode(errors="ignore")
        name, number = plain, 1
        while name in found:
            number += 1
            name = f"{plain} ({number})"
        parent, own = os.path.split(run.folder)
        found[name] = os.path.join(relative(parent), own, FOLDER)  # noqa: PTH118
    return found


def _named(contents: Contents) -> Iterator[tuple[str, Run]]:
    several = len(contents.sections) > 1
    for section in contents.sections:
        number = f"{section.number}. " if several else ""  # the protocol's number, as in the tables
        for group in section.groups:
            for run in [*group.runs, *group.repeats]:
                yield f"{number}{group.name}, seed {run.seed}", run
    for run in contents.failures:
        yield f"{run.state} {Path(run.folder).name}", run
