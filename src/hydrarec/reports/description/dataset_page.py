"""The description of a dataset as a document: contents, origin, and the next command to run."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hydrarec.analysis.description import Description
from hydrarec.data.datasets.base import About
from hydrarec.reports.description import description_tables as tables
from hydrarec.reports.description.description_settings import filtered_by
from hydrarec.reports.description.pictures import pictures
from hydrarec.reports.document import Block, Document, Section, Table, Text
from hydrarec.reports.output import Output
from hydrarec.reports.writers import event_file

SMALL = 2048  # with fewer ratings, a training part may not fill a default batch
COLUMNS = ("ratings per", "number", "least", "median", "mean", "most", "top 1%", "top 10%", "Gini")  # fit in a terminal


@dataclass(frozen=True)
class Subject:
    """A described dataset.

    Attributes:
        found: its statistics. about: its origin.
        filtering: the filter's counts from :meth:`hydrarec.data.filters.Filter.report`.
        chosen: the overrides that selected dataset and filter.
    """

    found: Description
    about: About
    filtering: dict[str, Any]
    chosen: list[str]

    @property
    def left_out(self) -> list[str]:
        """The counts left by the filter, in words; empty if it removed nothing."""
        before, after = self.filtering["before"], self.filtering["after"]
        counts = (f"{after[what]:,} of {before[what]:,} {what}" for what in ("ratings", "users", "items"))
        words = f"The filter ({', '.join(filtered_by(self.filtering))}) left {', '.join(counts)}."
        return [] if before == after else [words]

    @property
    def next_command(self) -> str:
        """The command for a first run: equal ratings allow only ranking, and a split by time needs timestamps."""
        data, more = self.found.interactions, []
        if len(self.found.bars.counts) == 1:
            more.append("task=ranking")
        if self.found.parts is not None:
            more.append("split=given")
        elif more and data.timestamps is None:
            more += ["split=user_ratio", "split.order=random"]
        if len(data) < SMALL:
            more.append(f"task.datamodule.batch_size={1 << max(0, (len(data) // 4).bit_length() - 1)}")
        return shlex.join(["hydrarec-train", *self.chosen, *more])


def publish(subject: Subject, folder: Path) -> tuple[Document, Output]:
    """Write the description into ``folder``; return the document and its files.

    Raises:
        EnvironmentFault: the folder cannot be written.
    """
    found = subject.found
    described = document(subject)
    output = Output.in_folder(folder, "describe", "Description", moment=float((found.span or (0, 0))[1]))
    histograms = [
        event_file.histogram("ratings", found.interactions.ratings),
        # log counts, because TensorBoard has no logarithmic axis
        event_file.histogram("ratings_per_user_log10", np.log10(found.per_user)),
        event_file.histogram("ratings_per_item_log10", np.log10(found.per_item)),
    ]
    output.write(described, histograms)
    return described, output


def document(subject: Subject) -> Document:
    """The page of a dataset: its origin, then pictures and tables."""
    found = subject.found
    drawn = {picture.name: picture for picture in pictures(found)}
    spread, timeline = tables.spread(found), found.timeline
    sections = [
        Section("Size", ["Users and items are those with ratings.", tables.sizes_table(found)]),
        Section("Ratings", [drawn["rating_histogram"], tables.rating_histogram(found)]),
        Section(
            "Ratings per user and per item",
            [
                "Top 1% and top 10%: the share of all ratings that belong to the users or items with most ratings. "
                "Gini: 0 if all have equally many, towards 1 the fewer have them all.",
                drawn["ratings_per_user"],
                drawn["ratings_per_item"],
                spread,
                tables.rating_frequencies("user", found.per_user),
                tables.rating_frequencies("item", found.per_item),
            ],
        ),
        Section(
            "Ratings over time",
            [drawn["ratings_over_time"], *([] if timeline is None else [tables.ratings_over_time(timeline)])],
        ),
        Section(
            "The most active users and the most rated items",
            [
                "Of users or items with equally many ratings, those whose ids come first.",
                drawn["cross_tab"],
                tables.cross_tab(found),
                tables.most_active_users(found),
                tables.most_rated_items(found),
            ],
        ),
    ]
    name = found.interactions.name
    return Document(name, _lead(subject), sections, _summary(subject, spread), subject.next_command)


def _lead(subject: Subject) -> list[Block]:
    about = subject.about
    lead: list[Block] = [about.citation.strip()] if about.citation else []
    lead += [Text(about.homepage, "link")] if about.homepage else []
    lead += [f"Licence: {about.licence}."] if about.licence else []
    commands: list[Block] = [Text(shlex.join(["hydrarec-describe", *subject.chosen]), "command"), "A first run on it:"]
    return [*lead, *subject.left_out, "This page:", *commands, Text(subject.next_command, "command")]


def _summary(subject: Subject, spread: Table) -> list[str | Table]:
    found, data = subject.found, subject.found.interactions
    shown = {name: cell.text for name, cell in tables.sizes(found).items()}
    amounts = [f"{shown[f'{one}s']} {one}{'s' * (shown[f'{one}s'] != '1')}" for one in ("rating", "user", "item")]
    ratings = f"ratings from {shown['lowest rating allowed']} to {shown['highest rating allowed']}"
    ratings += f", mean {shown['mean rating']}, sd {shown['standard deviation']}"
    if len(found.bars.counts) == 1:
        ratings = f"all ratings are {found.bars.low[0]:.7g}"
    when = "; without times" if data.timestamps is None else f"; {tables.period(*found.span)}" if found.span else ""
    size = f"{data.name}: {', '.join(amounts)}, density {shown['density']}"
    return [size, *subject.left_out, ratings + when, spread.select(*COLUMNS)]
