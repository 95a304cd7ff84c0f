"""The principal components of a model's item vectors, shared by several sections."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

from hydrarec.analysis.components import Components, principal_components
from hydrarec.analysis.parallel_analysis import ParallelAnalysis, parallel_analysis
from hydrarec.reports.embeddings.analysis_settings import AnalyzeConfig, ComponentConfig
from hydrarec.reports.embeddings.analysis_subject import Floats, Indices


@dataclass(frozen=True, eq=False)
class Projection:
    """The principal components of selected item vectors.

    Attributes:
        items: indices of the items used, most rated first, int64 [n].
        found: their components, rows in the order of ``items``. centred: whether the mean was subtracted.
        parallel: parallel analysis of which components exceed chance; None for one-dimensional vectors.
    """

    items: Indices
    found: Components
    centred: bool
    parallel: ParallelAnalysis | None

    @property
    def names(self) -> list[str]:
        """The component names, ``PC1`` …, one per computed component."""
        return [f"PC{number + 1}" for number in range(self.found.scores.shape[1])]

    @property
    def kept(self) -> int:
        return 0 if self.parallel is None else self.parallel.kept

    def first(self, number: int) -> Projection:
        """A copy with at most ``number`` components."""
        found = self.found
        fewer = dataclasses.replace(found, components=found.components[:number], scores=found.scores[:, :number])
        return dataclasses.replace(self, found=fewer)

    def over_all(self, num_items: int) -> Floats:
        """Scores by item index, NaN for items not used: float64 [num_items, K]."""
        scores = np.full((num_items, self.found.scores.shape[1]), np.nan)
        scores[self.items] = self.found.scores
        return scores


def project(
    vectors: Floats, items: Indices, settings: AnalyzeConfig | ComponentConfig, components: int | None = None
) -> Projection:
    """Compute the components of ``vectors``, float64 [num_items, D], over two or more ``items``.

    ``components``: maximum number; by default that of the settings.
    """
    chosen, centred = vectors[items], settings.centred
    found = principal_components(chosen, centred=centred, components=components or settings.components)
    parallel = None
    if min(chosen.shape) >= 2:
        quantile, resamples = settings.level, settings.shuffles
        parallel = parallel_analysis(
            chosen, centred=centred, quantile=quantile, resamples=resamples, seed=settings.seed
        )
    return Projection(items, found, centred, parallel)
