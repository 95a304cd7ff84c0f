"""Best so far against budget: what each model's search had found after so many configurations."""

from __future__ import annotations

import statistics
from collections import defaultdict

from hydrarec.reports.comparison.charts import svg
from hydrarec.reports.comparison.charts.axes import Frame, direction
from hydrarec.reports.comparison.content import Section
from hydrarec.reports.comparison.naming import model_names
from hydrarec.tasks.metrics.registry import lower_is_better

FRAME = Frame(58, 34, 480, 290)
SEARCHED = 3  # configurations of a model from which on it was searched, rather than just run
WIDTH, HEIGHT = 640, 336


def best_so_far(section: Section) -> str:
    """A picture of the monitored metric, in the order in which the configurations were started; a step line per model.

    Empty unless some model was searched. By validation: the test part chooses nothing.
    """
    metric = section.protocol.monitor
    traces = _traces(section, metric) if metric else {}
    if metric is None or max((len(trace) for trace in traces.values()), default=0) < SEARCHED:
        return ""
    most = max(len(trace) for trace in traces.values())
    x = svg.Scale(1, most, FRAME.left, FRAME.right)
    y = svg.Scale.over([value for trace in traces.values() for value in trace], FRAME.bottom, FRAME.top)
    parts = [FRAME.axes(x, y, "configurations tried", direction(metric), whole=True)]
    places = svg.apart([y(trace[-1]) for trace in traces.values()], 16, FRAME.top + 4, FRAME.bottom)
    for number, ((model, trace), place) in enumerate(zip(traces.items(), places, strict=True)):
        style = svg.Style.number(number)
        points = [(x(1), y(trace[0]))]
        for index, value in enumerate(trace[1:], start=2):
            points += [(x(index), points[-1][1]), (x(index), y(value))]
        parts.append(
            svg.path(
                points, svg.title(model), fill="none", stroke=style.colour, stroke_width=2, stroke_dasharray=style.dash
            )
        )
        parts.append(svg.marker(style.marker, *points[-1], size=4, fill=style.colour))
        label = f"{svg.shortened(model, 20)} ({len(trace)})"
        parts.append(svg.text(FRAME.right + 12, place + 4, label))
    return svg.drawing(WIDTH, HEIGHT, f"best {metric} so far", *parts)


def unequal_budgets(section: Section) -> str:
    """A warning in words where models were not tried equally often; empty where they were, or nothing was searched."""
    traces = _traces(section, section.protocol.monitor)
    counts = {model: len(trace) for model, trace in traces.items()}
    if len(set(counts.values())) < 2 or max(counts.values()) < SEARCHED:
        return ""
    listed = ", ".join(f"{model} {count}" for model, count in sorted(counts.items(), key=lambda entry: -entry[1]))
    return f"The budgets differ: configurations tried: {listed}."


def _traces(section: Section, metric: str | None) -> dict[str, list[float]]:
    """By model: the best mean so far, after each configuration; one that was given up costs budget and finds nothing."""
    groups, pruned = section.groups, section.protocol.pruned
    models = model_names([*(run for group in groups for run in group.runs), *pruned])
    tried: dict[str, list[tuple[str, float | None]]] = defaultdict(list)
    for group in groups:
        measured = list(group.values(metric or "").values())
        if measured:
            model = models[str(group.settings.get("model._target_"))]
            tried[model].append((min(run.started for run in group.runs), statistics.fmean(measured)))
    for run in pruned:
        tried[models[str(run.config["model"].get("_target_"))]].append((run.started, None))
    pick = min if lower_is_better(metric or "") else max
    found = {}
    for model, entries in tried.items():
        best: list[float] = []
        trace = []
        for _, value in sorted(entries, key=lambda entry: entry[0]):
            best = best if value is None else [pick([value, *best])]
            trace += best  # nothing is drawn before the first that was finished
        if trace:
            found[model] = [trace[0]] * (len(entries) - len(trace)) + trace
    ranked = sorted(found.items(), key=lambda entry: entry[1][-1])
    return dict(ranked if lower_is_better(metric or "") else reversed(ranked))
