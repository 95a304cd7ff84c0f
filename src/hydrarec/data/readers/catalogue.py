"""Readers of item titles and genres, which are for display only: rows that cannot be read are skipped."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable
from pathlib import Path

from hydrarec.data.table import ItemTexts

# The order of the flags in u.item, as u.genre lists it.
GENRES_100K = (
    *("unknown", "Action", "Adventure", "Animation", "Children's", "Comedy", "Crime", "Documentary", "Drama"),
    *("Fantasy", "Film-Noir", "Horror", "Musical", "Mystery", "Romance", "Sci-Fi", "Thriller", "War", "Western"),
)
NO_GENRE = "(no genres listed)"

Row = list[str]


def movies_csv(file: Path) -> ItemTexts:
    """Read ``movieId,title,genres``, UTF-8; titles with a comma are quoted."""
    with file.open(encoding="utf-8-sig", errors="replace", newline="") as lines:
        rows = csv.reader(lines)
        next(rows, None)
        return _texts(rows, 3, lambda row: (row[1], row[2]))


def movies_dat(file: Path, encoding: str) -> ItemTexts:
    """Read ``id::title::genres``."""
    return _texts(_split(file, "::", encoding), 3, lambda row: (row[1], row[2]))


def u_item(file: Path) -> ItemTexts:
    """Read MovieLens 100K's ``u.item``: 5 fields and 19 genre flags, separated by ``|``, Latin-1."""
    rows = (row for row in _split(file, "|", "latin-1") if len(row) == 24)
    return _texts(
        rows, 24, lambda row: (row[1], "|".join(g for g, flag in zip(GENRES_100K, row[5:], strict=True) if flag == "1"))
    )


def atomic_item(file: Path) -> ItemTexts:
    """Read RecBole's ``ml-100k.item``: id, title, year, space-separated genres; tab-separated fields, UTF-8."""
    rows = _split(file, "\t", "utf-8")[1:]
    return _texts(
        rows, 4, lambda row: (f"{row[1]} ({row[2]})" if row[2].isdigit() else row[1], "|".join(row[3].split()))
    )


def _split(file: Path, separator: str, encoding: str) -> list[Row]:
    """The fields of every line."""
    with file.open(encoding=encoding, errors="replace") as lines:
        return [line.rstrip("\n").split(separator) for line in lines]


def _texts(rows: Iterable[Row], width: int, parse: Callable[[Row], tuple[str, str]]) -> ItemTexts:
    """Titles and genres of all rows with at least ``width`` fields; the first field is the raw id."""
    titles: dict[int | str, str] = {}
    genres: dict[int | str, str] = {}
    for row in rows:
        if len(row) >= width:
            item = int(row[0]) if row[0].isdecimal() else row[0]
            titles[item], genre = parse(row)
            genres[item] = "" if genre == NO_GENRE else genre
    return ItemTexts(titles, genres)
