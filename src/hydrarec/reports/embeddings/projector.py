"""Data for TensorBoard's projector: vectors of the most rated items, with metadata for labels and colours."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from hydrarec.analysis.attributes import release_years
from hydrarec.analysis.extremes import most_rated
from hydrarec.analysis.main_genre import main_genres
from hydrarec.core import escaping
from hydrarec.reports.embeddings.analysis_subject import Floats, Subject
from hydrarec.reports.output import write_text

CONFIG = "projector_config.pbtxt"  # the file name that the projector expects
COLOURS = 20  # genres that the projector can colour


@dataclass(frozen=True, eq=False)
class Projector:
    """The projector's points: ``vectors``, float64 [n, D], and ``metadata`` with a row per vector, label first."""

    vectors: Floats
    metadata: pd.DataFrame


def projector(subject: Subject, *, most: int) -> Projector | None:
    """Projector data of the ``most`` most rated items; None for a model without item vectors."""
    if subject.item_vectors is None:
        return None
    items = most_rated(subject.data.item_counts, most)
    metadata = subject.described(items)
    if subject.data.titles is not None:
        metadata = metadata[["title", *metadata.columns.drop("title")]]
        metadata["year"] = release_years([subject.data.titles[item] for item in items])
    if subject.data.genres is not None:
        metadata["genre"] = main_genres([subject.data.genres[item] for item in items], most=COLOURS)
    if subject.item_biases is not None:
        metadata["bias"] = subject.item_biases[items]
    return Projector(subject.item_vectors[items], metadata)


def write(found: Projector, folder: Path) -> None:
    """Write vectors and metadata as tables, then the configuration file that points to them."""
    from tensorboard.plugins.projector.projector_config_pb2 import ProjectorConfig

    config = ProjectorConfig()
    embedding = config.embeddings.add()
    embedding.tensor_name, embedding.tensor_path, embedding.metadata_path = "items", "items.tsv", "metadata.tsv"
    embedding.tensor_shape.extend(found.vectors.shape)
    buffer = io.StringIO()
    np.savetxt(buffer, found.vectors, fmt="%.6g", delimiter="\t")
    write_text(folder / embedding.tensor_path, buffer.getvalue())
    write_text(folder / embedding.metadata_path, _tab_separated(found.metadata))
    write_text(folder / CONFIG, str(config))


def _tab_separated(frame: pd.DataFrame) -> str:
    """Format a header and a line per row; replaces tabs and line breaks in text, which would shift later cells."""
    columns = [_cells(frame[name]) for name in frame.columns]
    lines = ["\t".join(map(str, frame.columns)), *("\t".join(row) for row in zip(*columns, strict=True))]
    return "\n".join(lines) + "\n"


def _cells(column: pd.Series) -> list[str]:
    if column.dtype.kind == "f":
        whole = bool((column.dropna() % 1 == 0).all())
        return ["" if np.isnan(value) else f"{value:.0f}" if whole else f"{value:.4f}" for value in column]
    return [escaping.csv_cell(" ".join(str(value).split())) or "–" for value in column]
