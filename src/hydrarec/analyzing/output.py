"""Where an analysis goes: figures, tables, a page, and a folder for TensorBoard; each file is whole or absent."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from hydrarec import event_file
from hydrarec.analyzing import page
from hydrarec.analyzing.contents import Section
from hydrarec.analyzing.projector import Projector
from hydrarec.analyzing.projector import write as write_projector
from hydrarec.console import progress
from hydrarec.figures import style
from hydrarec.files import atomic_write
from hydrarec.runs import RunFolder

EVENTS = "events.out.tfevents.0.analysis"


@dataclass(frozen=True)
class Output:
    """Attributes:
    figures: folder of ``<name>.png`` and ``.pdf``. tables: folder of ``<name>.csv`` and of the page.
    tensorboard: folder of an event file with the pictures and the page, and of the projector's files.
    moment: unix seconds that the event file bears; the run's own, so that the same analysis is the same file.
    """

    figures: Path
    tables: Path
    tensorboard: Path
    moment: float

    @classmethod
    def of_run(cls, folder: RunFolder) -> Output:
        """A run's own; the caller holds its lock."""
        return cls(folder.figures, folder.analysis, folder.tensorboard / "analysis", started(folder))

    @classmethod
    def of_several(cls, folder: Path, moment: float) -> Output:
        """One folder for all, made for an analysis of several runs."""
        return cls(folder, folder, folder / "tensorboard", moment)

    @property
    def page(self) -> Path:
        return self.tables / page.NAME

    def write(
        self, title: str, intro: Sequence[str], sections: Sequence[Section], projector: Projector | None = None
    ) -> None:
        """Figures and tables first, then the page that shows them."""
        self.write_parts(title, intro, sections, projector)
        links = page.relative(self.figures, self.tables)
        with atomic_write(self.page, "w") as file:
            file.write(page.render(title, intro, sections, figures=links))

    def write_parts(
        self, title: str, intro: Sequence[str], sections: Sequence[Section], projector: Projector | None
    ) -> None:
        """Everything but the page."""
        for folder in (self.tables, self.tensorboard):
            folder.mkdir(parents=True, exist_ok=True)
        pictures = [picture for section in sections for picture in section.pictures]
        with progress("drawing", total=len(pictures), unit="figures") as advance:
            for picture in pictures:
                style.save(picture.figure, self.figures / picture.name)
                advance(1)
        for section in sections:
            for table in section.tables:
                _write_csv(table.frame, self.tables / f"{table.name}.csv")
        if projector is not None:
            write_projector(projector, self.tensorboard)
        values = [event_file.text("Analysis", page.render(title, intro, sections, figures=None))]
        values += [event_file.image(each.name, (self.figures / f"{each.name}.png").read_bytes()) for each in pictures]
        with atomic_write(self.tensorboard / EVENTS) as file:
            file.write(event_file.event_file(values, self.moment))


def started(folder: RunFolder) -> float:
    """When a run began, unix seconds; 0 where its record does not tell."""
    text = str((folder.read_record().get("provenance") or {}).get("started"))
    try:
        return datetime.datetime.fromisoformat(text).timestamp()
    except ValueError:
        return 0.0


def _write_csv(frame: pd.DataFrame, path: Path) -> None:
    with atomic_write(path, "w") as file:
        frame.to_csv(file, index=False, lineterminator="\n", float_format="%.7g")
