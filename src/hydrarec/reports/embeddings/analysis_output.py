"""Where an analysis goes: figures, tables, a page, and a folder for TensorBoard; each file is whole or absent."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import filelock

from hydrarec.core.console import progress
from hydrarec.core.files import atomic_write
from hydrarec.figures import style
from hydrarec.reports.embeddings import analysis_page as page
from hydrarec.reports.embeddings.projector import Projector
from hydrarec.reports.embeddings.projector import write as write_projector
from hydrarec.reports.embeddings.section_contents import Picture, Section
from hydrarec.reports.writers import event_file
from hydrarec.runs.reader import RunReader

EVENTS = "events.out.tfevents.0.analysis"


@dataclass(frozen=True)
class Output:
    """Attributes:
    figures: folder of ``<name>.png`` and ``.pdf``. tables: folder of ``<name>.csv`` and of the page.
    tensorboard: folder of an event file with the pictures and the page, and of the projector's files.
    moment: unix seconds that the event file bears; the run's own, so that the same analysis is the same file.
    lock: a file that keeps other analyses away while this one writes; None where the caller holds the run's.
    """

    figures: Path
    tables: Path
    tensorboard: Path
    moment: float
    lock: Path | None

    @classmethod
    def of_run(cls, folder: RunReader) -> Output:
        """A run's own; the caller holds its lock."""
        return cls(folder.figures, folder.analysis, folder.tensorboard / "analysis", folder.read_start(), None)

    @classmethod
    def of_several(cls, folder: Path, moment: float) -> Output:
        """One folder for all, made for an analysis of several runs."""
        return cls(folder, folder, folder / "tensorboard", moment, folder / ".lock")

    @property
    def page(self) -> Path:
        return self.tables / page.NAME

    def write(
        self, title: str, intro: Sequence[str], sections: Sequence[Section], projector: Projector | None = None
    ) -> None:
        """Figures and tables first, then the page that shows them."""
        for folder in (self.figures, self.tables, self.tensorboard):
            folder.mkdir(parents=True, exist_ok=True)
        with filelock.FileLock(self.lock) if self.lock else contextlib.nullcontext():
            self._draw([picture for section in sections for picture in section.pictures])
            for table in (table for section in sections for table in section.tables):
                with atomic_write(self.tables / f"{table.name}.csv", "w") as file:
                    table.frame.to_csv(file, index=False, lineterminator="\n", float_format="%.7g")
            if projector is not None:
                write_projector(projector, self.tensorboard)
            self._write_events(page.render(title, intro, sections, figures=None), sections)
            with atomic_write(self.page, "w") as file:
                file.write(page.render(title, intro, sections, figures=page.relative(self.figures, self.tables)))

    def _draw(self, pictures: Sequence[Picture]) -> None:
        with progress("drawing", total=len(pictures), unit="figures") as advance:
            for picture in pictures:
                style.save(picture.figure, self.figures / picture.name)
                advance(1)

    def _write_events(self, text: str, sections: Sequence[Section]) -> None:
        names = [picture.name for section in sections for picture in section.pictures]
        values = [event_file.text("Analysis", text)]
        values += [event_file.image(name, (self.figures / f"{name}.png").read_bytes()) for name in names]
        with atomic_write(self.tensorboard / EVENTS) as file:
            file.write(event_file.event_file(values, self.moment))
