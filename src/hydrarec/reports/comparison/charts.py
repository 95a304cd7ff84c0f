"""The charts of a section as inline SVG: passes the report's data to :mod:`hydrarec.figures`."""

from __future__ import annotations

import itertools
import math
import statistics
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from hydrarec.figures.browser_svg import inline_svg
from hydrarec.figures.curves import Curve, metric_against_cost, metric_curves
from hydrarec.figures.forest_plots import Interval, forest
from hydrarec.figures.labels import shortened
from hydrarec.figures.parallel_plots import parallel_coordinates as parallel_figure
from hydrarec.figures.scales import MetricAxis
from hydrarec.figures.style import Style
from hydrarec.reports.comparison import wording
from hydrarec.reports.comparison.content import Cell, Section
from hydrarec.reports.comparison.contrasts import Comparison
from hydrarec.reports.comparison.groups import Group
from hydrarec.reports.comparison.naming import differing, model_names, short_names, shown
from hydrarec.tasks.metrics.registry import lower_is_better

SEARCHED = 3  # a model with at least this many configurations counts as searched
MODEL = "model._target_"
MOST_AXES = 8


def learning_curves(section: Section, styles: Mapping[str, Style], count: int) -> str:
    """The monitored metric of the ``count`` best groups; empty if no history has it for two epochs."""
    metric = section.protocol.monitor or ""
    points = {group.name: _history(group, metric) for group in section.groups[:count]}
    curves = [
        Curve(name, styles[name], list(cells), [cell.mean for cell in cells.values()], [c.sd for c in cells.values()])
        for name, cells in points.items()
        if len(cells) > 1
    ]
    if not curves:
        return ""
    figure = metric_curves(curves, _measure(metric), f"Learning curves of {metric}", "epoch")
    return inline_svg(figure, f"curves {section.number}")


def best_so_far(section: Section) -> str:
    """The best monitored metric against the number of configurations tried, a step line per model.

    Empty unless some model was searched. Uses validation metrics, because the test part must not select anything.
    """
    metric = section.protocol.monitor or ""
    traces = budget_traces(section)
    if max((len(trace) for trace in traces.values()), default=0) < SEARCHED:
        return ""
    curves = [
        Curve(f"{model} ({len(trace)})", Style.number(number), range(1, len(trace) + 1), trace)
        for number, (model, trace) in enumerate(traces.items())
    ]
    title = f"Best {metric} so far"
    figure = metric_curves(curves, _measure(metric), title, "configurations tried", drawstyle="steps-post")
    return inline_svg(figure, f"budget {section.number}")


def unequal_budgets(section: Section) -> str:
    """A warning if models had different numbers of trials; empty if the numbers are equal or nothing was searched."""
    counts = {model: len(trace) for model, trace in budget_traces(section).items()}
    if len(set(counts.values())) < 2 or max(counts.values()) < SEARCHED:
        return ""
    listed = ", ".join(f"{model} {count}" for model, count in sorted(counts.items(), key=lambda entry: -entry[1]))
    return f"The budgets differ: configurations tried: {listed}."


def budget_traces(section: Section) -> dict[str, list[float]]:
    """The best mean so far after each configuration, by model; a pruned one uses budget but cannot improve the mean."""
    metric, pruned = section.protocol.monitor or "", section.protocol.pruned
    pick, worst, sign = (min, math.inf, 1) if lower_is_better(metric) else (max, -math.inf, -1)
    models = model_names([*(run for group in section.groups for run in group.runs), *pruned])
    tried: dict[str, list[tuple[str, float]]] = defaultdict(list)
    for group in section.groups:
        if measured := list(group.values(metric).values()):
            model = models[str(group.settings.get(MODEL))]
            tried[model].append((min(run.started for run in group.runs), statistics.fmean(measured)))
    for run in pruned:
        tried[models[str(run.config["model"].get("_target_"))]].append((run.started, worst))
    traces = {}
    for model, entries in tried.items():
        in_turn = [value for _, value in sorted(entries, key=lambda entry: entry[0])]
        trace = list(itertools.accumulate(in_turn, pick))
        if trace[-1] != worst:  # the trace before the first result repeats that result
            first = next(value for value in trace if value != worst)
            traces[model] = [first if value == worst else value for value in trace]
    return dict(sorted(traces.items(), key=lambda entry: sign * entry[1][-1]))


def metric_against(section: Section, cost: str, styles: Mapping[str, Style]) -> str:
    """The primary metric against a cost, one point per group; empty for fewer than 2 points."""
    metric = section.primary or ""
    points = [
        Curve(group.name, styles[group.name], [at.mean], [value.mean], [value.sd])
        for group in section.groups
        if (at := section.cell(group, cost)) is not None and (value := section.cell(group, metric)) is not None
    ]
    if len(points) < 2:
        return ""
    label = "seconds of training" if cost == "seconds" else cost
    return inline_svg(metric_against_cost(points, _measure(metric), label), f"{cost} {section.number}")


def forest_plot(section: Section, metric: str | None) -> str:
    """Forest plot of each group's difference from the best in ``metric``; empty if no comparison has an interval."""
    comparisons = [entry for entry in section.comparisons.get(metric or "", []) if not math.isnan(entry.interval[0])]
    if not comparisons:
        return ""
    rows = [_interval(comparison) for comparison in comparisons]
    level = f"{100 * (1 - comparisons[0].alpha):g} % intervals"
    best = shortened(comparisons[0].first, 34)
    figure = forest(rows, f"Differences of {metric} to the best", f"difference to {best}, {level}")
    return inline_svg(figure, f"forest {section.number}")


def parallel_coordinates(section: Section) -> str:
    """Parallel coordinates of the differing settings and the resulting metric; empty unless 3 groups differ in one."""
    metric = section.primary or ""
    cells = [(group, cell) for group in section.groups if (cell := section.cell(group, metric)) is not None]
    groups = [group for group, _ in cells]
    keys = [key for key in differing(groups) if _differs_within_a_model(groups, key)] if len(groups) > 2 else []
    keys = keys[:MOST_AXES]
    if not set(keys) - {MODEL}:
        return ""
    names = short_names(keys)
    settings = [(names[key], [_plain(group.settings.get(key)) for group in groups]) for key in keys]
    scores = [cell.mean for _, cell in cells]
    figure = parallel_figure(settings, [group.name for group in groups], scores, _measure(metric))
    return inline_svg(figure, f"settings {section.number}")


def _measure(metric: str) -> MetricAxis:
    return MetricAxis(metric, lower_is_better(metric))


def _history(group: Group, metric: str) -> dict[float, Cell]:
    """The mean by epoch, over the seeds that reached it."""
    by_epoch: dict[float, list[float]] = defaultdict(list)
    for run in group.runs:
        for row in run.history:
            if "epoch" in row and math.isfinite(row.get(metric, math.nan)):
                by_epoch[row["epoch"]].append(row[metric])
    return {epoch: cell for epoch, values in sorted(by_epoch.items()) if (cell := Cell.of(values)) is not None}


def _interval(comparison: Comparison) -> Interval:
    """The other group's value minus the best's; shows the p over seeds too if only the p over units is significant."""
    low, high = comparison.interval
    note = wording.p_value(comparison.holm)
    if comparison.holm < comparison.alpha <= comparison.p_seeds:
        note += f", seeds {wording.p_value(comparison.p_seeds)[4:]}"
    ends = (-high, -comparison.difference, -low)
    return Interval(comparison.second, *ends, comparison.distinguishable, note, wording.sentence(comparison))


def _differs_within_a_model(groups: Sequence[Group], key: str) -> bool:
    """Whether the setting is the model itself or differs between groups of one model."""
    by_model: dict[str, set[str]] = defaultdict(set)
    for group in groups:
        by_model[str(group.settings.get(MODEL))].add(repr(group.settings.get(key)))
    return key == MODEL or any(len(values) > 1 for values in by_model.values())


def _plain(value: Any) -> float | str:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else shown(value)
