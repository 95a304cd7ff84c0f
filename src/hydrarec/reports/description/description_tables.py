"""The tables of a description: plain numbers for CSV, rounded ones for people."""

from __future__ import annotations

import csv
import datetime
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hydrarec.analysis.activity import Activity, frequencies
from hydrarec.analysis.description import Description, Timeline
from hydrarec.reports.writers import markdown

DAY = 86_400  # seconds
RATING, MEAN, SHARE, NUMBER, TEXT = ".7g", ",.2f", ".1%", ",d", ""  # how people see a cell; ratings have 7 digits


@dataclass(frozen=True)
class Table:
    """Named columns, and rows of cells: a plain value, None for an empty cell, and the format in which people see it."""

    name: str
    header: list[str]
    rows: list[list[tuple[Any, str]]]

    def comma_separated(self) -> str:
        """A header, and numbers as they are: RFC 4180 but for the newlines."""
        buffer = io.StringIO()
        writer = csv.writer(buffer, lineterminator="\n")
        writer.writerow(self.header)
        writer.writerows([_shown(value, form if form == RATING else TEXT) for value, form in row] for row in self.rows)
        return buffer.getvalue()

    def markdown(self) -> list[str]:
        """Its lines."""
        rows = [[markdown.escaped(text) for text in row] for row in self.shown()]
        return markdown.table_lines([markdown.escaped(name) for name in self.header], rows)

    def shown(self) -> list[list[str]]:
        """The cells as people see them."""
        return [[_shown(value, form) for value, form in row] for row in self.rows]


@dataclass(frozen=True)
class Column:
    """A column's name, its values and how they are shown."""

    name: str
    values: Sequence | NDArray
    form: str


def tables(found: Description) -> list[Table]:
    """All tables, in the order in which they are read."""
    listed = [sizes(found), spread(found), rating_histogram(found)]
    listed += [_frequencies("user", found.per_user), _frequencies("item", found.per_item)]
    listed += [] if found.timeline is None else [ratings_over_time(found.timeline)]
    return [*listed, most_active_users(found), most_rated_items(found), cross_tab(found)]


def sizes(found: Description) -> Table:
    """How much there is, on which scale, and from when."""
    data, (low, high) = found.interactions, found.interactions.scale
    rows: list[tuple[str, Any, str]] = [
        ("ratings", len(data), NUMBER),
        ("users", data.num_users, NUMBER),
        ("items", data.num_items, NUMBER),
        ("density", found.density, ".3%" if found.density >= 0.001 else ".2g"),
        ("lowest rating allowed", low, RATING),
        ("highest rating allowed", high, RATING),
        ("mean rating", found.mean, ".3f"),
        ("standard deviation", found.sd, ".3f"),
    ]
    if found.span is not None:
        first, last = found.span
        rows += [("first rating (UTC)", moment(first), TEXT), ("last rating (UTC)", moment(last), TEXT)]
        rows.append(("days between them", (last - first) / DAY, ",.1f"))
    if found.parts is not None:
        parts = zip(("training", "validation", "test"), found.parts, strict=True)
        rows += [(f"given for {name}", number, NUMBER) for name, number in parts]
    rows.append(("fingerprint", data.fingerprint, TEXT))
    return Table("sizes", ["quantity", "value"], [[(name, TEXT), (value, form)] for name, value, form in rows])


def spread(found: Description) -> Table:
    """How the ratings are spread over users and over items."""
    user, item = Activity.of(found.per_user), Activity.of(found.per_item)
    columns = [
        Column("ratings per", ["user", "item"], TEXT),
        Column("number", [user.number, item.number], NUMBER),
        Column("least", [user.least, item.least], NUMBER),
        Column("lower quartile", [user.lower_quartile, item.lower_quartile], ",.6g"),
        Column("median", [user.median, item.median], ",.6g"),
        Column("mean", [user.mean, item.mean], ",.1f"),
        Column("upper quartile", [user.upper_quartile, item.upper_quartile], ",.6g"),
        Column("most", [user.most, item.most], NUMBER),
        Column("top 1%", [user.top_1, item.top_1], SHARE),
        Column("top 10%", [user.top_10, item.top_10], SHARE),
        Column("Gini", [user.gini, item.gini], ".3f"),
    ]
    return _table("spread", columns)


def rating_histogram(found: Description) -> Table:
    """How often each rating was given, or how many lie in each interval."""
    bars = found.bars
    ends = [Column("from", bars.low, RATING), Column("to", bars.high, RATING)]
    places = [Column("rating", bars.low, RATING)] if bars.are_values else ends
    shares = Column("share", bars.counts / len(found.interactions), SHARE)
    return _table("rating_histogram", [*places, Column("ratings", bars.counts, NUMBER), shares])


def ratings_over_time(timeline: Timeline) -> Table:
    """Ratings per period from the first to the last."""
    starts = Column(timeline.unit, np.datetime_as_string(timeline.starts), TEXT)
    return _table("ratings_over_time", [starts, Column("ratings", timeline.counts, NUMBER)])


def most_active_users(found: Description) -> Table:
    """Those with most ratings; of equally many, those whose raw ids come first."""
    users = found.most_active
    columns = [
        Column("user", found.interactions.user_ids.raw[users], TEXT),
        Column("ratings", found.per_user[users], NUMBER),
        Column("mean rating", found.user_means[users], MEAN),
    ]
    return _table("most_active_users", columns)


def most_rated_items(found: Description) -> Table:
    """The same of items, with titles and genres where they are known."""
    data, items = found.interactions, found.most_rated
    columns = [Column("item", data.item_ids.raw[items], TEXT)]
    for name, texts in (("title", data.titles), ("genres", data.genres)):
        if texts is not None:
            columns.append(Column(name, [texts[item] for item in items.tolist()], TEXT))
    columns.append(Column("ratings", found.per_item[items], NUMBER))
    columns.append(Column("mean rating", found.item_means[items], MEAN))
    return _table("most_rated_items", columns)


def cross_tab(found: Description) -> Table:
    """Users down, items across, raw ids; empty where there is no rating."""
    shown, data = found.cross_tab, found.interactions
    ratings = shown.ratings.astype(object)
    ratings[np.isnan(shown.ratings)] = None
    columns = [Column("user", data.user_ids.raw[shown.users], TEXT)]
    items = data.item_ids.raw[shown.items].tolist()
    columns += [Column(str(item), values, RATING) for item, values in zip(items, ratings.T, strict=True)]
    return _table("cross_tab", columns)


def moment(second: int) -> str:
    """A unix second as ``1998-04-23 01:10:38``, in UTC."""
    return datetime.datetime.fromtimestamp(second, datetime.UTC).strftime("%Y-%m-%d %H:%M:%S")


def period(first: int, last: int) -> str:
    """``1997-09-20 to 1998-04-22``, or the times of one day."""
    (day, time), (last_day, last_time) = (moment(second).split() for second in (first, last))
    return f"{day} to {last_day}" if day != last_day else f"{day} {time} to {last_time}"


def _frequencies(one: str, counts: NDArray[np.int64]) -> Table:
    sizes, numbers = frequencies(counts)
    columns = [Column(f"ratings per {one}", sizes, NUMBER), Column(f"{one}s", numbers, NUMBER)]
    return _table(f"ratings_per_{one}", columns)


def _table(name: str, columns: Sequence[Column]) -> Table:
    plain = [column.values.tolist() if isinstance(column.values, np.ndarray) else column.values for column in columns]
    forms = [column.form for column in columns]
    rows = [list(zip(row, forms, strict=True)) for row in zip(*plain, strict=True)]
    return Table(name, [column.name for column in columns], rows)


def _shown(value: Any, form: str) -> str:
    return "" if value is None else format(value, form)
