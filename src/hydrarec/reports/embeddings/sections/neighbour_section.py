"""The items nearest to an item among the embeddings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import pandas as pd

from hydrarec.analysis.neighbours import NONE, nearest_neighbours
from hydrarec.reports.embeddings.analysis_subject import Floats, Subject
from hydrarec.reports.embeddings.section_contents import Section, Table

NAMES = {"cosine": "cosine similarity", "inner": "inner product"}


def section(
    subject: Subject,
    vectors: Floats,
    queries: Sequence[int],
    *,
    k: int,
    metric: Literal["cosine", "inner"],
    min_ratings: int,
    said: bool,
) -> Section:
    """``queries``: item indices. ``k``: neighbours of each, with ``min_ratings`` or more. ``said``: on the terminal."""
    counts = subject.data.item_counts
    enough = np.flatnonzero(counts >= min_ratings)
    among = enough if len(enough) > k else np.flatnonzero(counts > 0)
    found = nearest_neighbours(vectors, k=k, measure=metric, queries=np.array(queries, np.int64), among=among)
    frames, summary = [], []
    for query, items, similarities in zip(queries, found.items, found.similarities, strict=True):
        there = items[items != NONE]
        frame = subject.described(there)
        frame.insert(0, NAMES[metric], similarities[: len(there)])
        frame.insert(0, "place", range(1, len(there) + 1))
        frame.insert(0, "of", subject.labels[query])
        frames.append(frame)
        summary += _said(subject, query, there, similarities)
    return Section(
        title="Nearest neighbours",
        text=[
            f"By {NAMES[metric]} of the item embeddings, among the {len(among):,} items with {counts[among].min()} ratings or more."
        ],
        tables=[Table("neighbours", "Nearest first.", pd.concat(frames, ignore_index=True))],
        summary=summary if said else [],
    )


def _said(subject: Subject, query: int, items: Sequence[int], similarities: Floats) -> list[str]:
    named = [
        f"{place:>3}. {value:+.3f}  {subject.labels[item]}"
        for place, (item, value) in enumerate(zip(items, similarities, strict=False), 1)
    ]
    return [f"nearest to {subject.labels[query]}:", *(named or ["  none: its embedding has no direction"])]
