"""The tables of a description."""

from __future__ import annotations

import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hydrarec.analysis.activity import Activity, frequencies
from hydrarec.analysis.description import Description, Timeline
from hydrarec.reports.document import Cell, Table

DAY = 86_400  # seconds
RATING, MEAN, SHARE, NUMBER = ".7g", ",.2f", ".1%", ",d"  # display formats; ratings have 7 digits


def sizes(found: Description) -> dict[str, Cell]:
    """Counts, rating scale and dates of the dataset, by name."""
    data, (low, high) = found.interactions, found.interactions.scale
    cells = {
        "ratings": Cell(len(data), NUMBER),
        "users": Cell(data.num_users, NUMBER),
        "items": Cell(data.num_items, NUMBER),
        "density": Cell(float(found.density), ".3%" if found.density >= 0.001 else ".2g"),
        "lowest rating allowed": Cell(rating(low), RATING),
        "highest rating allowed": Cell(rating(high), RATING),
        "mean rating": Cell(float(found.mean), ".3f"),
        "standard deviation": Cell(float(found.sd), ".3f"),
    }
    if found.span is not None:
        first, last = found.span
        cells |= {"first rating (UTC)": Cell(moment(first)), "last rating (UTC)": Cell(moment(last))}
        cells["days between them"] = Cell((last - first) / DAY, ",.1f")
    if found.parts is not None:
        parts = zip(("training", "validation", "test"), found.parts, strict=True)
        cells |= {f"given for {name}": Cell(count, NUMBER) for name, count in parts}
    return {**cells, "fingerprint": Cell(data.fingerprint)}


def sizes_table(found: Description) -> Table:
    """The numbers of users, items and ratings, and figures derived from them."""
    cells = sizes(found)
    return Table.of("sizes", "The data in numbers.", {"quantity": list(cells), "value": list(cells.values())})


def spread(found: Description) -> Table:
    """The distribution of ratings over users and over items."""
    forms = {"number": NUMBER, "least": NUMBER, "lower quartile": ",.6g", "median": ",.6g", "mean": ",.1f"}
    forms |= {"upper quartile": ",.6g", "most": NUMBER, "top 1%": SHARE, "top 10%": SHARE, "Gini": ".3f"}
    both = Activity.of(found.per_user), Activity.of(found.per_item)
    columns: dict[str, list[Any]] = {"ratings per": ["user", "item"]}
    for name in forms:
        attribute = name.lower().replace(" ", "_").removesuffix("%")
        columns[name] = [getattr(activity, attribute) for activity in both]
    return Table.of("spread", "Ratings per user and per item.", columns, forms)


def rating_histogram(found: Description) -> Table:
    """The number of ratings per value or interval."""
    bars = found.bars
    low, high = ([rating(value) for value in ends] for ends in (bars.low, bars.high))
    columns: dict[str, Any] = {"rating": low} if bars.are_values else {"from": low, "to": high}
    columns |= {"ratings": bars.counts, "share": bars.counts / len(found.interactions)}
    forms = {"rating": RATING, "from": RATING, "to": RATING, "ratings": NUMBER, "share": SHARE}
    return Table.of("rating_histogram", "How often each rating was given.", columns, forms)


def rating_frequencies(one: str, counts: NDArray[np.int64]) -> Table:
    """The number of users (or items) by their number of ratings, for a file."""
    numbers, owners = frequencies(counts)
    columns = {f"ratings per {one}": numbers, f"{one}s": owners}
    return Table.of(f"ratings_per_{one}", f"How many {one}s have so many ratings.", columns, shown=())


def ratings_over_time(timeline: Timeline) -> Table:
    """Ratings per period from the first to the last, for a file."""
    columns = {timeline.unit: np.datetime_as_string(timeline.starts), "ratings": timeline.counts}
    return Table.of("ratings_over_time", f"Ratings per {timeline.unit}.", columns, shown=())


def most_active_users(found: Description) -> Table:
    """The users with the most ratings; ties go to the smaller raw id."""
    users = found.most_active
    columns = {"user": found.interactions.user_ids.raw[users], "ratings": found.per_user[users]}
    return _ranked("most_active_users", "The users, most ratings first.", columns, found.user_means[users])


def most_rated_items(found: Description) -> Table:
    """The items with the most ratings, with titles and genres if known."""
    data, items = found.interactions, found.most_rated
    columns: dict[str, Any] = {"item": data.item_ids.raw[items]}
    for name, texts in (("title", data.titles), ("genres", data.genres)):
        if texts is not None:
            columns[name] = [texts[item] for item in items.tolist()]
    columns["ratings"] = found.per_item[items]
    return _ranked("most_rated_items", "The items, most ratings first.", columns, found.item_means[items])


def cross_tab(found: Description) -> Table:
    """The cross-tab: users in rows, items in columns, by raw id; missing ratings are empty."""
    shown, data = found.cross_tab, found.interactions
    header = ["user", *map(str, data.item_ids.raw[shown.items].tolist())]
    rows = [
        [user, *(Cell(None if np.isnan(value) else rating(value), RATING) for value in row)]
        for user, row in zip(data.user_ids.raw[shown.users].tolist(), shown.ratings, strict=True)
    ]
    return Table.of_rows("cross_tab", "Users down, items across, both in the order of their ids.", header, rows)


def rating(value: float) -> float:
    """A rating without float32 rounding noise: 0.1 instead of 0.10000000149."""
    return float(f"{value:.7g}")


def moment(second: int) -> str:
    """Format unix seconds as ``1998-04-23 01:10:38``, in UTC."""
    return datetime.datetime.fromtimestamp(second, datetime.UTC).strftime("%Y-%m-%d %H:%M:%S")


def period(first: int, last: int) -> str:
    """Format a period: ``1997-09-20 to 1998-04-22``, or the times if it is one day."""
    (day, time), (last_day, last_time) = (moment(second).split() for second in (first, last))
    return f"{day} to {last_day}" if day != last_day else f"{day} {time} to {last_time}"


def _ranked(name: str, title: str, columns: dict[str, Any], means: NDArray[np.float64]) -> Table:
    forms = {"ratings": NUMBER, "mean rating": MEAN}
    return Table.of(name, title, {**columns, "mean rating": means}, forms)
