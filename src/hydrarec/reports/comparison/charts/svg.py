"""Draw in SVG: elements whose text is escaped, scales with round ticks, and styles that survive colour blindness."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

# Okabe & Ito, "Color Universal Design" (2008), without yellow, which white paper swallows.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000", "#8A6D3B")
DASHES = ("", "7 3", "2 3", "9 3 2 3")
MARKERS = ("circle", "square", "triangle", "diamond")
GREY = "#8a8f98"
LONGEST = 34  # characters of a name in a chart; the rest shows when the mouse rests on it
CHARACTER = 7.6  # width of one in a label, in a wide font; the page cannot know which it gets


@dataclass(frozen=True)
class Style:
    """Colour, dashes and marker: each tells lines apart by itself, as far as it goes."""

    colour: str
    dash: str
    marker: str

    @classmethod
    def number(cls, index: int) -> Style:
        return cls(
            PALETTE[index % len(PALETTE)],
            DASHES[index // len(PALETTE) % len(DASHES)] if index >= len(PALETTE) else DASHES[index % 2],
            MARKERS[index % len(MARKERS)],
        )


def tag(name: str, *content: str, **attributes: Any) -> str:
    """An element; attributes are escaped, ``content`` is SVG already. ``stroke_width`` becomes ``stroke-width``."""
    given = {key.rstrip("_").replace("_", "-"): value for key, value in attributes.items() if value not in (None, "")}
    text = "".join(f' {key}="{html.escape(_shown(value))}"' for key, value in given.items())
    return f"<{name}{text}>{''.join(content)}</{name}>"


def text(x: float, y: float, words: str, **attributes: Any) -> str:
    return tag("text", html.escape(words), x=x, y=y, **attributes)


def title(words: str) -> str:
    """What shows when the mouse rests on the element that it is in."""
    return tag("title", html.escape(words))


def line(x1: float, y1: float, x2: float, y2: float, **attributes: Any) -> str:
    return tag("line", x1=x1, y1=y1, x2=x2, y2=y2, **attributes)


def path(points: Sequence[tuple[float, float]], *content: str, closed: bool = False, **attributes: Any) -> str:
    steps = "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
    return tag("path", *content, d=f"M{steps}{'Z' if closed else ''}", **attributes)


def marker(kind: str, x: float, y: float, *content: str, size: float = 4.5, **attributes: Any) -> str:
    if kind == "circle":
        return tag("circle", *content, cx=x, cy=y, r=size, **attributes)
    shapes = {
        "square": ((-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)),
        "triangle": ((0, -1.15), (1.1, 0.85), (-1.1, 0.85)),
        "diamond": ((0, -1.25), (1.25, 0), (0, 1.25), (-1.25, 0)),
    }
    return path([(x + dx * size, y + dy * size) for dx, dy in shapes[kind]], *content, closed=True, **attributes)


def drawing(width: float, height: float, label: str, *content: str) -> str:
    """The whole picture; ``label`` is read aloud by screen readers."""
    return tag(
        "svg",
        *content,
        viewBox=f"0 0 {width:g} {height:g}",
        role="img",
        aria_label=label,
        class_="chart",
        style=f"max-width:{1.25 * width:.0f}px",
    )


@dataclass(frozen=True)
class Scale:
    """Maps values to places; ``log`` by their logarithm, for which they have to be positive."""

    low: float
    high: float
    start: float
    stop: float
    log: bool = False

    @classmethod
    def over(
        cls, values: Sequence[float], start: float, stop: float, *, log: bool = False, room: float = 0.05
    ) -> Scale:
        """A scale over all ``values``, with some room at both ends; linear where a value is not positive."""
        log = log and min(values) > 0 and max(values) > 2 * min(values)
        low, high = min(values), max(values)
        if log:
            spread = (high / low) ** room
            return cls(low / spread, high * spread, start, stop, log=True)
        spread = (high - low) * room if high > low else abs(high) * 0.05 or 1.0
        return cls(low - spread, high + spread, start, stop)

    def __call__(self, value: float) -> float:
        if self.log:
            share = math.log(value / self.low) / math.log(self.high / self.low)
        else:
            share = (value - self.low) / (self.high - self.low)
        return self.start + share * (self.stop - self.start)

    def ticks(self, count: int = 7, *, whole: bool = False) -> list[float]:
        """About ``count`` round values within the scale at most; ``whole``: no fractions."""
        if self.log:
            decades = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
            for steps in ((1,), (1, 3), (1, 2, 5)):
                found = [s * 10.0**d for d in decades for s in steps if self.low <= s * 10.0**d <= self.high]
                if len(found) >= 3:
                    return found[:: 1 + len(found) // 7]
        rough = (self.high - self.low) / count
        magnitude = 10.0 ** math.floor(math.log10(rough))
        step = next(s * magnitude for s in (1, 2, 5, 10) if s * magnitude >= rough)
        step = max(step, 1.0) if whole else step
        first = math.ceil(self.low / step)
        return [round(i * step, 12) for i in range(first, math.floor(self.high / step) + 1)]


def tick_label(value: float) -> str:
    for unit, sign in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= unit and (unit > 1e3 or abs(value) >= 1e4):
            return f"{value / unit:g}{sign}"
    return f"{value:.10g}".replace("-", "−")


def shortened(name: str, longest: int = LONGEST) -> str:
    return name if len(name) <= longest else name[: longest - 1] + "…"


def apart(places: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """``places`` moved as little as it takes for labels ``gap`` high not to cover each other, within low … high."""
    order = sorted(range(len(places)), key=lambda index: places[index])
    moved = list(places)
    for before, index in zip([None, *order], order, strict=False):
        moved[index] = max(moved[index], low if before is None else moved[before] + gap)
    limit = high
    for index in reversed(order):
        moved[index] = min(moved[index], limit)
        limit = moved[index] - gap
    return moved


def _shown(value: Any) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
