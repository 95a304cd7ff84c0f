"""The end of a description, on stdout: a few lines and one table, where everything lies, and what to try next."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from rich.table import Table as RichTable
from rich.text import Text

from hydrarec.core import console, paths
from hydrarec.reports.description.description_output import PAGE, TENSORBOARD
from hydrarec.reports.description.description_subject import Subject
from hydrarec.reports.description.description_tables import period, sizes, spread
from hydrarec.reports.description.pictures import Picture

COLUMNS = ("ratings per", "number", "least", "median", "mean", "most", "top 1%", "top 10%", "Gini")  # fit in a terminal


def summary(subject: Subject, pictures: Sequence[Picture], folder: Path) -> str:
    """What is printed; with colours and links on a terminal, plain elsewhere."""
    out = console.stdout()
    shown = paths.shown(folder)
    with out.capture() as captured:
        out.print("\n".join(_words(subject)), markup=False)
        out.print(_table(subject))
        for picture in pictures:
            if picture.draw is None:
                out.print(f"no picture of {picture.name}: {picture.missing}", markup=False)
        out.print(Text("description: ").append(str(shown / PAGE), f"link {(folder.resolve() / PAGE).as_uri()}"))
        out.print(f"look at it: tensorboard --logdir {shlex.quote(str(shown / TENSORBOARD))}", markup=False)
        out.print(f"next: {subject.next_command}", markup=False)
    return captured.get()


def _words(subject: Subject) -> list[str]:
    found, data = subject.found, subject.found.interactions
    shown = {row[0]: row[1] for row in sizes(found).shown()}
    low, high = shown["lowest rating allowed"], shown["highest rating allowed"]
    amounts = [
        f"{shown[f'{one}s']} {one}{'' if shown[f'{one}s'] == '1' else 's'}" for one in ("rating", "user", "item")
    ]
    ratings = f"ratings from {low} to {high}, mean {shown['mean rating']}, sd {shown['standard deviation']}"
    if len(found.bars.counts) == 1:
        ratings = f"all ratings are {found.bars.low[0]:.7g}"
    when = "; without times" if data.timestamps is None else f"; {period(*found.span)}" if found.span else ""
    lines = [f"{subject.name}: {', '.join(amounts)}, density {shown['density']}"]
    return [*lines, *([subject.left_out] if subject.left_out else []), ratings + when]


def _table(subject: Subject) -> RichTable:
    table = spread(subject.found)
    kept = [table.header.index(name) for name in COLUMNS]
    drawn = RichTable(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name in COLUMNS:
        drawn.add_column(name, justify="left" if name == COLUMNS[0] else "right", no_wrap=True)
    for row in table.shown():
        drawn.add_row(*(row[place] for place in kept))
    return drawn
