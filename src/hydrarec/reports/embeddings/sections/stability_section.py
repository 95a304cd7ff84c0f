"""Stability of components over several seeds: findings, or accidents of one initialisation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from hydrarec.analysis.alignment import procrustes
from hydrarec.analysis.extremes import extremes
from hydrarec.analysis.stability import Stability, stability
from hydrarec.figures import agreement_plots as figures
from hydrarec.reports.document import Picture, Section, Table
from hydrarec.reports.embeddings.analysis_settings import AnalyzeConfig
from hydrarec.reports.embeddings.analysis_subject import Floats, Subject
from hydrarec.reports.embeddings.projection import Projection
from hydrarec.reports.embeddings.publication import table


def section(
    subject: Subject, first: Projection, others: Sequence[Projection], seeds: Sequence[int], settings: AnalyzeConfig
) -> Section:
    """The section that compares the first run's components with those of the other runs.

    Args:
        subject: the first run. first: its components, all of which are judged. others: the components kept in the
            other runs, over the same items. seeds: seeds of all runs.
    """
    names, reference, scores = first.names, first.found.scores, [other.found.scores for other in others]
    least, quantile, resamples = settings.least, settings.level, settings.shuffles
    found = stability([reference, *scores], least=least, quantile=quantile, resamples=resamples, seed=settings.seed)
    summary = [
        f"{name}: {verdict} (r² {axis:.2f}, R² {part:.2f}; by chance {null:.2f})"
        for name, verdict, axis, part, null in zip(
            names, found.verdicts, found.axis, found.subspace, found.subspace_null, strict=True
        )
    ]
    caption = "How much of each component the other runs hold; small dots are single runs."
    return Section(
        "Findings and accidents",
        [
            *summary,
            _about(seeds, least),
            Picture("stability", caption, figures.stability(found, names, least)),
            table("stability", "Each component of the first run in the others.", _columns(found, names, seeds)),
            _ends(subject, first, _aligned(reference, scores), seeds, settings),
        ],
        summary,
    )


def _about(seeds: Sequence[int], least: float) -> str:
    return (
        f"Each component of the run with seed {seeds[0]} is looked for in those with seeds "
        f"{', '.join(map(str, seeds[1:]))}. A finding is met again as an axis: r² with its counterpart is at least {least:g} "
        "and above what unrelated components reach. A finding up to rotation is met again only within the subspace of the "
        "other components (R²): components of nearly equal variance turn into each other from seed to seed. Everything "
        "else is an accident of the start."
    )


def _columns(found: Stability, names: Sequence[str], seeds: Sequence[int]) -> dict[str, Any]:
    columns: dict[str, Any] = {
        "component": names,
        "verdict": found.verdicts,
        "axis r²": found.axis,
        "axis by chance": found.axis_null,
        "subspace R²": found.subspace,
        "subspace by chance": found.subspace_null,
    }
    for number, seed in enumerate(seeds[1:]):
        columns[f"axis r² in seed {seed}"] = found.axis_by_run[number]
        columns[f"subspace R² in seed {seed}"] = found.subspace_by_run[number]
    return columns


def _aligned(reference: Floats, others: Sequence[Floats]) -> Floats:
    """Every run's scores, rotated onto the first run's, [n, K] (Procrustes): float64 [runs, n, K]."""
    width = reference.shape[1]
    turned = [procrustes(run, reference, centred=False, scaled=False).aligned[:, :width] for run in others]
    return np.stack([reference, *turned])


def _ends(
    subject: Subject, projection: Projection, aligned: Floats, seeds: Sequence[int], settings: AnalyzeConfig
) -> Table:
    """The items at either end of each component, by their mean score over the runs."""
    means, counts = aligned.mean(axis=0), subject.data.item_counts[projection.items]
    frames = []
    for number, name in enumerate(projection.names):
        found = extremes(means[:, number], counts, k=settings.extremes, min_ratings=settings.min_ratings)
        for end, rows in (("lowest", found.lowest), ("highest", found.highest)):
            scores = aligned[:, rows, number]
            columns = {"mean": means[rows, number], "sd": scores.std(axis=0, ddof=1)}
            frame = subject.described(projection.items[rows], columns, component=name, end=end)
            by_seed = {f"seed {seed}": run for seed, run in zip(seeds, scores, strict=True)}
            frames.append(frame.assign(**by_seed))
    caption = (
        "Items at either end of each component, by their mean over all runs after rotation onto the first (Procrustes); "
        "sd over runs."
    )
    return table("stability_extremes", caption, pd.concat(frames, ignore_index=True))
