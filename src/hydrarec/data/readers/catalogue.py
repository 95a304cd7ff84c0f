"""Titles and genres of items. They are shown, never computed with: a row that cannot be read is left out."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from hydrarec.data.table import ItemTexts

# The order of the flags in u.item, as u.genre lists it.
GENRES_100K = (
    *("unknown", "Action", "Adventure", "Animation", "Children's", "Comedy", "Crime", "Documentary", "Drama"),
    *("Fantasy", "Film-Noir", "Horror", "Musical", "Mystery", "Romance", "Sci-Fi", "Thriller", "War", "Western"),
)
NO_GENRE = "(no genres listed)"

Row = tuple[str, str, str]  # raw id, title, genres


def movies_csv(file: Path) -> ItemTexts:
    """``movieId,title,genres``, UTF-8, titles quoted where they hold a comma."""
    with file.open(encoding="utf-8-sig", errors="replace", newline="") as lines:
        rows = csv.reader(lines)
        next(rows, None)
        return _texts((row[0], row[1], row[2]) for row in rows if len(row) >= 3)


def movies_dat(file: Path, encoding: str) -> ItemTexts:
    """``id::title::genres``."""
    with file.open(encoding=encoding, errors="replace") as lines:
        rows = (line.rstrip("\n").split("::") for line in lines)
        return _texts((row[0], row[1], row[2]) for row in rows if len(row) >= 3)


def u_item(file: Path) -> ItemTexts:
    """MovieLens 100K's ``u.item``: 5 fields and 19 genre flags, ``|`` between them, Latin-1."""
    with file.open(encoding="latin-1") as lines:
        rows = (line.rstrip("\n").split("|") for line in lines)
        return _texts((row[0], row[1], _flagged(row[5:])) for row in rows if len(row) == 24)


def atomic_item(file: Path) -> ItemTexts:
    """RecBole's ``ml-100k.item``: id, title, year, genres separated by spaces; tabs between, UTF-8."""
    with file.open(encoding="utf-8", errors="replace") as lines:
        next(lines, None)
        rows = (line.rstrip("\n").split("\t") for line in lines)
        return _texts(
            (row[0], f"{row[1]} ({row[2]})" if row[2].isdigit() else row[1], "|".join(row[3].split()))
            for row in rows
            if len(row) >= 4
        )


def _flagged(flags: list[str]) -> str:
    return "|".join(genre for genre, flag in zip(GENRES_100K, flags, strict=True) if flag == "1")


def _texts(rows: Iterator[Row]) -> ItemTexts:
    titles: dict[int | str, str] = {}
    genres: dict[int | str, str] = {}
    for raw, title, genre in rows:
        item = int(raw) if raw.isdecimal() else raw
        titles[item] = title
        genres[item] = "" if genre == NO_GENRE else genre
    return ItemTexts(titles, genres)
