"""What accuracy costs: the metric against seconds of training, or against the number of parameters."""

from __future__ import annotations

import math

from hydrarec.reports.comparison.charts import svg
from hydrarec.reports.comparison.charts.axes import Frame, direction, legible
from hydrarec.reports.comparison.content import Cell, Section

FRAME = Frame(58, 34, 500, 290)
WIDTH, HEIGHT = 640, 336
LABELLED = 10  # groups, the best first; all names in a chart of hundreds would cover it


def metric_against(section: Section, cost: str, styles: dict[str, svg.Style]) -> str:
    """A picture with a point per group and a bar of ± one standard deviation; empty for fewer than 2 points."""
    metric = section.primary
    if metric is None:
        return ""
    points = [
        (group.name, at, value)
        for group in section.groups
        if (at := section.cell(group, cost)) is not None and (value := section.cell(group, metric)) is not None
    ]
    if len(points) < 2:
        return ""
    x = svg.Scale.over([at.mean for _, at, _ in points], FRAME.left + 8, FRAME.right, log=True)
    shown = set(legible([value.mean for _, _, value in points], metric))
    bounds = [bound for _, _, value in points if value.mean in shown for bound in _bounds(value)]
    y = svg.Scale.over(bounds, FRAME.bottom, FRAME.top)
    parts = [FRAME.axes(x, y, f"{cost}{' of training' if cost == 'seconds' else ''}", direction(metric))]
    for name, at, value in reversed(points):  # the best on top
        parts.append(_point(name, x(at.mean), value, y, styles[name]))
    labelled = points[:LABELLED]
    places = svg.apart([FRAME.inside(y(value.mean)) for _, _, value in labelled], 14, FRAME.top + 4, FRAME.bottom)
    for (name, at, value), place in zip(labelled, places, strict=True):
        off_scale = "" if value.mean in shown else f" {value.mean:.3g} {'↑' if y(value.mean) < FRAME.top else '↓'}"
        parts.append(_label(svg.shortened(name) + off_scale, x(at.mean), FRAME.inside(y(value.mean)), place))
    return svg.drawing(WIDTH, HEIGHT, f"{metric} against {cost}", *parts)


def _label(name: str, x: float, y: float, place: float) -> str:
    """A name beside its point, or moved away from the others with a line to it."""
    side, anchor = (-1, "end") if x + 11 + len(name) * svg.CHARACTER > WIDTH else (1, "start")
    leader = svg.path([(x, y), (x + 9 * side, place)], class_="leader") if abs(place - y) > 5 else ""
    return leader + svg.text(x + 11 * side, place + 4, name, text_anchor=anchor, class_="label")


def _point(name: str, x: float, value: Cell, y: svg.Scale, style: svg.Style) -> str:
    words = svg.title(f"{name}: {value.mean:.4f}")
    place = FRAME.inside(y(value.mean))
    low, high = (FRAME.inside(y(bound)) for bound in _bounds(value))
    bar = svg.line(x, low, x, high, stroke=style.colour, stroke_width=1.5)
    return bar + svg.marker(style.marker, x, place, words, fill=style.colour, stroke="white")


def _bounds(cell: Cell) -> tuple[float, float]:
    spread = 0.0 if math.isnan(cell.sd) else cell.sd
    return cell.mean - spread, cell.mean + spread
