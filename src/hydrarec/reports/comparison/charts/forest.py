"""A forest plot: how far each group is behind the best, with the interval of the difference."""

from __future__ import annotations

import math

from hydrarec.reports.comparison import wording
from hydrarec.reports.comparison.charts import svg
from hydrarec.reports.comparison.charts.axes import legible
from hydrarec.reports.comparison.charts.svg import GREY
from hydrarec.reports.comparison.content import Section
from hydrarec.reports.comparison.contrasts import Comparison

WIDTH, ROW, LEFT, RIGHT, TOP = 640, 26, 240, 480, 46


def forest_plot(section: Section, metric: str | None) -> str:
    """A picture of all comparisons of ``metric``; empty where there are none with an interval."""
    comparisons = [found for found in section.comparisons.get(metric or "", []) if not math.isnan(found.interval[0])]
    if not comparisons:
        return ""
    bottom = TOP + ROW * len(comparisons)
    distances = {abs(comparison.difference) for comparison in comparisons}
    shown = legible([0.0, *distances], "loss")  # distances: the smaller the better, whatever the metric
    ends = [end for found in comparisons if abs(found.difference) in shown for end in _behind(found)]
    x = svg.Scale.over([0.0, *ends], LEFT, RIGHT)
    level = f"{100 * (1 - comparisons[0].alpha):g} %"
    heading = svg.shortened(f"{metric}, {level} intervals of the difference to {comparisons[0].first}", 66)
    parts = [svg.text(8, 16, heading, class_="axis")]
    for tick in x.ticks():
        parts.append(svg.line(x(tick), TOP - 8, x(tick), bottom, class_="grid"))
        parts.append(svg.text(x(tick), bottom + 16, svg.tick_label(tick), text_anchor="middle", class_="tick"))
    parts.append(svg.line(x(0), TOP - 8, x(0), bottom, stroke="#333", stroke_width=1.2))
    parts.append(svg.text(LEFT, TOP - 12, "filled: different; open: not distinguishable", class_="tick"))
    parts += [_row(comparison, TOP + ROW * (index + 0.5), x) for index, comparison in enumerate(comparisons)]
    return svg.drawing(WIDTH, bottom + 30, f"differences of {metric} to the best", *parts)


def _row(comparison: Comparison, y: float, x: svg.Scale) -> str:
    colour = svg.PALETTE[1] if comparison.distinguishable else GREY
    fill = colour if comparison.distinguishable else "white"
    low, middle, high = (
        min(max(x(end), LEFT), RIGHT) for end in sorted([*_behind(comparison), -comparison.difference])
    )
    words = svg.title(wording.sentence(comparison))
    off_scale = not x.low <= -comparison.difference <= x.high
    parts = [
        svg.text(LEFT - 12, y + 4, svg.shortened(comparison.second, 28), text_anchor="end", class_="label"),
        svg.text(
            middle,
            y + 4,
            f"{-comparison.difference:+.3g}, off the scale",
            text_anchor="end" if middle == RIGHT else "start",
            class_="tick",
        )
        if off_scale
        else svg.line(low, y, high, y, stroke=colour, stroke_width=2)
        + svg.marker("square", middle, y, words, fill=fill, stroke=colour, stroke_width=2),
        svg.text(RIGHT + 12, y + 4, _p_values(comparison), class_="label"),
    ]
    return svg.tag("g", *parts)


def _p_values(comparison: Comparison) -> str:
    """The p of the units; beside it that of the seeds where these are the doubt."""
    units = wording.p_value(comparison.holm)
    doubt = comparison.holm < comparison.alpha <= comparison.p_seeds
    return f"{units}, seeds {wording.p_value(comparison.p_seeds)[4:]}" if doubt else units


def _behind(comparison: Comparison) -> tuple[float, float]:
    """The interval of the other's value minus the best's."""
    low, high = comparison.interval
    return -high, -low
