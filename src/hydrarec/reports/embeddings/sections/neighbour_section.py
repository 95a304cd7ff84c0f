"""Nearest neighbours of items in the embedding space."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from hydrarec.analysis.neighbours import NONE, nearest_neighbours
from hydrarec.reports.document import Section
from hydrarec.reports.embeddings.analysis_settings import AnalyzeConfig
from hydrarec.reports.embeddings.analysis_subject import Floats, Subject
from hydrarec.reports.embeddings.publication import table

NAMES = {"cosine": "cosine similarity", "inner": "inner product"}


def section(subject: Subject, vectors: Floats, queries: Sequence[int], settings: AnalyzeConfig) -> Section:
    """The neighbours of ``queries`` (item indices); the terminal shows those of an item named in the settings."""
    counts, k = subject.data.item_counts, settings.k
    enough = np.flatnonzero(counts >= settings.min_ratings)
    among = enough if len(enough) > k else np.flatnonzero(counts > 0)
    measure = NAMES[settings.metric]
    found = nearest_neighbours(vectors, k=k, measure=settings.metric, queries=np.array(queries, np.int64), among=among)
    frames, summary = [], []
    for query, items, similarities in zip(queries, found.items, found.similarities, strict=True):
        known = items[items != NONE]
        label, places = subject.labels[query], range(1, len(known) + 1)
        ranked = {"of": label, "place": places, measure: similarities[: len(known)]}
        frames.append(subject.described(known, **ranked))
        summary.append(f"nearest to {label}:")
        summary += [
            f"{place:>3}. {value:+.3f}  {subject.labels[item]}"
            for place, item, value in zip(places, known, similarities, strict=False)
        ] or ["  none: its embedding has no direction"]
    lead = f"By {measure} of the item embeddings, among the {len(among):,} items with {counts[among].min()} ratings or more."
    neighbours = table("neighbours", "Nearest first.", pd.concat(frames, ignore_index=True))
    return Section("Nearest neighbours", [lead, neighbours], summary if settings.item is not None else [])
