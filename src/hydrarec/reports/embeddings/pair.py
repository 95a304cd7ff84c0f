"""One model's item embeddings against another's (reference B5), into a folder of its own."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from hydrarec.analysis.extremes import most_rated
from hydrarec.core import paths
from hydrarec.core.console import progress
from hydrarec.core.errors import ConfigError
from hydrarec.core.paths import folder_in
from hydrarec.models.trained import load_run
from hydrarec.reports.embeddings.analysis_output import Output
from hydrarec.reports.embeddings.analysis_settings import AnalyzeConfig
from hydrarec.reports.embeddings.analysis_subject import Indices, Subject, item_vectors, subject_of_run
from hydrarec.reports.embeddings.analysis_summary import Summary
from hydrarec.reports.embeddings.sections import alignment_section as comparison

FEWEST = 4  # items that embeddings can be compared over


def analyze_pair(settings: AnalyzeConfig) -> Summary:
    """Hold the item embeddings of two runs against each other, over the items that both know by raw id.

    Raises:
        ConfigError: not two runs, a model without item embeddings, or too few common items.
        CheckpointError: a run folder that is not finished or cannot be read.
    """
    output_folder = folder_in(settings.output_dir, "comparison" if settings.name is None else settings.name)
    folders = _two(settings)
    with progress("analysing", total=3, unit="steps") as advance:
        runs = []
        for path in folders:
            runs.append(load_run(path, "compare"))
            advance(1)
        subjects = [subject_of_run(run) for run in runs]
        vectors = item_vectors(subjects, "compare")
        first, second, said = _common_items(subjects, settings)
        section = comparison.section(
            subjects[0],
            vectors[0][first],
            vectors[1][second],
            first,
            k=settings.k,
            metric=settings.metric,
            level=settings.level,
            shuffles=settings.shuffles,
            seed=settings.seed,
        )
        advance(1)
    output = Output.of_several(output_folder, max(run.folder.read_start() for run in runs))
    names = [f"{each.title}, seed {run.config['seed']}" for each, run in zip(subjects, runs, strict=True)]
    title = " against ".join(names)
    output.write(f"Compared: {title}", [said], [section])
    shown = paths.shown(runs[0].folder.path)
    return Summary(
        title, [said], [section], output, output.tensorboard, f"hydrarec-analyze {shlex.quote(f'run={shown}')}"
    )


def _two(settings: AnalyzeConfig) -> list[Path]:
    asked = settings.compare.split(",") if isinstance(settings.compare, str) else list(settings.compare or [])
    if len(asked) != 2:
        raise ConfigError(
            f"compare names {len(asked)} run folder{'s' * (len(asked) != 1)}",
            expected="two",
            fix="compare=<run folder>,<run folder>",
            value=str(settings.compare),
        )
    return [Path(text.strip()) for text in asked]


def _common_items(subjects: Sequence[Subject], settings: AnalyzeConfig) -> tuple[Indices, Indices, str]:
    """Indices in either run of the most rated items that both know, aligned by raw id, and what to say of them."""
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
    said = (
        f"Of {len(raw):,} common items {len(chosen):,} are compared: the most rated ones, with {counts[chosen].min()} training "
        "ratings or more in either run."
    )
    return first[chosen].astype(np.int64), second[chosen].astype(np.int64), said
