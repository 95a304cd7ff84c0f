"""What an analysis says on the terminal: its findings in a few lines, where everything lies, and the next command."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.style import Style
from rich.text import Text

from hydrarec.core import paths
from hydrarec.reports.embeddings.analysis_output import Output
from hydrarec.reports.embeddings.section_contents import Section


@dataclass(frozen=True, eq=False)
class Summary:
    """Attributes:
    title, notes: what was analysed, and what could not be.
    tensorboard: the folder to start TensorBoard on. next: a command.
    """

    title: str
    notes: Sequence[str]
    sections: Sequence[Section]
    output: Output
    tensorboard: Path
    next: str

    def print(self, console: Console) -> None:
        """Plain lines; on a terminal with bold headings and paths to click on."""
        console.print(Text(self.title, style="bold"))
        for note in self.notes:
            console.print(Text(note))
        for section in self.sections:
            if section.summary:
                console.print(Text())
                console.print(Text(section.title, style="bold"))
                for line in section.summary:
                    console.print(Text(f"  {line}"))
        pictures = sum(len(section.pictures) for section in self.sections)
        tables = sum(len(section.tables) for section in self.sections)
        console.print(Text())
        console.print(Text("page: ") + _link(self.output.page))
        console.print(Text(f"{pictures} figures: ") + _link(self.output.figures))
        console.print(Text(f"{tables} tables: ") + _link(self.output.tables))
        console.print(Text(f"look at it: tensorboard --logdir {shlex.quote(str(paths.shown(self.tensorboard)))}"))
        console.print(Text(f"next: {self.next}"))


def _link(path: Path) -> Text:
    return Text(str(paths.shown(path)), style=Style(link=path.resolve().as_uri()))
