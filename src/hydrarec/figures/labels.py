"""Texts in figures: short enough, and none upon another."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from adjustText import adjust_text
from matplotlib.axes import Axes
from matplotlib.text import Text
from matplotlib.transforms import Bbox
from numpy.typing import NDArray

from hydrarec.figures.style import GREY

_STEPS = 50  # of the search for places; a limit in seconds would give another figure on a busy machine
_AIR = 0.7  # pixels around a text that stay free
_MARGIN = 5.0  # pixels between a text and the frame
_MARKER = 6.0  # pixels from a point to the edge of what marks it
_FAR = 18.0  # pixels between a text and its point from which a line joins them
_AROUND = ((1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (-1, 1), (1, -1), (-1, -1))  # right, left, above, …


def shortened(text: str, width: int) -> str:
    """``text`` in at most ``width`` characters: first without second titles in brackets, then cut; a year stays."""
    if len(text) <= width:
        return text
    year = re.search(r" \(\d{4}\)$", text)
    tail = year[0] if year else ""
    name = bare(text)
    return (name if len(name) + len(tail) <= width else name[: max(1, width - len(tail) - 1)].rstrip() + "…") + tail


def bare(title: str) -> str:
    """A title without what stands in brackets: year, second title. ``Seven (a.k.a. Se7en) (1995)`` is ``Seven``."""
    return re.sub(r"\s*\([^()]*\)", "", title).strip() or title


def place_titles(axis: Axes, points: NDArray, titles: Sequence[str], **style: object) -> list[Text]:
    """Write ``titles`` beside ``points``, float64 [n, 2] in data units, where they overlap nothing; those that are shown.

    The first are the most important: where there is no room for all, later ones are left out. To be called last, when the
    axes have their final limits. The figure's layout is fixed from here on.
    """
    figure = axis.figure
    texts = [axis.text(x, y, title, **style) for (x, y), title in zip(points, titles, strict=True)]  # type: ignore[arg-type]
    if not texts:
        return []
    figure.draw_without_rendering()  # type: ignore[union-attr]
    figure.set_layout_engine("none")  # type: ignore[union-attr]
    places = axis.transData.transform(points)
    to_data = axis.transData.inverted()
    markers = [Bbox([place - _MARKER, place + _MARKER]) for place in places]
    in_data = [Bbox(to_data.transform(marker.get_points())) for marker in markers]
    adjust_text(texts, x=points[:, 0], y=points[:, 1], objects=in_data, ax=axis, iter_lim=_STEPS)
    frame = axis.get_window_extent().padded(-_MARGIN)
    shown: list[Text] = []
    taken: list[Bbox] = []
    for text, place in zip(texts, places, strict=True):
        box = _free_box(text.get_window_extent(), place, frame, taken, markers)
        if box is None:
            text.remove()
            continue
        before = text.get_window_extent()
        x, y = axis.transData.transform(text.get_position())
        text.set_position(tuple(to_data.transform((x + box.x0 - before.x0, y + box.y0 - before.y0))))
        shown.append(text)
        taken.append(box)
        _join(axis, box, place)
    return shown


def _free_box(found: Bbox, point: NDArray, frame: Bbox, taken: Sequence[Bbox], markers: Sequence[Bbox]) -> Bbox | None:
    """Where a text can stand: where it was put, else beside its point, on no marker if possible; None without room."""
    if found.width > frame.width or found.height > frame.height:
        return None
    half = np.array([found.width, found.height]) / 2
    centres = [point + np.array(direction) * (half + _MARKER) for direction in _AROUND]
    boxes = [_within(found, frame), *(Bbox([centre - half, centre + half]) for centre in centres)]
    free = [box for box in boxes if np.allclose(_within(box, frame), box) and not _overlaps(box, taken)]
    return next((box for box in free if not _overlaps(box, markers)), free[0] if free else None)


def _within(box: Bbox, frame: Bbox) -> Bbox:
    """``box``, moved into ``frame``."""
    right, up = frame.x1 - box.width, frame.y1 - box.height
    return box.translated(min(max(box.x0, frame.x0), right) - box.x0, min(max(box.y0, frame.y0), up) - box.y0)


def _overlaps(box: Bbox, others: Sequence[Bbox]) -> bool:
    return any(box.padded(_AIR).overlaps(other) for other in others)


def _join(axis: Axes, box: Bbox, point: NDArray) -> None:
    """A thin line from a point to the nearest edge of its text."""
    edge = np.clip(point, box.min, box.max)
    if np.hypot(*(edge - point)) > _FAR:
        ends = axis.transData.inverted().transform([point, edge])
        axis.plot(*ends.T, color=GREY, linewidth=0.5, zorder=1, scalex=False, scaley=False)
