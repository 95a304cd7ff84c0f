"""The raw embeddings: a heat map of selected items and the distribution of all values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from hydrarec.figures import embedding_maps as figures
from hydrarec.reports.document import Block, Picture, Section
from hydrarec.reports.embeddings.analysis_subject import Floats, Subject
from hydrarec.reports.embeddings.publication import table

FIRST = 20  # default number of items in the heat map (reference B4)
DRAWN = 100  # most rows of a legible heat map


def section(subject: Subject, items: Sequence[int] | None) -> Section:
    """The section with a heat map of ``items`` (indices; None for the first 20)."""
    sides = {"items": subject.item_vectors, "users": subject.user_vectors}
    known = {name: vectors for name, vectors in sides.items() if vectors is not None}
    missing = [name for name, vectors in sides.items() if vectors is None]
    text: list[Block] = [f"The model has no embeddings of {' and '.join(missing)}."] if missing else []
    pictures, tables = [], [table("distributions", "The embeddings in numbers.", _numbers(known))]
    if subject.item_vectors is not None:
        chosen = list(items) if items is not None else list(range(min(FIRST, subject.data.num_items)))
        drawn = chosen[:DRAWN]
        vectors = subject.item_vectors[chosen]
        which = "The chosen items" if items is not None else f"The first {len(chosen)} items"
        figure = figures.heat_map(vectors[: len(drawn)], [subject.labels[item] for item in drawn])
        pictures.append(Picture("embeddings", f"{which}, all {vectors.shape[1]} dimensions.", figure, wide=True))
        if len(drawn) < len(chosen):
            text.insert(0, f"The heat map shows the first {len(drawn)} of the {len(chosen):,} chosen items.")
        columns = pd.DataFrame(vectors, columns=[f"d{number + 1}" for number in range(vectors.shape[1])])
        frame = pd.concat([subject.described(chosen), columns], axis=1)
        tables.append(table("embeddings", f"{which} with their values.", frame, shown=()))
    caption = f"Values and lengths of the embeddings of {' and '.join(known)}."
    pictures.append(Picture("distributions", caption, figures.distributions(known)))
    return Section("Embeddings", [*text, *pictures, *tables])


def _numbers(known: Mapping[str, Floats]) -> pd.DataFrame:
    rows = []
    for name, vectors in known.items():
        lengths = np.linalg.norm(vectors, axis=1)
        row = {"of": name, "number": len(vectors), "dimensions": vectors.shape[1]}
        row |= {"mean": vectors.mean(), "sd": vectors.std(), "lowest": vectors.min(), "highest": vectors.max()}
        rows.append({**row, "mean length": lengths.mean(), "longest": lengths.max()})
    return pd.DataFrame(rows)
