"""The pictures of a description; a picture that would be empty is replaced by the reason."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from hydrarec.analysis.description import Description
from hydrarec.data.interactions import Interactions
from hydrarec.figures import data_plots as figures
from hydrarec.figures.labels import shortened
from hydrarec.reports.description.description_tables import moment, period
from hydrarec.reports.document import Picture

LONGEST = 32  # characters of a label


def pictures(found: Description) -> Iterator[Picture]:
    """All pictures of a description."""
    name = shortened(found.interactions.name, 40)
    yield _rating_histogram(found, f"{name}: ratings")
    yield _activity(found.per_user, "user", f"{name}: ratings per user")
    yield _activity(found.per_item, "item", f"{name}: ratings per item")
    yield _over_time(found, f"{name}: ratings over time")
    yield _cross_tab(found, name)


def _rating_histogram(found: Description, title: str) -> Picture:
    if len(found.bars.counts) == 1:
        return Picture("rating_histogram", title, None, f"all ratings are {found.bars.low[0]:.7g}")
    return Picture("rating_histogram", title, figures.rating_histogram(found.bars, title))


def _activity(counts: np.ndarray, one: str, title: str) -> Picture:
    name = f"ratings_per_{one}"
    if counts.min() == counts.max():
        each = f"every {one} has" if len(counts) > 1 else f"the only {one} has"
        return Picture(name, title, None, f"{each} {counts[0]:,} rating{'s' if counts[0] > 1 else ''}")
    return Picture(name, title, figures.activity(counts, one, title))


def _over_time(found: Description, title: str) -> Picture:
    name, timeline, span = "ratings_over_time", found.timeline, found.span
    if found.interactions.timestamps is None:
        return Picture(name, title, None, "the ratings have no times")
    if timeline is None or span is None:
        return Picture(name, title, None, "the times lie before 1990: row numbers, no dates")
    if len(timeline.counts) == 1:
        return Picture(name, title, None, f"all ratings are of {moment(span[0])} UTC")
    return Picture(name, title, figures.ratings_over_time(timeline, f"{title}, {period(*span)}"))


def _cross_tab(found: Description, name: str) -> Picture:
    table, data = found.cross_tab, found.interactions
    rows, columns = table.ratings.shape
    title = f"{name}: most active users × most rated items ({rows} × {columns})"
    if table.is_empty:
        return Picture("cross_tab", title, None, "none of the most active users rated any of the most rated items")
    users = [shortened(str(raw), LONGEST) for raw in data.user_ids.raw[table.users].tolist()]
    items = [_label(data, item) for item in table.items.tolist()]
    return Picture("cross_tab", title, figures.cross_tab(table.ratings, users, items, data.scale, title), wide=True)


def _label(data: Interactions, item: int) -> str:
    """Label an item ``Toy Story (1995) · 1``: the raw id distinguishes equal shortened titles."""
    raw = str(data.item_ids.raw[item])
    if data.titles is None:
        return shortened(raw, LONGEST)
    return f"{shortened(data.titles[item], LONGEST)} · {shortened(raw, 12)}"
