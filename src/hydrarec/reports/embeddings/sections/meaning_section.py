"""Correlations of components with genres, release year, popularity and mean rating, strongest first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from hydrarec.analysis.attributes import YEAR, Attributes, item_attributes
from hydrarec.analysis.meaning import Correlation, correlations, sentence
from hydrarec.figures import forest_plots as figures
from hydrarec.reports.document import Picture, Section
from hydrarec.reports.embeddings.analysis_settings import AnalyzeConfig
from hydrarec.reports.embeddings.analysis_subject import Subject
from hydrarec.reports.embeddings.projection import Projection
from hydrarec.reports.embeddings.publication import table
from hydrarec.runs.run_data import RunData

DRAWN = 10  # correlations per component in the figure
SHOWN = 6  # correlations per component on the page


def section(subject: Subject, projection: Projection, settings: AnalyzeConfig) -> Section | None:
    """The section on the components' correlations; None if no item attribute varies."""
    data, items, level = subject.data, projection.items, settings.level
    attributes = item_attributes(
        None if data.titles is None else [data.titles[item] for item in items],
        None if data.genres is None else [data.genres[item] for item in items],
        data.item_counts[items],
        data.item_means[items],
    )
    scores, resamples = projection.found.scores, settings.resamples
    rows = correlations(scores, attributes, level=level, resamples=resamples, seed=settings.seed)
    if not rows:
        return None
    by_component = {
        name: found
        for number, name in enumerate(projection.names)
        if (found := [row for row in rows if row.component == number])
    }
    sentences = [sentence(found) for found in by_component.values()]
    strongest = [id(row) for found in by_component.values() for row in found[:SHOWN]]
    shown = [place for place, row in enumerate(rows) if id(row) in strongest]
    panels = [(name, found[:DRAWN]) for name, found in by_component.items()]
    caption = f"The strongest correlations of each component, with {level:.0%} bootstrap intervals over items."
    return Section(
        "What the components mean",
        [
            *sentences,
            _about(level),
            *_missing(data, attributes),
            Picture("meaning", caption, figures.correlations(panels, level), wide=True),
            table("meaning", "Correlations, strongest first.", _columns(rows), shown),
        ],
        sentences,
    )


def _about(level: float) -> str:
    return (
        "Named are attributes whose correlation r is beyond chance: its bootstrap interval leaves out 0, and its p, "
        f"corrected for all attributes and components (Holm), is below {1 - level:.2g}. Popularity is log(1 + ratings); the "
        "sign of a component means nothing by itself."
    )


def _missing(data: RunData, attributes: Attributes) -> list[str]:
    """A note on item attributes that the data lack."""
    absent = [] if any(data.genres or ()) else ["genres"]
    if YEAR not in attributes.names or np.isnan(attributes.values[:, attributes.names.index(YEAR)]).all():
        absent.append("release years")
    return [f"The data have no {' and no '.join(absent)}."] if absent else []


def _columns(rows: Sequence[Correlation]) -> dict[str, list[Any]]:
    names = {"attribute": "attribute", "r": "r", "low": "low", "high": "high", "items": "count", "p": "p"}
    names["p corrected"] = "holm"
    return {
        "component": [f"PC{row.component + 1}" for row in rows],
        **{name: [getattr(row, key) for row in rows] for name, key in names.items()},
        "beyond chance": ["yes" if row.significant else "no" for row in rows],
    }
