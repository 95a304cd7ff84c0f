"""A folder for TensorBoard: every run of the report by what tells it from the others, and the tables as text.

::

    tensorboard/report/            an event file with the tables
    tensorboard/<group, seed>      links to the runs' own folders, in which nothing is written
"""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Iterator
from pathlib import Path

from hydrarec.core.files import atomic_write
from hydrarec.reports.comparison.content import Contents
from hydrarec.runs.reader import unix_seconds
from hydrarec.runs.survey import Run

FOLDER = "tensorboard"  # of a run and of a report
TABLES = "report"  # the name under which TensorBoard shows the tables
TAG = "Table"  # TensorBoard opens the first text only, and a capital comes before the runs' own
_LONGEST = 200  # bytes of a link's name; file systems take 255


def write(contents: Contents, text: str, folder: Path) -> int:
    """Write ``folder`` anew, ``text`` being Markdown; how many runs it shows.

    Raises:
        OSError: it cannot be written, or the file system has no links.
    """
    from hydrarec.reports.writers import event_file  # a quarter of a second

    (folder / TABLES).mkdir(parents=True, exist_ok=True)
    with atomic_write(folder / TABLES / "events.out.tfevents.0.report") as file:
        file.write(event_file.event_file([event_file.text(TAG, text)], _moment(contents)))
    links = _links(contents, folder)
    for path in list(folder.iterdir()):
        if path.is_symlink() and links.get(path.name) != os.readlink(path):  # noqa: PTH115  (compared as a text)
            path.unlink()
    present = set(os.listdir(folder))  # noqa: PTH208  (thousands of them)
    for name, target in links.items():
        if name not in present:
            os.symlink(target, f"{folder}{os.sep}{name}")  # noqa: PTH211
    return len(links)


def _links(contents: Contents, folder: Path) -> dict[str, str]:
    """Names of links and what they lead to, for runs that have event files."""
    found: dict[str, str] = {}
    relative = functools.cache(lambda parent: os.path.relpath(parent, folder))
    for wanted, run in _named(contents):
        target = os.path.join(run.folder, FOLDER)  # noqa: PTH118  (thousands of them)
        if not os.path.isdir(target):  # noqa: PTH112
            continue
        plain = re.sub(r"[/\\\x00-\x1f]|^\.", "_", wanted).encode()[:_LONGEST].decode(errors="ignore")
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
        number = f"{section.number}. " if several else ""  # the protocol's, as in the tables
        for group in section.groups:
            for run in [*group.runs, *group.repeats]:
                yield f"{number}{group.name}, seed {run.seed}", run
    for run in contents.failures:
        yield f"{run.state} {Path(run.folder).name}", run


def _moment(contents: Contents) -> float:
    """When the last run started: the same report is the same file."""
    return unix_seconds(max((run.started for _, run in _named(contents)), default=""))
