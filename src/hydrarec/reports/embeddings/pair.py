"""Compare the item embeddings of two models (reference B5); the output has its own folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from hydrarec.analysis.extremes import most_rated
from hydrarec.core.console import progress
from hydrarec.core.errors import ConfigError
from hydrarec.core.paths import folder_in, two_folders
from hydrarec.models.trained import load_run
from hydrarec.reports.document import Document
from hydrarec.reports.embeddings.analysis_settings import AnalyzeConfig
from hydrarec.reports.embeddings.analysis_subject import Indices, Subject, item_vectors, subject_of
from hydrarec.reports.embeddings.publication import publish_several
from hydrarec.reports.embeddings.sections import alignment_section as comparison
from hydrarec.reports.output import Output

FEWEST = 4  # items needed to compare embeddings


def analyze_pair(settings: AnalyzeConfig) -> tuple[Document, Output]:
    """Compare the item embeddings of two runs over their common items, matched by raw id.

    Raises:
        ConfigError: not exactly two runs, a model without item embeddings, or too few common items.
        CheckpointError: a run folder is unfinished or cannot be read.
    """
    folder = folder_in(settings.output_dir, "comparison" if settings.name is None else settings.name)
    paths = two_folders("compare", settings.compare, expected="two run folders")
    with progress("analysing", total=3, unit="steps") as advance:
        runs = []
        for path in paths:
            runs.append(load_run(Path(path), "compare"))
            advance(1)
        subjects = [subject_of(run.model, run.data, run.task) for run in runs]
        vectors = item_vectors(subjects, "compare")
        first, second, note = _common_items(subjects, settings)
        section = comparison.section(subjects[0], vectors[0][first], vectors[1][second], first, settings)
        advance(1)
    names = [f"{each.title}, seed {run.config['seed']}" for each, run in zip(subjects, runs, strict=True)]
    return publish_several(" against ".join(names), "Compared", [note], [section], runs, folder)


def _common_items(subjects: Sequence[Subject], settings: AnalyzeConfig) -> tuple[Indices, Indices, str]:
    """Indices in each run of the most rated common items, aligned by raw id, and a note on them."""
    one, other = (subject.data for subject in subjects)
    comparable = one.item_ids.are_integers == other.item_ids.are_integers
    raw = np.intersect1d(one.item_ids.raw, other.item_ids.raw) if comparable else one.item_ids.raw[:0]
    first, second = one.item_ids.indices_of(raw), other.item_ids.indices_of(raw)
    counts = np.minimum(one.item_counts[first], other.item_counts[second])
    least = settings.min_ratings if (counts >= settings.min_ratings).sum() >= FEWEST else 1
    chosen = most_rated(np.where(counts >= least, counts, 0), settings.top_n)
    if len(chosen) < FEWEST:
        raise ConfigError(
            f"compare: the two runs have {len(chosen)} rated items in common",
            expected=f"{FEWEST} or more common item ids",
            fix="compare runs on the same dataset",
        )
    note = (
        f"Of {len(raw):,} common items {len(chosen):,} are compared: the most rated ones, with {counts[chosen].min()} training "
        "ratings or more in either run."
    )
    return first[chosen].astype(np.int64), second[chosen].astype(np.int64), note
