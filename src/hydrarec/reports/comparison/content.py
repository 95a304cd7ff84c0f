"""The content of a report: protocols, ranked groups, and comparisons."""

from __future__ import annotations

import functools
import math
import statistics
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from hydrarec.reports.comparison.comparison_settings import ReportConfig
from hydrarec.reports.comparison.contrasts import Comparer, Comparison
from hydrarec.reports.comparison.groups import Group, Protocol, group_runs
from hydrarec.reports.comparison.naming import name_groups
from hydrarec.runs.survey import Run
from hydrarec.tasks.metrics.registry import counterpart, lower_is_better, select_keys


@dataclass(frozen=True)
class Cell:
    """A group's value of one metric or cost: mean and sample standard deviation over ``n`` runs (NaN for one run).

    Attributes:
        best: no other group of the protocol has a better mean. tied: not distinguishable from the best.
    """

    mean: float
    sd: float
    n: int
    best: bool = False
    tied: bool = False

    @classmethod
    def of(cls, values: Sequence[float], *, best: bool = False, tied: bool = False) -> Cell | None:
        if not values:
            return None
        mean, sd = statistics.fmean(values), math.nan
        if len(values) > 1:  # statistics.stdev computes exact fractions, which takes a second for thousands of groups
            sd = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1))
        return cls(mean, sd, len(values), best, tied)


# Costs of a group, averaged over its runs; a setting selects which are shown as columns.
COSTS: dict[str, Callable[[Run], float | None]] = {
    "seconds": lambda run: _number(run.result.get("seconds"), "training"),
    "samples/s": lambda run: run.samples_per_second,
    "parameters": lambda run: _number(run.record, "parameters"),
    "peak MiB": lambda run: _scaled(_number(run.record, "peak_memory_bytes"), 2**20),
}


@dataclass
class Section:
    """The results under one protocol: its groups, best first, and their comparisons.

    Attributes:
        number: from 1, used in references. metrics, costs: the columns. primary: the ranking metric, None if none can.
        comparisons: by metric, the best group against others.
    """

    number: int
    protocol: Protocol
    metrics: list[str]
    primary: str | None
    groups: list[Group]
    costs: list[str]
    comparisons: dict[str, list[Comparison]] = field(default_factory=dict)

    @property
    def title(self) -> str:
        return f"{self.protocol.dataset}, {self.protocol.task}: {self.split}"

    @property
    def split(self) -> str:
        """The split in words; if it follows the run's seed, this is stated instead of one run's seed."""
        words = str(self.protocol.any_run.record["split"].get("protocol") or "a split without a description")
        seed = self.protocol.any_run.config["split"].get("seed")
        return words.replace(f"split seed {seed}", "split seed = seed") if self.protocol.follows else words

    @property
    def looks(self) -> int:
        """How often all configurations together evaluated this protocol's test part."""
        return sum(group.looks for group in self.groups)

    def best(self, metric: str) -> Group | None:
        """The group with the best mean; None if fewer than two groups have the metric."""
        ranked = ranking(self.groups, metric)
        return ranked[0] if len(ranked) > 1 else None

    def cell(self, group: Group, metric: str) -> Cell | None:
        """The mean of a metric, or of one of :data:`COSTS`."""
        return self._cells.get((id(group), metric))

    @functools.cached_property
    def _cells(self) -> dict[tuple[int, str], Cell]:
        cells = {}
        for metric in self.metrics:
            best = self.best(metric)
            tied = {
                comparison.second for comparison in self.comparisons.get(metric, []) if not comparison.distinguishable
            }
            for group in self.groups:
                values = list(group.values(metric).values())
                cell = Cell.of(values, best=group is best, tied=group is not best and group.name in tied)
                if cell is not None:
                    cells[id(group), metric] = cell
        for group in self.groups:
            for name, measure in COSTS.items():
                cell = Cell.of([value for run in group.runs if (value := measure(run)) is not None])
                if cell is not None:
                    cells[id(group), name] = cell
        return cells


@dataclass
class Contents:
    """A whole report.

    Attributes:
        sections: one per protocol. failures: runs without a usable result, ordered by folder.
        names: names of all runs found, by state.
    """

    settings: ReportConfig
    sections: list[Section]
    failures: list[Run]
    states: Counter[str]


def contents(runs: Sequence[Run], settings: ReportConfig, *, compare: bool = True) -> Contents:
    """Group the runs, rank the groups and compare the best one with the others."""
    protocols = group_runs(runs)
    name_groups(protocols)
    sections = []
    for number, protocol in enumerate(sorted(protocols, key=_order), start=1):
        section = _section(number, protocol, settings)
        if compare:
            section.comparisons = _compared(section, settings)
        sections.append(section)
    failures = [run for run in runs if run.state != "finished"]
    return Contents(settings, sections, failures, Counter(run.state for run in runs))


def _section(number: int, protocol: Protocol, settings: ReportConfig) -> Section:
    available = [name for group in protocol.groups for run in group.runs for name in run.metrics]
    metrics = select_keys(available, settings.metrics)
    primary = counterpart(protocol.monitor, available) or (metrics[0] if metrics else None)
    if primary is not None and primary not in metrics:
        metrics.insert(0, primary)
    unranked = [group for group in protocol.groups if not group.values(primary or "")]
    groups = [*ranking(protocol.groups, primary or ""), *unranked]
    return Section(number, protocol, metrics, primary, groups, settings.costs)


def _compared(section: Section, settings: ReportConfig) -> dict[str, list[Comparison]]:
    """By metric, the best group against the others, down to the rank that ``compare`` sets."""
    found = {}
    for metric in section.metrics:
        ranked = ranking(section.groups, metric)
        if len(ranked) > 1:
            found[metric] = Comparer(settings).family(ranked[0], ranked[1 : settings.compare + 1], metric)
    return found


def ranking(groups: Sequence[Group], metric: str) -> list[Group]:
    """The groups that have ``metric``, best mean first; ties keep their order."""
    sign = 1 if lower_is_better(metric) else -1
    means = [(statistics.fmean(values.values()), group) for group in groups if (values := group.values(metric))]
    return [group for _, group in sorted(means, key=lambda entry: sign * entry[0])]


def _order(protocol: Protocol) -> tuple[str, str, str]:
    return protocol.dataset, "" if protocol.task == "rating" else protocol.task, protocol.any_run.folder


def _number(node: object, key: str) -> float | None:
    value = node.get(key) if isinstance(node, dict) else None
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None


def _scaled(value: float | None, unit: float) -> float | None:
    return None if value is None else value / unit
