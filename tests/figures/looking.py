"""Check that a figure is legible: filled, labelled axes, and no overlapping texts."""

from __future__ import annotations

from itertools import combinations

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import Bbox

ROUNDING = 0.5  # pixels


def assert_legible(figure: Figure) -> None:
    """Check that axes have content, a name and labels, and that texts neither overlap nor leave the figure."""
    figure.draw_without_rendering()
    assert figure.axes
    boxes: list[tuple[str, Bbox]] = []
    for axis in figure.axes:
        assert axis.has_data(), "empty axes"
        if axis.get_label() == "<colorbar>":
            assert axis.get_ylabel()
            continue
        assert axis.get_title(loc="left"), "axes without a name"
        assert axis.get_xlabel()
        assert axis.get_ylabel() or [label for label in axis.get_yticklabels() if not _is_number(label.get_text())]
        boxes += [(text.get_text(), text.get_window_extent()) for text in _texts(axis)]
    whole = figure.bbox.padded(ROUNDING)
    for text, box in boxes:
        assert whole.contains(*box.min), f"{text} leaves the figure"
        assert whole.contains(*box.max), f"{text} leaves the figure"
    for (one, first), (other, second) in combinations(boxes, 2):
        assert not first.padded(-ROUNDING).overlaps(second), f"'{one}' and '{other}' overlap"


def _texts(axis: Axes) -> list[Text]:
    ticks = [
        label
        for side, limits in ((axis.xaxis, axis.get_xlim()), (axis.yaxis, axis.get_ylim()))
        for place, label in zip(side.get_ticklocs(), side.get_ticklabels(), strict=True)
        if min(limits) <= place <= max(limits)
    ]
    labels = [axis.xaxis.label, axis.yaxis.label, axis._left_title]  # type: ignore[attr-defined]
    return [text for text in (*ticks, *labels, *axis.texts) if text.get_text() and text.get_visible()]


def _is_number(text: str) -> bool:
    return text.replace("−", "-").replace("%", "").replace(".", "").lstrip("-").isdigit()
