"""Labels in figures: shortened, and placed without overlap."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.text import Text
from numpy.typing import NDArray

from hydrarec.figures.style import GREY, Floats

_AIR = 0.7  # free pixels around a text
_MARGIN = 5.0  # pixels between a text and the frame
_MARKER = 6.0  # pixels from a point to the edge of its marker
_FAR = 18.0  # pixels between a text and its point above which a line joins them
_DISTANCES = (6.0, 12.0, 24.0, 48.0, 80.0)  # pixels between a point and its text, in the order tried
_AROUND = ((1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (-1, 1), (1, -1), (-1, -1))  # right, left, above, …


def shortened(text: str, width: int) -> str:
    """Shorten ``text`` to ``width`` characters: drop second titles in brackets, then truncate; the year is kept."""
    if len(text) <= width:
        return text
    year = re.search(r" \(\d{4}\)$", text)
    tail = year[0] if year else ""
    name = bare(text)
    return (name if len(name) + len(tail) <= width else name[: max(1, width - len(tail) - 1)].rstrip() + "…") + tail


def bare(title: str) -> str:
    """Remove brackets (year, second title) from a title: ``Seven (a.k.a. Se7en) (1995)`` → ``Seven``."""
    return re.sub(r"\s*\([^()]*\)", "", title).strip() or title


def place_titles(axis: Axes, points: Floats, titles: Sequence[str], **style: Any) -> list[Text]:
    """Write ``titles`` [m] next to the first m ``points``, float64 [n, 2], without overlap; return the texts shown.

    Points are in data units; titles avoid all of them if possible. The first titles are the most important: if there
    is not enough room, later ones are omitted. Call this last, when the axes have their final limits; it freezes the
    figure's layout.
    """
    texts = [axis.text(x, y, title, **style) for (x, y), title in zip(points, titles, strict=False)]
    if not texts:
        return []
    for text in texts:
        text.set_in_layout(False)
    figure = texts[0].get_figure(root=True)
    assert figure is not None
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    places = axis.transData.transform(points)
    markers = np.hstack([places - _MARKER, places + _MARKER])
    frame = np.array(axis.get_window_extent().padded(-_MARGIN).extents)
    shown: list[Text] = []
    taken = np.empty((0, 4))
    for text, place in zip(texts, places, strict=False):
        before = text.get_window_extent()
        box = _free_box(np.array(before.size), place, frame, taken, markers)
        if box is None:
            text.remove()
            continue
        x, y = axis.transData.transform(text.get_position())
        moved = (x + box[0] - before.x0, y + box[1] - before.y0)
        text.set_position(tuple(axis.transData.inverted().transform(moved)))
        shown.append(text)
        taken = np.vstack([taken, box])
        _join(axis, box, place)
    return shown


def _free_box(size: Floats, point: Floats, frame: Floats, taken: Floats, markers: Floats) -> Floats | None:
    """The nearest free box for a text, [x0, y0, x1, y1] in pixels, off all markers if possible; None without room."""
    directions = np.array(_AROUND)
    centres = np.vstack([point + directions * (size / 2 + distance) for distance in _DISTANCES])
    boxes = np.hstack([centres - size / 2, centres + size / 2])
    inside = (boxes[:, :2] >= frame[:2]).all(1) & (boxes[:, 2:] <= frame[2:]).all(1)
    free = boxes[inside & ~_overlap(boxes, taken)]
    clear = free[~_overlap(free, markers)]
    return next(iter([*clear, *free]), None)


def _overlap(boxes: Floats, others: Floats) -> NDArray[np.bool_]:
    """Which of ``boxes`` [n, 4] overlap or nearly touch any of ``others`` [m, 4]: bool [n]."""
    first, second = boxes[:, None], others[None]
    apart = (first[..., :2] - _AIR >= second[..., 2:]) | (second[..., :2] >= first[..., 2:] + _AIR)
    clear: NDArray[np.bool_] = np.all(apart.any(-1), axis=-1)
    return ~clear


def _join(axis: Axes, box: Floats, point: Floats) -> None:
    """Draw a thin line from a point to the nearest edge of its text."""
    edge = np.clip(point, box[:2], box[2:])
    if np.hypot(*(edge - point)) > _FAR:
        ends = axis.transData.inverted().transform([point, edge])
        axis.plot(*ends.T, color=GREY, linewidth=0.5, zorder=1, scalex=False, scaley=False)
