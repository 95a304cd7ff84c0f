"""What an analysis consists of, before it is written anywhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import pandas as pd
from matplotlib.figure import Figure


@dataclass(frozen=True, eq=False)
class Table:
    """Attributes:
    name: of its CSV file, which holds all rows. caption: what it says, for the page.
    shown: what the page shows of it, None: all; without rows, the page only names the file.
    """

    name: str
    caption: str
    frame: pd.DataFrame
    shown: pd.DataFrame | None = None

    @classmethod
    def of_file(cls, name: str, caption: str, frame: pd.DataFrame) -> Table:
        """One that is too long for a page."""
        return cls(name, caption, frame, frame.head(0))


@dataclass(frozen=True, eq=False)
class Picture:
    """Attributes:
    name: of its files. caption: what it shows, for the page.
    """

    name: str
    caption: str
    figure: Figure


@dataclass(frozen=True, eq=False)
class Section:
    """Attributes:
    text: paragraphs. summary: lines for the terminal.
    """

    title: str
    text: Sequence[str] = ()
    pictures: Sequence[Picture] = ()
    tables: Sequence[Table] = ()
    summary: Sequence[str] = field(default=())
