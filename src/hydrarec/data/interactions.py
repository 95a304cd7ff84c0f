"""Interactions: the ratings of a dataset as arrays in canonical order, the form in which the house passes them on."""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from hydrarec.core.errors import DataError
from hydrarec.data.ids import IdMap
from hydrarec.data.table import ItemTexts, RatingTable, Scale

log = logging.getLogger(__name__)

Duplicates = Literal["error", "last", "first", "mean"]


@dataclass(frozen=True, eq=False)
class Interactions:
    """Each rated (user, item) pair once, sorted by user, then item; equal for any order of the source's rows.

    Attributes:
        users, items: indices, int32 [N].
        ratings: float32 [N].
        timestamps: unix seconds, int64 [N], or None.
        user_ids, item_ids: raw ids ↔ indices, of rated users and items only.
        titles, genres: per item index, ``Action|Comedy`` for genres, or None; free of tabs and newlines.
        scale: lowest and highest rating allowed.
        name: the dataset's.
        fingerprint: SHA-256, hex, over raw ids, ratings, timestamps and parts, not over titles.
        part: int8 [N], 0 train, 1 validation, 2 test, where the source itself is split, else None.
    """

    users: NDArray[np.int32]
    items: NDArray[np.int32]
    ratings: NDArray[np.float32]
    timestamps: NDArray[np.int64] | None
    user_ids: IdMap
    item_ids: IdMap
    titles: tuple[str, ...] | None
    genres: tuple[str, ...] | None
    scale: tuple[float, float]
    name: str
    fingerprint: str
    part: NDArray[np.int8] | None = None

    @property
    def num_users(self) -> int:
        return len(self.user_ids)

    @property
    def num_items(self) -> int:
        return len(self.item_ids)

    def __len__(self) -> int:
        return len(self.ratings)

    def rows_of(self, users: NDArray, items: NDArray) -> NDArray[np.int64]:
        """The row of each (user index, item index) pair, −1 where the pair has no rating: int64 [n]."""
        keys = _keys(self.users, self.items, self.num_items)
        wanted = _keys(users, items, self.num_items)
        rows = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
        return np.where(keys[rows] == wanted, rows, -1)


def interactions_of(
    table: RatingTable, *, name: str, scale: Scale, duplicates: Duplicates, texts: ItemTexts | None
) -> Interactions:
    """Index, sort and fingerprint a table of raw ratings.

    Raises:
        DataError: no ratings at all; a pair that is rated in two parts, or, with ``duplicates="error"``, twice.
    """
    if not len(table):
        raise DataError(f"{name} has no ratings", expected="at least one rating", fix="fetch or write the file again")
    user_ids, users = IdMap.of(table.users)
    item_ids, items = IdMap.of(table.items)
    order = _canonical_order(users, items, len(item_ids), table.timestamps)
    columns = Columns(users, items, table.ratings, table.timestamps, table.part).at(order)
    columns = _each_pair_once(columns, order, table, duplicates)
    low = float(columns.ratings.min()) if scale.low is None else scale.low
    high = float(columns.ratings.max()) if scale.high is None else scale.high
    titles, genres = _texts_by_index(texts, item_ids)
    return Interactions(
        **vars(columns),
        user_ids=user_ids,
        item_ids=item_ids,
        titles=titles,
        genres=genres,
        scale=(float(low), float(high)),
        name=name,
        fingerprint=fingerprint_of(columns, user_ids, item_ids),
    )


@dataclass(frozen=True)
class Columns:
    users: NDArray[np.int32]
    items: NDArray[np.int32]
    ratings: NDArray[np.float32]
    timestamps: NDArray[np.int64] | None
    part: NDArray[np.int8] | None

    def at(self, rows: NDArray) -> Columns:
        return Columns(
            users=self.users[rows],
            items=self.items[rows],
            ratings=self.ratings[rows],
            timestamps=None if self.timestamps is None else self.timestamps[rows],
            part=None if self.part is None else self.part[rows],
        )


def _keys(users: NDArray, items: NDArray, num_items: int) -> NDArray[np.int64]:
    """One number per (user, item) pair that orders by user, then item: int64 [N]."""
    keys = np.array(users, np.int64)
    keys *= num_items
    keys += items
    return keys


def _canonical_order(users: NDArray, items: NDArray, num_items: int, times: NDArray | None) -> NDArray[np.int64]:
    """Row numbers sorted by user, item, time, and last by place in the file: int64 [N]."""
    keys = _keys(users, items, num_items)
    steps = np.diff(keys)
    if np.all(steps > 0):  # sorted already, as most published files are
        return np.arange(len(keys))
    order = np.argsort(keys, kind="stable")
    if times is not None and np.any(np.diff(keys[order]) == 0):  # time matters among duplicates only
        order = np.lexsort((times, keys))
    return order


def _each_pair_once(columns: Columns, order: NDArray, table: RatingTable, duplicates: Duplicates) -> Columns:
    """Apply the policy to pairs that occur more than once; they lie side by side, earliest first.

    A pair in two parts is an error under any policy: whichever rating stayed, one part would have seen the other's.
    """
    new_pair = np.empty(len(order), bool)
    new_pair[0] = True
    new_pair[1:] = (np.diff(columns.users) != 0) | (np.diff(columns.items) != 0)
    again = np.flatnonzero(~new_pair)
    if not len(again):
        return columns
    if columns.part is not None and len(torn := again[columns.part[again] != columns.part[again - 1]]):
        expected, fix = "each (user, item) pair in one part only", "remove it from all parts but one"
        raise _rated_twice(order, torn, table, expected, fix)
    if duplicates == "error":
        fix = "remove one of them, or dataset.duplicates=last, first or mean"
        raise _rated_twice(order, again, table, "each (user, item) pair once", fix)
    log.warning("%d ratings of a pair that is rated more than once: duplicates=%s", len(again), duplicates)
    firsts = np.flatnonzero(new_pair)
    lasts = np.append(firsts[1:], len(order)) - 1
    kept = columns.at(firsts if duplicates == "first" else lasts)
    if duplicates == "mean":
        sums = np.add.reduceat(columns.ratings, firsts, dtype=np.float64)
        means = (sums / (lasts - firsts + 1)).astype(np.float32)
        return replace(kept, ratings=means)
    return kept


def _rated_twice(order: NDArray, again: NDArray, table: RatingTable, expected: str, fix: str) -> DataError:
    """The error for the ratings at ``again`` in ``order``, each of the same pair as the one before it."""
    rows = sorted(order[again[0] - 1 : again[0] + 1].tolist())
    (file, line), (other_file, other_line) = table.places(rows)
    where = f"line {line}" if other_file == file else f"{file}:{line}"
    user, item = table.users[rows[0]], table.items[rows[0]]
    return DataError(
        f"user {user} rates item {item} a second time, first in {where}"
        + (f" ({len(again)} such ratings in all)" if len(again) > 1 else ""),
        expected=expected,
        fix=fix,
        file=other_file,
        line=other_line,
        value=f"{user}, {item}",
    )


def _texts_by_index(texts: ItemTexts | None, item_ids: IdMap) -> tuple[tuple[str, ...] | None, tuple[str, ...] | None]:
    if texts is None:
        return None, None
    raw = item_ids.to_list()
    titles = tuple(_one_line(texts.titles.get(item, str(item))) for item in raw)
    return titles, tuple(_one_line(texts.genres.get(item, "")) for item in raw) if texts.genres else None


def _one_line(text: str) -> str:
    return " ".join(text.split())  # a tab or newline in a title breaks TensorBoard's projector


def fingerprint_of(columns: Columns, user_ids: IdMap, item_ids: IdMap) -> str:
    """SHA-256 over the canonical content, in a byte order of its own: equal on every machine."""
    digest = hashlib.sha256()
    for ids in (user_ids, item_ids):
        if ids.are_integers:
            digest.update(b"int64" + ids.raw.astype("<i8", copy=False).tobytes())
        else:
            digest.update(b"str" + b"".join(b"%d:%s" % (len(raw := s.encode()), raw) for s in ids.raw.tolist()))
    kinds = {"users": "<i4", "items": "<i4", "ratings": "<f4", "timestamps": "<i8", "part": "|i1"}
    for key, kind in kinds.items():
        column = getattr(columns, key)
        digest.update(key.encode())
        if column is not None:
            digest.update(np.ascontiguousarray(column.astype(kind, copy=False)).data)
    return digest.hexdigest()
