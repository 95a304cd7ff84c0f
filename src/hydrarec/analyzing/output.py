"""Where an analysis goes: figures, tables, a page, and a folder for TensorBoard; each file is whole or absent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from hydrarec.analyzing import page
from hydrarec.analyzing.contents import Section
from hydrarec.console import progress
from hydrarec.figures import style
from hydrarec.files import atomic_write
from hydrarec.runs import RunFolder


@dataclass(frozen=True)
class Output:
    """Attributes:
    figures: folder of ``<name>.png`` and ``.pdf``. tables: folder of ``<name>.csv`` and of the page.
    """

    figures: Path
    tables: Path

    @classmethod
    def of_run(cls, folder: RunFolder) -> Output:
        """A run's own; the caller holds its lock."""
        return cls(folder.figures, folder.analysis)

    @classmethod
    def of_several(cls, folder: Path) -> Output:
        """One folder for all, made by itself for an analysis of several runs."""
        return cls(folder, folder)

    @property
    def page(self) -> Path:
        return self.tables / page.NAME

    def write(self, title: str, intro: Sequence[str], sections: Sequence[Section]) -> None:
        """Figures and tables first, then the page that shows them."""
        self.write_parts(sections)
        links = page.relative(self.figures, self.tables)
        with atomic_write(self.page, "w") as file:
            file.write(page.render(title, intro, sections, figures=links))

    def write_parts(self, sections: Sequence[Section]) -> None:
        """Figures and tables without a page."""
        self.tables.mkdir(parents=True, exist_ok=True)
        pictures = [picture for section in sections for picture in section.pictures]
        with progress("drawing", total=len(pictures), unit="figures") as advance:
            for picture in pictures:
                style.save(picture.figure, self.figures / picture.name)
                advance(1)
        for section in sections:
            for table in section.tables:
                _write_csv(table.frame, self.tables / f"{table.name}.csv")


def _write_csv(frame: pd.DataFrame, path: Path) -> None:
    with atomic_write(path, "w") as file:
        frame.to_csv(file, index=False, lineterminator="\n", float_format="%.7g")
