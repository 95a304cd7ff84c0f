"""The output files of a document: pages, figures, tables and TensorBoard events, each written atomically."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import filelock

from hydrarec.core.console import progress
from hydrarec.core.errors import EnvironmentFault
from hydrarec.core.files import atomic_write
from hydrarec.reports.document import Document
from hydrarec.reports.writers import csv_file, event_file, html_page, markdown


@dataclass(frozen=True)
class Output:
    """The files of a document.

    Attributes:
        markdown, html: the pages. figures: folder of ``<name>.png`` and ``.pdf``.
        events: TensorBoard's file, with the page as a text called ``tag``, and the pictures.
        logdir: the folder to start TensorBoard on.
        moment: timestamp in the event file, unix seconds, so that the same document gives the same file.
        lock: lock file that excludes other processes during writing; None if the caller holds a lock.
        fix: suggested fix if writing fails.
    """

    markdown: Path
    html: Path
    figures: Path
    events: Path
    tag: str
    logdir: Path
    moment: float
    lock: Path | None = None
    fix: str = "output_dir=<another folder>"

    @classmethod
    def in_folder(cls, folder: Path, name: str, tag: str, moment: float, lock: Path | None = None) -> Output:
        """Put all files into one folder."""
        logdir = folder / "tensorboard"
        events = logdir / f"events.out.tfevents.0.{tag.lower()}"
        return cls(folder / f"{name}.md", folder / f"{name}.html", folder, events, tag, logdir, moment, lock)

    @property
    def tables(self) -> Path:
        """The folder of the ``<name>.csv`` files, next to the pages that link to them."""
        return self.html.parent

    def write(self, document: Document, values: Sequence[event_file.Value] = ()) -> None:
        """Write figures and tables, then the pages that show them; ``values``: further TensorBoard values.

        Raises:
            EnvironmentFault: a folder cannot be written.
        """
        figures = Path(os.path.relpath(self.figures, self.tables)).as_posix()
        prefix = "" if figures == "." else f"{figures}/"
        with self.writing():
            for folder in (self.figures, self.tables, self.events.parent):
                folder.mkdir(parents=True, exist_ok=True)
            with filelock.FileLock(self.lock) if self.lock else contextlib.nullcontext():
                self._draw(document)
                for table in document.tables:
                    write_text(self.tables / f"{table.name}.csv", csv_file.render(table))
                drawn = {each.name: (self.figures / f"{each.name}.png").read_bytes() for each in document.figures}
                shown = [event_file.text(self.tag, markdown.render(document, figures=None))]
                shown += [event_file.image(name, png) for name, png in drawn.items()]
                with atomic_write(self.events) as file:
                    file.write(event_file.event_file([*shown, *values], self.moment))
                write_text(self.markdown, markdown.render(document, figures=prefix))
                write_text(self.html, html_page.render(document, figures=prefix, images=drawn))

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """Turn an ``OSError`` into an :class:`EnvironmentFault`."""
        try:
            yield
        except OSError as error:
            raise EnvironmentFault(
                f"{self.tables} cannot be written: {error.strerror}",
                expected="a folder that may be written",
                fix=self.fix,
                value=str(self.tables),
            ) from error

    def _draw(self, document: Document) -> None:
        """Save the figures; delete stale files of figures that have nothing to show now."""
        for picture in document.pictures:
            if picture.drawing is None:
                for path in (self.figures / f"{picture.name}.png", self.figures / f"{picture.name}.pdf"):
                    path.unlink(missing_ok=True)
                (self.tables / f"{picture.name}.csv").unlink(missing_ok=True)
        if not document.figures:
            return
        from hydrarec.figures.style import save  # matplotlib takes half a second to import

        with progress("drawing", total=len(document.figures), unit="figures") as advance:
            for picture in document.figures:
                if picture.figure is not None:
                    save(picture.figure, self.figures / picture.name)
                advance(1)


def write_text(path: Path, text: str) -> None:
    """Replace a text file atomically."""
    with atomic_write(path, "w") as file:
        file.write(text)
