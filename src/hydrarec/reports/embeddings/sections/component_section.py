"""Principal components: how many are more than chance, where the items lie, and which lie at either end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import pandas as pd

from hydrarec.analysis.extremes import Extremes, extremes, most_rated
from hydrarec.analysis.main_genre import main_genres
from hydrarec.figures import component_plots as figures
from hydrarec.reports.embeddings.analysis_subject import Subject
from hydrarec.reports.embeddings.projection import Projection, project
from hydrarec.reports.embeddings.section_contents import Picture, Section, Table

GENRES = 7  # that can be told apart by colour


class Settings(Protocol):
    """What ``conf/analyze.yaml`` and ``conf/callbacks/embeddings.yaml`` both say of components."""

    @property
    def centred(self) -> bool: ...
    @property
    def level(self) -> float: ...
    @property
    def top_n(self) -> int: ...
    @property
    def components(self) -> int: ...
    @property
    def extremes(self) -> int: ...
    @property
    def min_ratings(self) -> int: ...
    @property
    def titled(self) -> int: ...
    @property
    def shuffles(self) -> int: ...
    @property
    def seed(self) -> int: ...


def of_most_rated(subject: Subject, settings: Settings) -> tuple[Projection, Section] | None:
    """The components over the ``top_n`` most rated items, and what is told of them; None where there is nothing to compute."""
    items = most_rated(subject.data.item_counts, settings.top_n)
    if subject.item_vectors is None or len(items) < 2:
        return None
    projection = project(
        subject.item_vectors,
        items,
        centred=settings.centred,
        components=settings.components,
        level=settings.level,
        shuffles=settings.shuffles,
        seed=settings.seed,
    )
    told = section(
        subject,
        projection,
        asked=settings.components,
        count=settings.extremes,
        min_ratings=settings.min_ratings,
        titled=settings.titled,
    )
    return projection, told


def section(
    subject: Subject, projection: Projection, *, asked: int, count: int, min_ratings: int, titled: int
) -> Section:
    """``asked``: components asked for. ``count``: items at either end of each, with ``min_ratings`` or more.
    ``titled``: titles in the scatter.
    """
    variances = _components(projection)
    scores = projection.over_all(subject.data.num_items)
    counts = subject.data.item_counts
    at_ends = [extremes(column, counts, k=count, min_ratings=min_ratings) for column in scores.T]
    pictures = [_scree(projection)]
    if len(projection.names) >= 2:
        pictures.append(_scatter(subject, projection, titled))
    if len(at_ends[0].lowest):
        pictures.append(_ends(subject, projection, at_ends))
    return Section(
        title="Principal components of the item embeddings",
        text=[
            _about(subject, projection),
            *_adapted(subject, projection, asked, count, at_ends, min_ratings),
        ],
        pictures=pictures,
        tables=[
            Table("components", "Variance along the components.", variances, variances.head(len(projection.names))),
            Table(
                "extremes",
                f"Lowest and highest items on each component, among those with {min_ratings} ratings or more.",
                _extremes(subject, projection, at_ends),
            ),
            Table.of_file("projection", "These items on the components.", _projection(subject, projection)),
        ],
        summary=[_kept(projection)],
    )


def _about(subject: Subject, projection: Projection) -> str:
    total = int((subject.data.item_counts > 0).sum())
    number = len(projection.items)
    which = f"the {number:,} most rated of {total:,} items" if number < total else f"all {number:,} rated items"
    centring = "the mean embedding subtracted" if projection.centred else "nothing subtracted (uncentred)"
    return f"Computed over {which}, {centring}. {_kept(projection)}"


def _kept(projection: Projection) -> str:
    if projection.parallel is None:
        return "Embeddings of one dimension have one component; there is nothing to hold it against."
    total = len(projection.parallel.observed)
    share = projection.found.share[: projection.kept].sum()
    return (
        f"Parallel analysis keeps {projection.kept} of {total} components ({share:.0%} of the variance): so many exceed "
        "what shuffled embeddings reach."
    )


def _adapted(
    subject: Subject, projection: Projection, asked: int, count: int, at_ends: Sequence[Extremes], min_ratings: int
) -> list[str]:
    """What could not be done as asked."""
    said = []
    if len(projection.names) < asked:
        said.append(f"{asked} components were asked for; there are {len(projection.names)}.")
    shown = len(at_ends[0].lowest)
    if shown < count:
        enough = int((subject.data.item_counts[projection.items] >= min_ratings).sum())
        said.append(
            f"{enough} of these items {'has' if enough == 1 else 'have'} {min_ratings} ratings or more: "
            f"{shown or 'none'} at either end, where {count} were asked for; a lower min_ratings shows more."
        )
    return [" ".join(said)] if said else []


def _components(projection: Projection) -> pd.DataFrame:
    found, parallel = projection.found, projection.parallel
    numbers = range(1, len(found.variance) + 1)
    frame = pd.DataFrame({"component": [f"PC{number}" for number in numbers], "variance": found.variance})
    frame["share"] = found.share
    frame["cumulative share"] = found.share.cumsum()
    frame["shuffled"] = np.nan if parallel is None else parallel.null
    frame["kept"] = ["yes" if number <= projection.kept else "no" for number in numbers]
    return frame


def _projection(subject: Subject, projection: Projection) -> pd.DataFrame:
    values = pd.DataFrame(projection.found.scores, columns=projection.names)
    return pd.concat([subject.described(projection.items), values], axis=1)


def _extremes(subject: Subject, projection: Projection, at_ends: Sequence[Extremes]) -> pd.DataFrame:
    scores = projection.over_all(subject.data.num_items)
    frames = []
    for name, found in zip(projection.names, at_ends, strict=True):
        for end, items in (("lowest", found.lowest), ("highest", found.highest)):
            frame = subject.described(items)
            place = list(frame.columns).index("mean rating")
            for number, column in enumerate(projection.names):
                frame.insert(place + number, column, scores[items, number])
            frame.insert(0, "place", range(1, len(items) + 1))
            frame.insert(0, "end", end)
            frame.insert(0, "component", name)
            frames.append(frame)
    return pd.concat(frames, ignore_index=True)


def _scree(projection: Projection) -> Picture:
    parallel = projection.parallel
    figure = figures.scree(projection.found.variance, None if parallel is None else parallel.null, projection.kept)
    return Picture("scree", "Variance along each component, beside what shuffled embeddings reach.", figure)


def _scatter(subject: Subject, projection: Projection, titled: int) -> Picture:
    shares = projection.found.share
    names = tuple(f"PC{number + 1} ({shares[number]:.1%} of the variance)" for number in range(2))
    titles = [subject.labels[item] for item in projection.items]
    genres = subject.data.genres
    groups = None
    caption = f"The {min(titled, len(titles))} most rated items; titles that found no room are left out."
    if genres is not None:
        groups = main_genres([genres[item] for item in projection.items[:titled]], most=GENRES)
        caption += " Colour: of an item's genres the rarest among the seven most frequent here."
    figure = figures.scatter(projection.found.scores[:, :2], titles, groups, titled, (names[0], names[1]))
    return Picture("scatter", caption, figure)


def _ends(subject: Subject, projection: Projection, at_ends: Sequence[Extremes]) -> Picture:
    scores = projection.over_all(subject.data.num_items)
    values = [(column[found.lowest], column[found.highest]) for column, found in zip(scores.T, at_ends, strict=True)]
    titles = [
        ([subject.labels[item] for item in found.lowest], [subject.labels[item] for item in found.highest])
        for found in at_ends
    ]
    return Picture("extremes", "Items at either end of each component.", figures.ends(values, titles, projection.names))
