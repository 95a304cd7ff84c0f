"""Everything that a report says, before it is written down."""

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
from hydrarec.tasks.metrics.registry import better, counterpart, lower_is_better, select_keys


@dataclass(frozen=True)
class Cell:
    """A figure of a group: mean over ``n`` runs and their sample standard deviation (NaN for one run).

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
        if len(values) > 1:  # statistics.stdev computes in fractions: exact, and a second over thousands of groups
            sd = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1))
        return cls(mean, sd, len(values), best, tied)


# What a group cost, mean over its runs; which of them are columns is a setting.
COSTS: dict[str, Callable[[Run], float | None]] = {
    "seconds": lambda run: _number(run.result.get("seconds"), "training"),
    "samples/s": lambda run: run.samples_per_second,
    "parameters": lambda run: _number(run.record, "parameters"),
    "peak MiB": lambda run: _scaled(_number(run.record, "peak_memory_bytes"), 2**20),
}


@dataclass
class Section:
    """One protocol: its groups from the best to the worst, and how they compare.

    Attributes:
        number: from 1, to refer to. metrics, costs: the columns. primary: the one that ranks; None if nothing can.
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
        """The split in words, with the seed that it follows instead of one run's."""
        words = str(self.protocol.any_run.record["split"].get("protocol") or "a split without a description")
        seed = self.protocol.any_run.config["split"].get("seed")
        return words.replace(f"split seed {seed}", "split seed = seed") if self.protocol.follows else words

    @property
    def looks(self) -> int:
        """How often the test part of this protocol was looked at, by all configurations."""
        return sum(group.looks for group in self.groups)

    def best(self, metric: str) -> Group | None:
        """The group with the best mean; None unless two can be compared."""
        means = [(statistics.fmean(values), group) for group in self.groups if (values := _values(group, metric))]
        if len(means) < 2:
            return None
        found = means[0]
        for candidate in means[1:]:
            found = candidate if better(metric, candidate[0], found[0]) else found
        return found[1]

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
                cell = Cell.of(
                    _values(group, metric), best=group is best, tied=group is not best and group.name in tied
                )
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
        sections: one per protocol. failures: runs without a result that can be used, in the order of their folders.
        names: of all runs that were found, by state.
    """

    settings: ReportConfig
    sections: list[Section]
    failures: list[Run]
    states: Counter[str]

    @property
    def repeats(self) -> int:
        return sum(len(group.repeats) for section in self.sections for group in section.groups)


def contents(runs: Sequence[Run], settings: ReportConfig, *, compare: bool = True) -> Contents:
    """Group the runs, rank the groups, compare the best with the others."""
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
    sign = -1.0 if primary is not None and not lower_is_better(primary) else 1.0

    def rank(group: Group) -> tuple[bool, float]:
        values = _values(group, primary or "")
        return not values, sign * statistics.fmean(values) if values else 0.0

    return Section(number, protocol, metrics, primary, sorted(protocol.groups, key=rank), settings.costs)


def _compared(section: Section, settings: ReportConfig) -> dict[str, list[Comparison]]:
    """The best of each metric against the others, as far as ``compare`` goes down the ranking."""
    found = {}
    for metric in section.metrics:
        best = section.best(metric)
        if best is None:
            continue
        others = [group for group in section.groups if group is not best and _values(group, metric)]
        sign = 1 if lower_is_better(metric) else -1
        others.sort(key=lambda group: sign * statistics.fmean(_values(group, metric)))
        found[metric] = Comparer(settings).family(best, others[: settings.compare], metric)
    return found


def _values(group: Group, metric: str) -> list[float]:
    return list(group.values(metric).values())


def _order(protocol: Protocol) -> tuple[str, str, str]:
    return protocol.dataset, "" if protocol.task == "rating" else protocol.task, protocol.any_run.folder


def _number(node: object, key: str) -> float | None:
    value = node.get(key) if isinstance(node, dict) else None
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None


def _scaled(value: float | None, unit: float) -> float | None:
    return None if value is None else value / unit
