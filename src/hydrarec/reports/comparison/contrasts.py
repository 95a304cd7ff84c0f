"""Compare two groups of runs on one metric: over the units of the evaluation, and over seeds."""

from __future__ import annotations

import dataclasses
import math
import statistics as plain
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hydrarec.analysis import multiple_testing
from hydrarec.analysis import significance as statistics
from hydrarec.reports.comparison.comparison_settings import ReportConfig
from hydrarec.reports.comparison.groups import Group
from hydrarec.reports.comparison.outcomes import Floats, Outcomes, outcomes_of
from hydrarec.runs.survey import Run
from hydrarec.tasks.metrics.registry import Measure, lower_is_better

MOST_BLOCKS = 5_000  # resampled in the bootstrap: their spread matches that of all units to 1 %


@dataclass(frozen=True)
class Comparison:
    """Comparison of ``first`` with ``second`` on ``metric``. Differences are first − second, in the metric's unit.

    Attributes:
        difference: of the means over ``seeds``. interval: its bootstrap interval over the units.
        unit, count: the paired units and their number; seeds if the run folders hold nothing finer.
        p: paired t over units. p_wilcoxon: Wilcoxon over units. p_seeds: over seeds; NaN for fewer than 2.
        holm, benjamini_hochberg, holm_wilcoxon: these p, corrected for all comparisons of the family.
        effect: Cohen's d over the units. detectable: the smallest difference detectable with this many units.
        seeds: those common to both; empty if they share none.
        alpha: significance level for :attr:`distinguishable`.
    """

    metric: str
    first: str
    second: str
    mean_first: float
    mean_second: float
    difference: float
    interval: tuple[float, float]
    unit: str
    count: int
    p: float
    p_wilcoxon: float
    p_seeds: float
    effect: float
    detectable: float
    seeds: tuple[int, ...]
    alpha: float
    holm: float = math.nan
    benjamini_hochberg: float = math.nan
    holm_wilcoxon: float = math.nan
    same_configuration: bool = False

    @property
    def distinguishable(self) -> bool:
        """Whether the difference is significant over units (after Holm) and, with several seeds, over seeds too.

        Units alone would call two seeds of one model different: each is a fixed predictor, and enough ratings separate
        any two. A test over seeds alone would rest on a handful of values.
        """
        seeds = math.isnan(self.p_seeds) or self.p_seeds < self.alpha
        return not self.same_configuration and self.holm < self.alpha and seeds

    @property
    def first_is_better(self) -> bool:
        return (self.difference < 0) == lower_is_better(self.metric)


class Comparer:
    """Compares groups of one protocol; caches only the first group's outcomes, to limit memory."""

    def __init__(self, settings: ReportConfig) -> None:
        self.settings = settings
        self._known: dict[tuple[str, str], Outcomes | None] = {}

    def family(self, best: Group, others: Sequence[Group], metric: str) -> list[Comparison]:
        """Compare ``best`` with each of ``others``, with p corrected for their number."""
        return corrected([self.compare(best, other, metric) for other in others])

    def compare(self, first: Group, second: Group, metric: str) -> Comparison:
        """Compare two groups, uncorrected; p is NaN if neither units nor seeds can be paired."""
        values_first, values_second = first.values(metric), second.values(metric)
        seeds = tuple(sorted(values_first.keys() & values_second.keys()))
        if seeds:
            over_seeds = np.array([values_first[seed] - values_second[seed] for seed in seeds])
            p_seeds = statistics.paired_t(over_seeds)
        else:
            over_seeds = np.empty(0)
            p_seeds = statistics.welch_t(list(values_first.values()), list(values_second.values()))
        kept_first = [values_first[seed] for seed in seeds or sorted(values_first)]
        kept_second = [values_second[seed] for seed in seeds or sorted(values_second)]
        found = self._unit_differences(first, second, metric, seeds)
        unit, differences = found if found is not None else ("seeds", over_seeds)
        return Comparison(
            metric=metric,
            first=first.name,
            second=second.name,
            mean_first=plain.fmean(kept_first),
            mean_second=plain.fmean(kept_second),
            difference=plain.fmean(kept_first) - plain.fmean(kept_second),
            interval=self._interval(differences),
            unit=unit,
            count=len(differences),
            p=statistics.paired_t(differences) if len(differences) else p_seeds,
            p_wilcoxon=statistics.wilcoxon(differences),
            p_seeds=p_seeds,
            effect=statistics.effect_size(differences),
            detectable=statistics.smallest_detectable(
                differences, alpha=self.settings.alpha, power=self.settings.power
            ),
            seeds=seeds,
            alpha=self.settings.alpha,
            same_configuration=first.settings == second.settings,
        )

    def _interval(self, differences: Floats) -> tuple[float, float]:
        if len(differences) < 2:
            return math.nan, math.nan
        seed = self.settings.seed
        blocks = statistics.random_blocks(differences, most=MOST_BLOCKS, seed=seed)
        return statistics.bootstrap_interval(
            blocks, level=1 - self.settings.alpha, resamples=self.settings.resamples, seed=seed
        )

    def _unit_differences(
        self, first: Group, second: Group, metric: str, seeds: tuple[int, ...]
    ) -> tuple[str, Floats] | None:
        """The unit and the differences per unit, averaged over seeds; their mean is the metric's. None: not stored."""
        runs_first = [run for run in first.runs if run.seed in (seeds or first.values(metric))]
        runs_second = [run for run in second.runs if run.seed in (seeds or second.values(metric))]
        parts_first = [self._kept(run, metric) for run in runs_first]
        parts_second = [outcomes_of(run, metric) for run in runs_second]
        if any(part is None for part in [*parts_first, *parts_second]):
            return None
        known_first = [part for part in parts_first if part is not None]
        known_second = [part for part in parts_second if part is not None]
        if not seeds:  # no common seeds: average each group before pairing
            known_first, known_second = [_averaged(known_first)], [_averaged(known_second)]
        pairs = list(zip(known_first, known_second, strict=True))
        if any(not np.array_equal(a.ids, b.ids) for a, b in pairs):
            return None
        measure = Measure.parse(metric)
        assert measure is not None  # holds, because there are outcomes
        slope = measure.metric.slope  # dividing by it makes the mean difference that of the metric
        parts = [
            Outcomes(a.unit, a.ids, (a.values - b.values) / slope(a.values.mean(), b.values.mean())) for a, b in pairs
        ]
        return parts[0].unit, _averaged(parts).values

    def _kept(self, run: Run, metric: str) -> Outcomes | None:
        key = (run.folder, metric)
        if key not in self._known:
            self._known[key] = outcomes_of(run, metric)
        return self._known[key]


def corrected(comparisons: Sequence[Comparison]) -> list[Comparison]:
    """Correct the p of one family of comparisons for the family's size."""
    by_holm = multiple_testing.holm([comparison.p for comparison in comparisons])
    by_rate = multiple_testing.benjamini_hochberg([comparison.p for comparison in comparisons])
    by_ranks = multiple_testing.holm([comparison.p_wilcoxon for comparison in comparisons])
    return [
        dataclasses.replace(comparison, holm=holm, benjamini_hochberg=rate, holm_wilcoxon=ranks)
        for comparison, holm, rate, ranks in zip(comparisons, by_holm, by_rate, by_ranks, strict=True)
    ]


def _averaged(parts: list[Outcomes]) -> Outcomes:
    """Mean per unit over the parts that have it, weighted so that the mean over units is the mean of the parts' means."""
    if len(parts) == 1:
        return parts[0]
    ids = np.unique(np.concatenate([part.ids for part in parts]))
    total = np.zeros(len(ids))
    for part in parts:
        total[np.searchsorted(ids, part.ids)] += part.values * (len(ids) / (len(parts) * len(part.ids)))
    return Outcomes(parts[0].unit, ids, total)
