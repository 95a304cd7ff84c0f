"""Parallel coordinates: an axis per setting that differs, a line per group, coloured by the metric."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hydrarec.reports.comparison.charts import svg
from hydrarec.reports.comparison.charts.axes import direction, legible
from hydrarec.reports.comparison.content import Section
from hydrarec.reports.comparison.groups import Group
from hydrarec.reports.comparison.naming import differing, short_names, shown
from hydrarec.tasks.metrics.registry import lower_is_better

TOP, BOTTOM, HEIGHT = 64, 300, 330
STEP, LEFT = 150, 90  # between axes, and left of the first
MODEL = "model._target_"
MOST_AXES, MOST_OPTIONS = 8, 12
# Cividis (Nuñez, Anderton & Renslow 2018), from the best to the worst: the same to colour-blind eyes, and in grey.
COLOURS = ("#00204d", "#31446b", "#666970", "#958f78", "#cbba69")


@dataclass(frozen=True)
class Axis:
    """Where each value of a setting stands; numbers by their size, other values side by side."""

    name: str
    x: float
    places: dict[str, float]
    ticks: list[tuple[float, str]]


def parallel_coordinates(section: Section) -> str:
    """A picture of the groups of the model with the most of them; empty unless 3 groups differ in some setting."""
    metric = section.primary
    groups = [group for group in section.groups if metric and section.cell(group, metric) is not None]
    keys = [key for key in differing(groups) if _of_several(groups, key)][:MOST_AXES] if len(groups) > 2 else []
    if metric is None or not set(keys) - {MODEL}:
        return ""
    names = short_names(keys)
    axes = [
        _axis(names[key], LEFT + STEP * i, [group.settings.get(key) for group in groups]) for i, key in enumerate(keys)
    ]
    values = [cell.mean for group in groups if (cell := section.cell(group, metric)) is not None]
    y = svg.Scale.over(
        legible(values, metric), *((TOP, BOTTOM) if lower_is_better(metric) else (BOTTOM, TOP)), room=0.0
    )
    last = LEFT + STEP * len(keys)
    scale = Axis(direction(metric), last, {}, [(y(tick), svg.tick_label(tick)) for tick in y.ticks()])
    worst = max(len(groups) - 1, 1)
    lines = []
    for rank, group in reversed(list(enumerate(groups))):  # the best on top
        points = [(axis.x, axis.places[_key(group.settings.get(key))]) for axis, key in zip(axes, keys, strict=True)]
        words = svg.title(f"{group.name}: {values[rank]:.4f}")
        colour = COLOURS[rank * (len(COLOURS) - 1) // worst]
        width, opacity = (3, 1) if rank == 0 else (1.5, max(0.25, min(0.9, 40 / len(groups))))
        lines.append(
            svg.path(
                [*points, (last, min(max(y(values[rank]), TOP), BOTTOM))],
                words,
                class_="strand",
                stroke=colour,
                stroke_width=width,
                opacity=opacity,
            )
        )
    return svg.drawing(
        max(last + 110, 640), HEIGHT, f"settings and {metric}", *lines, *(_drawn(axis) for axis in [*axes, scale])
    )


def _axis(name: str, x: float, values: Sequence[Any]) -> Axis:
    distinct = list({_key(value): value for value in values}.values())
    numbers = [value for value in distinct if isinstance(value, int | float) and not isinstance(value, bool)]
    if len(numbers) == len(distinct):
        y = svg.Scale.over(numbers, BOTTOM, TOP, log=True, room=0.0)
        marked = numbers if len(numbers) <= 6 else y.ticks()
        return Axis(name, x, {_key(value): y(value) for value in numbers}, [(y(v), svg.tick_label(v)) for v in marked])
    step = (BOTTOM - TOP) / max(len(distinct) - 1, 1)
    places = {_key(value): BOTTOM - step * index for index, value in enumerate(sorted(distinct, key=_order))}
    labels = sorted({(places[_key(value)], shown(value)) for value in distinct})
    return Axis(name, x, places, [(place, svg.shortened(label, 18)) for place, label in labels[: 2 * MOST_OPTIONS]])


def _drawn(axis: Axis) -> str:
    parts = [svg.line(axis.x, TOP, axis.x, BOTTOM, stroke="#333")]
    parts.append(svg.text(axis.x, TOP - 16, svg.shortened(axis.name, 32), text_anchor="middle", class_="axis"))
    for place, label in axis.ticks:
        parts.append(svg.line(axis.x - 3, place, axis.x + 3, place, stroke="#333"))
        parts.append(svg.text(axis.x + 7, place + 4, label, class_="tick halo"))
    return svg.tag("g", *parts)


def _of_several(groups: Sequence[Group], key: str) -> bool:
    """Whether the setting tells more than the model does: it differs within some model, or is the model."""
    if key == MODEL:
        return True
    by_model: dict[str, set[str]] = {}
    for group in groups:
        by_model.setdefault(str(group.settings.get(MODEL)), set()).add(_key(group.settings.get(key)))
    return any(len(values) > 1 for values in by_model.values())


def _order(value: Any) -> tuple[bool, float, str]:
    """Numbers by size, then the rest by name."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return not number, value if number else 0.0, shown(value)


def _key(value: Any) -> str:
    return repr(value)
