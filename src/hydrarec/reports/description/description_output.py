"""Write a description into its folder: the page, a CSV file per table, pictures as PNG and PDF, a view for TensorBoard."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from hydrarec.core.errors import EnvironmentFault
from hydrarec.core.files import atomic_write
from hydrarec.figures.style import FORMATS, save
from hydrarec.reports.description.description_page import page
from hydrarec.reports.description.description_subject import Subject
from hydrarec.reports.description.description_tables import tables
from hydrarec.reports.description.pictures import Picture, pictures
from hydrarec.reports.writers import event_file

PAGE = "describe.md"
TENSORBOARD = "tensorboard"
STEPS = 6  # that `publish` takes


def publish(subject: Subject, folder: Path, advance: Callable[[float], None]) -> list[Picture]:
    """Write everything, and take away what an earlier description left that this one has not; the pictures.

    ``advance(1)`` is called after each of :data:`STEPS` steps.

    Raises:
        EnvironmentFault: the folder cannot be written.
    """
    with _writing(folder):
        (folder / TENSORBOARD).mkdir(parents=True, exist_ok=True)
        shown = list(pictures(subject.found))
        for picture in shown:
            _draw(picture, folder)
            advance(1)
        written = tables(subject.found)
        for table in written:
            _write(folder / f"{table.name}.csv", table.comma_separated())
        if subject.found.timeline is None:
            (folder / "ratings_over_time.csv").unlink(missing_ok=True)
        text = page(subject, written, shown, linked=False)
        with atomic_write(folder / TENSORBOARD / "events.out.tfevents.0.description") as file:
            events = _events(subject, text, shown, folder)
            file.write(event_file.event_file(events, moment=float((subject.found.span or (0, 0))[1])))
        _write(folder / PAGE, page(subject, written, shown, linked=True))
        advance(1)
    return shown


def _draw(picture: Picture, folder: Path) -> None:
    if picture.draw is None:
        for kind in FORMATS:
            (folder / f"{picture.name}.{kind}").unlink(missing_ok=True)
        return
    save(picture.draw(), folder / picture.name)


def _events(subject: Subject, text: str, shown: list[Picture], folder: Path) -> list[event_file.Value]:
    """The page, the pictures, and histograms; those of counts on a logarithmic axis, which TensorBoard itself has not."""
    found = subject.found
    values = [event_file.text("Description", text)]
    drawn = [picture.name for picture in shown if picture.draw is not None]
    values += [event_file.image(name, (folder / f"{name}.png").read_bytes()) for name in drawn]
    values.append(event_file.histogram("ratings", found.interactions.ratings))
    values.append(event_file.histogram("ratings_per_user_log10", np.log10(found.per_user)))
    values.append(event_file.histogram("ratings_per_item_log10", np.log10(found.per_item)))
    return values


def _write(path: Path, text: str) -> None:
    with atomic_write(path, "w") as file:
        file.write(text)


@contextlib.contextmanager
def _writing(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise EnvironmentFault(
            f"the description {folder} cannot be written: {error.strerror}",
            expected="a folder that may be written",
            fix="output_dir=<another folder>",
            value=str(folder),
        ) from error
