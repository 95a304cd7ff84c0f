"""Two models' embeddings of the same items against each other (reference B5): CKA, Procrustes distance, neighbours."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from hydrarec.analysis.alignment import debiased_cka, linear_cka, procrustes
from hydrarec.analysis.neighbours import nearest_neighbours, overlap
from hydrarec.figures import agreement_plots as figures
from hydrarec.reports.embeddings import analysis_page as page
from hydrarec.reports.embeddings.analysis_subject import Floats, Indices, Subject
from hydrarec.reports.embeddings.section_contents import Picture, Section, Table
from hydrarec.reports.embeddings.sections.neighbour_section import NAMES

SHOWN = 10  # items on the page whose neighbours agree most, and least


@dataclass(frozen=True)
class Measure:
    """``value`` and what permuted items reach: on average (``chance``) and at the quantile that is called beyond it."""

    name: str
    value: float
    chance: float
    limit: float


def section(
    subject: Subject,
    first: Floats,
    second: Floats,
    items: Indices,
    *,
    k: int,
    metric: Literal["cosine", "inner"],
    level: float,
    shuffles: int,
    seed: int,
) -> Section:
    """``first``, ``second``: vectors of the same items, float64 [n, D₁] and [n, D₂]; ``items``: their indices in ``subject``."""
    k = min(k, len(items) - 1)
    measures = [
        _permuted(name, measure, first, second, level, shuffles, seed)
        for name, measure in (
            ("linear CKA", linear_cka),
            ("CKA, debiased", debiased_cka),
            ("1 − Procrustes distance", _alike),
        )
    ]
    neighbours = [nearest_neighbours(vectors, k=k, measure=metric).items for vectors in (first, second)]
    common = overlap(*neighbours, candidates=len(items) - 1)
    measures.append(Measure(f"common among {k} neighbours", common.mean, common.expected, np.nan))
    figure = figures.comparison(
        [measure.name for measure in measures],
        [measure.value for measure in measures],
        [measure.chance for measure in measures],
        common.shared,
        common.expected,
        k,
    )
    summary = [f"{each.name}: {page.number(each.value)} (by chance {page.number(each.chance)})" for each in measures]
    return Section(
        title="How alike the embeddings are",
        text=[*summary, _about(len(items), metric, k)],
        pictures=[
            Picture("comparison", "The measures beside chance, and how many neighbours each item keeps.", figure)
        ],
        tables=[_measures(measures, level), _common(subject, items, common.shared)],
        summary=summary,
    )


def _measures(measures: Sequence[Measure], level: float) -> Table:
    frame = pd.DataFrame([vars(measure) for measure in measures])
    frame.columns = ["measure", "value", "by chance", f"{level:.0%} of chance below"]
    return Table("comparison", "From 0, nothing in common, to 1, the same.", frame)


def _common(subject: Subject, items: Indices, shared: Floats) -> Table:
    """Every item, those whose neighbours agree most first."""
    frame = subject.described(items)
    frame.insert(1 + ("title" in frame), "common neighbours", shared)
    order = np.argsort(-np.nan_to_num(shared, nan=-1.0), kind="stable")
    frame = frame.iloc[order].reset_index(drop=True)
    excerpt = frame if len(frame) <= 2 * SHOWN else pd.concat([frame.head(SHOWN), frame.tail(SHOWN)])
    return Table("common_neighbours", "Items whose neighbours agree most, and least.", frame, excerpt)


def _about(number: int, metric: str, k: int) -> str:
    return (
        f"Over {number:,} items. CKA compares which items are similar to which, "
        "whatever the dimensions (debiased: 0 on average for unrelated embeddings). 1 − Procrustes distance is the share of one "
        "embedding that a rotation and scaling of the other explains. Chance is the same measure after the items of one "
        f"model were shuffled. Neighbours: the {k} nearest by {NAMES[metric]} among these items."
    )


def _alike(first: Floats, second: Floats) -> float:
    return 1 - procrustes(first, second, centred=True, scaled=True).distance


def _permuted(
    name: str,
    measure: Callable[[Floats, Floats], float],
    first: Floats,
    second: Floats,
    level: float,
    shuffles: int,
    seed: int,
) -> Measure:
    generator = np.random.default_rng(seed)
    drawn = np.array([measure(first, second[generator.permutation(len(second))]) for _ in range(shuffles)])
    return Measure(name, measure(first, second), float(drawn.mean()), float(np.quantile(drawn, level)))
