"""Principal components: how many exceed chance, where the items lie, and which items are at either end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from hydrarec.analysis.extremes import Extremes, extremes, most_rated
from hydrarec.analysis.main_genre import main_genres
from hydrarec.figures import component_plots as figures
from hydrarec.reports.document import Picture, Section
from hydrarec.reports.embeddings.analysis_settings import AnalyzeConfig, ComponentConfig
from hydrarec.reports.embeddings.analysis_subject import Subject
from hydrarec.reports.embeddings.projection import Projection, project
from hydrarec.reports.embeddings.publication import table

GENRES = 7  # most genres that colours can distinguish


def of_most_rated(subject: Subject, settings: AnalyzeConfig | ComponentConfig) -> tuple[Projection, Section] | None:
    """The components over the ``top_n`` most rated items, and their section; None if there is nothing to compute."""
    items = most_rated(subject.data.item_counts, settings.top_n)
    if subject.item_vectors is None or len(items) < 2:
        return None
    projection = project(subject.item_vectors, items, settings)
    return projection, section(subject, projection, settings)


def section(subject: Subject, projection: Projection, settings: AnalyzeConfig | ComponentConfig) -> Section:
    """The section on one projection."""
    scores, least = projection.over_all(subject.data.num_items), settings.min_ratings
    counts = subject.data.item_counts
    at_ends = [extremes(column, counts, k=settings.extremes, min_ratings=least) for column in scores.T]
    pictures = [_scree(projection)]
    if len(projection.names) >= 2:
        pictures.append(_scatter(subject, projection, settings.titled))
    if len(at_ends[0].lowest):
        pictures.append(_ends(subject, projection, at_ends))
    coordinates = pd.DataFrame(projection.found.scores, columns=projection.names)
    everything = pd.concat([subject.described(projection.items), coordinates], axis=1)
    at_either = f"Lowest and highest items on each component, among those with {least} ratings or more."
    return Section(
        "Principal components of the item embeddings",
        [
            _about(subject, projection),
            *_adapted(subject, projection, settings, len(at_ends[0].lowest)),
            *pictures,
            table("components", "Variance along the components.", _variances(projection), range(len(projection.names))),
            table("extremes", at_either, _extremes(subject, projection, at_ends)),
            table("projection", "These items on the components.", everything, shown=()),
        ],
        [_kept(projection)],
    )


def _about(subject: Subject, projection: Projection) -> str:
    total = int((subject.data.item_counts > 0).sum())
    number = len(projection.items)
    which = f"the {number:,} most rated of {total:,} items" if number < total else f"all {number:,} rated items"
    centring = "the mean embedding subtracted" if projection.centred else "nothing subtracted (uncentred)"
    return f"Computed over {which}, {centring}. {_kept(projection)}"


def _kept(projection: Projection) -> str:
    if projection.parallel is None:
        return "Embeddings of one dimension have one component; there is nothing to compare it with."
    total = len(projection.parallel.observed)
    share = projection.found.share[: projection.kept].sum()
    return (
        f"Parallel analysis keeps {projection.kept} of {total} components ({share:.0%} of the variance): so many exceed "
        "what shuffled embeddings reach."
    )


def _adapted(
    subject: Subject, projection: Projection, settings: AnalyzeConfig | ComponentConfig, shown: int
) -> list[str]:
    """Notes on settings that could not be met. ``shown``: items at either end."""
    notes, least = [], settings.min_ratings
    if len(projection.names) < settings.components:
        notes.append(f"{settings.components} components were asked for; there are {len(projection.names)}.")
    if shown < settings.extremes:
        enough = int((subject.data.item_counts[projection.items] >= least).sum())
        notes.append(
            f"{enough} of these items {'has' if enough == 1 else 'have'} {least} ratings or more: "
            f"{shown or 'none'} at either end, where {settings.extremes} were asked for; a lower min_ratings shows more."
        )
    return [" ".join(notes)] if notes else []


def _variances(projection: Projection) -> dict[str, Any]:
    found, parallel = projection.found, projection.parallel
    numbers = range(1, len(found.variance) + 1)
    return {
        "component": [f"PC{number}" for number in numbers],
        "variance": found.variance,
        "share": found.share,
        "cumulative share": found.share.cumsum(),
        "shuffled": np.full(len(numbers), np.nan) if parallel is None else parallel.null,
        "kept": ["yes" if number <= projection.kept else "no" for number in numbers],
    }


def _extremes(subject: Subject, projection: Projection, at_ends: Sequence[Extremes]) -> pd.DataFrame:
    scores = projection.over_all(subject.data.num_items)
    frames = []
    for name, found in zip(projection.names, at_ends, strict=True):
        for end, items in (("lowest", found.lowest), ("highest", found.highest)):
            columns = dict(zip(projection.names, scores[items].T, strict=True))
            labels = {"component": name, "end": end, "place": range(1, len(items) + 1)}
            frames.append(subject.described(items, columns, **labels))
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
    return Picture("scatter", caption, figure, wide=True)


def _ends(subject: Subject, projection: Projection, at_ends: Sequence[Extremes]) -> Picture:
    scores = projection.over_all(subject.data.num_items)
    values = [(column[found.lowest], column[found.highest]) for column, found in zip(scores.T, at_ends, strict=True)]
    titles = [
        ([subject.labels[item] for item in found.lowest], [subject.labels[item] for item in found.highest])
        for found in at_ends
    ]
    figure = figures.ends(values, titles, projection.names)
    return Picture("extremes", "Items at either end of each component.", figure, wide=True)
