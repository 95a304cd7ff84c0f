"""Comparison of two models' embeddings of the same items (reference B5): CKA, Procrustes distance, neighbours."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from hydrarec.analysis.alignment import debiased_cka, linear_cka, procrustes
from hydrarec.analysis.neighbours import nearest_neighbours, overlap
from hydrarec.figures import agreement_plots as figures
from hydrarec.reports.document import Picture, Section, Table, number
from hydrarec.reports.embeddings.analysis_settings import AnalyzeConfig
from hydrarec.reports.embeddings.analysis_subject import Floats, Indices, Subject
from hydrarec.reports.embeddings.publication import table
from hydrarec.reports.embeddings.sections.neighbour_section import NAMES

SHOWN = 10  # items on the page at either end of neighbour agreement


@dataclass(frozen=True)
class Measure:
    """A similarity measure, its mean for shuffled items (``chance``), and the ``limit`` above which it exceeds chance."""

    name: str
    value: float
    chance: float
    limit: float


def section(subject: Subject, first: Floats, second: Floats, items: Indices, settings: AnalyzeConfig) -> Section:
    """The section on ``first`` and ``second``, vectors of the same items, float64 [n, D₁] and [n, D₂].

    ``items``: the items' indices in ``subject``.
    """
    k = min(settings.k, len(items) - 1)
    candidates = {"linear CKA": linear_cka, "CKA, debiased": debiased_cka, "1 − Procrustes distance": _similarity}
    measures = [_permuted(name, measure, first, second, settings) for name, measure in candidates.items()]
    neighbours = [nearest_neighbours(vectors, k=k, measure=settings.metric).items for vectors in (first, second)]
    common = overlap(*neighbours, candidates=len(items) - 1)
    measures.append(Measure(f"common among {k} neighbours", common.mean, common.expected, np.nan))
    names, values = [each.name for each in measures], [each.value for each in measures]
    by_chance = [each.chance for each in measures]
    figure = figures.comparison(names, values, by_chance, common.shared, common.expected, k)
    summary = [f"{each.name}: {number(each.value)} (by chance {number(each.chance)})" for each in measures]
    limit = f"{settings.level:.0%} of chance below"
    columns = {"measure": names, "value": values, "by chance": by_chance, limit: [each.limit for each in measures]}
    return Section(
        "How similar the embeddings are",
        [
            *summary,
            _about(len(items), settings.metric, k),
            Picture("comparison", "The measures beside chance, and how many neighbours each item keeps.", figure),
            table("comparison", "From 0, nothing in common, to 1, the same.", columns),
            _common(subject, items, common.shared),
        ],
        summary,
    )


def _common(subject: Subject, items: Indices, shared: Floats) -> Table:
    """All items, ordered by neighbour agreement, highest first."""
    order, count = np.argsort(-np.nan_to_num(shared, nan=-1.0), kind="stable"), len(items)
    frame = subject.described(items[order], {"common neighbours": shared[order]})
    shown = None if count <= 2 * SHOWN else [*range(SHOWN), *range(count - SHOWN, count)]
    return table("common_neighbours", "Items whose neighbours agree most, and least.", frame, shown)


def _about(number: int, metric: str, k: int) -> str:
    return (
        f"Over {number:,} items. CKA compares which items are similar to which, "
        "whatever the dimensions (debiased: 0 on average for unrelated embeddings). 1 − Procrustes distance is the share of one "
        "embedding that a rotation and scaling of the other explains. Chance is the same measure after the items of one "
        f"model were shuffled. Neighbours: the {k} nearest by {NAMES[metric]} among these items."
    )


def _similarity(first: Floats, second: Floats) -> float:
    return 1 - procrustes(first, second, centred=True, scaled=True).distance


def _permuted(
    name: str, measure: Callable[[Floats, Floats], float], first: Floats, second: Floats, settings: AnalyzeConfig
) -> Measure:
    generator = np.random.default_rng(settings.seed)
    shuffled = [measure(first, second[generator.permutation(len(second))]) for _ in range(settings.shuffles)]
    mean, limit = float(np.mean(shuffled)), float(np.quantile(shuffled, settings.level))
    return Measure(name, measure(first, second), mean, limit)
