"""What the components mean: genres, release year, popularity, mean rating, strongest first."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from hydrarec.analysis.attributes import YEAR, Attributes, item_attributes
from hydrarec.analysis.meaning import Correlation, correlations, sentence
from hydrarec.figures import forest_plots as figures
from hydrarec.reports.embeddings.analysis_subject import Subject
from hydrarec.reports.embeddings.projection import Projection
from hydrarec.reports.embeddings.section_contents import Picture, Section, Table
from hydrarec.runs.run_data import RunData

DRAWN = 10  # correlations of a component in the figure
SHOWN = 6  # and on the page


def section(subject: Subject, projection: Projection, *, level: float, resamples: int, seed: int) -> Section | None:
    """None where nothing that is known of the items varies."""
    data, items = subject.data, projection.items
    attributes = item_attributes(
        None if data.titles is None else [data.titles[item] for item in items],
        None if data.genres is None else [data.genres[item] for item in items],
        data.item_counts[items],
        data.item_means[items],
    )
    rows = correlations(projection.found.scores, attributes, level=level, resamples=resamples, seed=seed)
    if not rows:
        return None
    of_component = [[row for row in rows if row.component == number] for number in range(len(projection.names))]
    names = [name for name, found in zip(projection.names, of_component, strict=True) if found]
    of_component = [found for found in of_component if found]
    sentences = [sentence(found) for found in of_component]
    strongest = [row for found in of_component for row in found[:SHOWN]]
    panels = [(name, found[:DRAWN]) for name, found in zip(names, of_component, strict=True)]
    caption = f"The strongest correlations of each component, with {level:.0%} bootstrap intervals over items."
    return Section(
        title="What the components mean",
        text=[*sentences, _about(level), *_missing(data, attributes)],
        pictures=[Picture("meaning", caption, figures.correlations(panels, level))],
        tables=[Table("meaning", "Correlations, strongest first.", _frame(rows), _frame(strongest))],
        summary=sentences,
    )


def _about(level: float) -> str:
    return (
        "Named are attributes whose correlation r is beyond chance: its bootstrap interval leaves out 0, and its p, "
        f"corrected for all attributes and components (Holm), is below {1 - level:.2g}. Popularity is log(1 + ratings); the "
        "sign of a component means nothing by itself."
    )


def _missing(data: RunData, attributes: Attributes) -> list[str]:
    """What the data do not tell of the items."""
    absent = [] if any(data.genres or ()) else ["genres"]
    if YEAR not in attributes.names or np.isnan(attributes.values[:, attributes.names.index(YEAR)]).all():
        absent.append("release years")
    return [f"The data name no {' and no '.join(absent)}."] if absent else []


def _frame(rows: Sequence[Correlation]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "component": [f"PC{row.component + 1}" for row in rows],
            "attribute": [row.attribute for row in rows],
            "r": [row.r for row in rows],
            "low": [row.low for row in rows],
            "high": [row.high for row in rows],
            "items": [row.count for row in rows],
            "p": [row.p for row in rows],
            "p corrected": [row.holm for row in rows],
            "beyond chance": ["yes" if row.significant else "no" for row in rows],
        }
    )
