"""Learning curves: the monitored metric over epochs, mean over seeds, with a band of one standard deviation."""

from __future__ import annotations

import math
from dataclasses import dataclass

from hydrarec.reports.comparison.charts import svg
from hydrarec.reports.comparison.charts.axes import Frame, direction, legible
from hydrarec.reports.comparison.content import Cell, Section
from hydrarec.reports.comparison.groups import Group

FRAME = Frame(58, 34, 390, 290)
WIDTH, HEIGHT = 640, 336


@dataclass(frozen=True)
class Curve:
    """Mean and spread per epoch, over the seeds that came so far."""

    name: str
    style: svg.Style
    points: list[tuple[float, Cell]]


def learning_curves(section: Section, styles: dict[str, svg.Style], count: int) -> str:
    """A picture of the ``count`` best groups; empty where no history holds the monitored metric twice."""
    metric = section.protocol.monitor
    if metric is None:
        return ""
    found = [Curve(group.name, styles[group.name], _points(group, metric)) for group in section.groups[:count]]
    curves = [curve for curve in found if len(curve.points) > 1]
    if not curves:
        return ""
    x = svg.Scale(1, max(epoch for curve in curves for epoch, _ in curve.points), FRAME.left, FRAME.right)
    shown = set(legible([cell.mean for curve in curves for _, cell in curve.points], metric))
    cells = [cell for curve in curves for _, cell in curve.points if cell.mean in shown]
    spread = [cell.mean + sign * cell.sd for cell in cells for sign in (-1, 1) if cell.n > 1]
    y = svg.Scale.over([*shown, *spread], FRAME.bottom, FRAME.top)
    ends = svg.apart([FRAME.inside(y(curve.points[-1][1].mean)) for curve in curves], 16, FRAME.top + 4, FRAME.bottom)
    parts = [FRAME.axes(x, y, "epoch", direction(metric), whole=True), _clip(section)]
    body = [_drawn(curve, x, y) for curve in curves]
    parts.append(svg.tag("g", *body, clip_path=f"url(#curves-{section.number})"))
    for curve, place in zip(curves, ends, strict=True):
        last_epoch, last = curve.points[-1]
        parts.append(
            svg.path([(x(last_epoch), FRAME.inside(y(last.mean))), (FRAME.right + 12, place)], class_="leader")
            + svg.marker(curve.style.marker, FRAME.right + 18, place, size=4, fill=curve.style.colour)
            + svg.tag(
                "g",
                svg.title(curve.name),
                svg.text(FRAME.right + 28, place + 4, svg.shortened(curve.name, 28), class_="label"),
            )
        )
    return svg.drawing(WIDTH, HEIGHT, f"learning curves of {metric}", *parts)


def _points(group: Group, metric: str) -> list[tuple[float, Cell]]:
    by_epoch: dict[float, list[float]] = {}
    for run in group.runs:
        for row in run.history:
            if "epoch" in row and math.isfinite(row.get(metric, math.nan)):
                by_epoch.setdefault(row["epoch"], []).append(row[metric])
    return [(epoch, cell) for epoch in sorted(by_epoch) if (cell := Cell.of(by_epoch[epoch])) is not None]


def _drawn(curve: Curve, x: svg.Scale, y: svg.Scale) -> str:
    band = [(epoch, cell) for epoch, cell in curve.points if cell.n > 1]
    upper = [(x(epoch), y(cell.mean + cell.sd)) for epoch, cell in band]
    lower = [(x(epoch), y(cell.mean - cell.sd)) for epoch, cell in reversed(band)]
    style, parts = curve.style, []
    if len(band) > 1:
        parts.append(svg.path([*upper, *lower], closed=True, fill=style.colour, opacity=0.15))
    middle = [(x(epoch), y(cell.mean)) for epoch, cell in curve.points]
    parts.append(
        svg.path(
            middle, svg.title(curve.name), fill="none", stroke=style.colour, stroke_width=2, stroke_dasharray=style.dash
        )
    )
    return "".join(parts)


def _clip(section: Section) -> str:
    width, height = FRAME.right - FRAME.left + 4, FRAME.bottom - FRAME.top
    shape = svg.tag("rect", x=FRAME.left - 2, y=FRAME.top, width=width, height=height)
    return svg.tag("clipPath", shape, id=f"curves-{section.number}")
