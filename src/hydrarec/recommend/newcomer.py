"""Ratings of a new user, given on the command line or in a CSV."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import yaml
from numpy.typing import NDArray

from hydrarec.core.errors import DataError
from hydrarec.data.titles import TitleIndex
from hydrarec.recommend.small_csv import read_rows
from hydrarec.runs.run_data import RunData

EXAMPLE = "{Toy Story: 5, 'Godfather, The': 4, 356: 3}"
NAMING = ("item", "title")  # columns that may name the item; the first one present counts


class GivenRating(NamedTuple):
    """One rating as typed; ``file`` and ``line`` only where it comes from a file."""

    item: str
    rating: str
    file: Path | None = None
    line: int | None = None


class RatedItems(NamedTuple):
    """A person's ratings: ``items`` int64 [n], distinct; ``ratings`` float32 [n]."""

    items: NDArray[np.int64]
    ratings: NDArray[np.float32]


def parse_ratings(text: str, data: RunData, scale: tuple[float, float]) -> RatedItems:
    """Parse ``{title or id: rating, …}``, or the CSV of that name.

    The text is a YAML mapping: quotes around a title that holds a comma, a colon before a space, or a brace. A CSV has the
    columns ``item`` or ``title``, either of which may hold raw ids and titles, and ``rating``. The order is kept.

    Raises:
        DataError: neither of these; an item that is unknown, ambiguous or rated twice; a rating outside ``scale``.
    """
    given = _parse_mapping(text) if text.lstrip().startswith("{") else _read_file(Path(text))
    index = TitleIndex(data.titles, data.item_ids)
    ratings: dict[int, float] = {}
    for each in given:
        item = _item(each, index)
        if item in ratings:
            raise _refused(each, f"{data.label(item)} is rated twice", "each item once", "remove one of them")
        ratings[item] = _rating(each, scale)
    return RatedItems(np.array(list(ratings), np.int64), np.array(list(ratings.values()), np.float32))


def _parse_mapping(text: str) -> Iterator[GivenRating]:
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)  # scalars as typed: 007 stays 007, and No is not false
    except yaml.YAMLError as error:
        raise _unreadable(text) from error
    if not isinstance(node, yaml.MappingNode) or not node.value:
        raise _unreadable(text)
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode) or not isinstance(value, yaml.ScalarNode):
            raise _unreadable(text)
        yield GivenRating(key.value, value.value)


def _unreadable(text: str) -> DataError:
    return DataError(
        f"ratings={text[:60]}{'…' if len(text) > 60 else ''} cannot be read",
        expected=f"titles or ids and their ratings, {EXAMPLE}, or the name of a CSV",
        fix="quotes around titles with a comma, colon or brace: 'Godfather, The': 4",
        value=text,
    )


def _read_file(file: Path) -> Iterator[GivenRating]:
    rows = read_rows(file)
    header = [name.lower() for name in next(rows).cells]
    naming = next((name for name in NAMING if name in header), None)
    if naming is None or "rating" not in header:
        missing = "rating" if naming else " or ".join(NAMING)
        raise DataError(
            f"there is no column {missing}",
            expected="a header with item or title, and rating",
            fix=f"rename one of: {', '.join(header)}",
            file=file,
            line=1,
        )
    item, rating = header.index(naming), header.index("rating")
    found = [GivenRating(cells[item], cells[rating], file, line) for line, cells in rows]
    if not found:
        raise DataError("no ratings below the header", expected="at least one", fix=f"ratings={EXAMPLE}", file=file)
    yield from found


def _item(given: GivenRating, index: TitleIndex) -> int:
    try:
        return index.index_of(given.item, setting="ratings")
    except DataError as error:
        fix = "add the year, or write the id in brackets instead of the title"
        raise _refused(given, error.what, error.expected, fix) from error


def _rating(given: GivenRating, scale: tuple[float, float]) -> float:
    try:
        rating = float(given.rating)
    except ValueError:
        rating = math.nan
    if not (math.isfinite(rating) and scale[0] <= rating <= scale[1]):
        what = f"the rating '{given.rating}' of '{given.item}' is not on the scale"
        on_scale = f" from {scale[0]:g} to {scale[1]:g}" if math.isfinite(scale[0]) else ""
        raise _refused(given, what, f"a number{on_scale}", "correct it")
    return rating


def _refused(given: GivenRating, what: str, expected: str, fix: str) -> DataError:
    return DataError(what, expected=expected, fix=fix, file=given.file, line=given.line, value=given.item)
