"""The usual names of columns in ratings files, so that common files need no settings."""

from __future__ import annotations

import re
from collections.abc import Sequence

# Compared without case, spaces, hyphens, underscores and what follows a colon; the most telling ones first.
USUAL: dict[str, tuple[str, ...]] = {
    "user": ("user", "userid", "uid", "userno", "reviewerid", "customerid", "memberid", "visitorid"),
    "item": (
        *("item", "itemid", "iid", "movieid", "movie", "filmid", "productid", "product", "parentasin", "asin"),
        *("bookid", "book", "isbn", "trackid", "songid", "artistid", "animeid", "gameid", "businessid"),
    ),
    "rating": ("rating", "ratings", "ratingvalue", "score", "stars", "overall", "bookrating"),
    "time": ("time", "timestamp", "datetime", "date", "ratedat", "createdat", "reviewtime", "unixreviewtime", "ts"),
}


def find_column(role: str, name: str, header: Sequence[str]) -> int | None:
    """The position of a column in the header, from 0; None if it is missing.

    A name that is the role's own word, like ``user``, also stands for the usual names of this role.
    """
    if name in header:
        return header.index(name)
    if name != role:
        return None
    plain = [_plain(field) for field in header]
    return next((plain.index(usual) for usual in USUAL[role] if usual in plain), None)


def like_times(header: Sequence[str]) -> list[str]:
    """The columns whose names are usual for times."""
    return [field for field in header if _plain(field) in USUAL["time"]]


def _plain(name: str) -> str:
    return re.sub(r"[\s_-]", "", name.partition(":")[0]).lower()
