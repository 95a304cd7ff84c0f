"""Interactions: the ratings of a dataset as arrays in canonical order, the form used by all other modules."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import compress
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from hydrarec.core.errors import DataError
from hydrarec.data.ids import IdMap
from hydrarec.data.table import Columns, ItemTexts, RatingTable, Scale, coarsest

log = logging.getLogger(__name__)

Duplicates = Literal["error", "last", "first", "mean"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Interactions(Columns):
    """Unique rated (user, item) pairs, sorted by user, then item; independent of the row order of the source.

    Attributes:
        users, items: indices, int32 [N].
        ratings, timestamps, part: as in :class:`~hydrarec.data.table.Columns`.
        user_ids, item_ids: raw ids ↔ indices, for rated users and items only.
        titles, genres: per item index, or None; without tabs and newlines. Genres read ``Action|Comedy``.
        declared: the scale as declared; its ends may be left to the data.
        scale: lowest and highest rating allowed: the declared ends, else those of the ratings.
        name: name of the dataset.
        fingerprint: SHA-256, hex, over raw ids, ratings, timestamps and parts, but not titles.
    """

    user_ids: IdMap
    item_ids: IdMap
    titles: tuple[str, ...] | None
    genres: tuple[str, ...] | None
    declared: Scale
    scale: tuple[float, float]
    name: str
    fingerprint: str

    @property
    def num_users(self) -> int:
        """Number of users with a rating."""
        return len(self.user_ids)

    @property
    def num_items(self) -> int:
        """Number of items with a rating."""
        return len(self.item_ids)

    def rows_of(self, users: NDArray, items: NDArray) -> NDArray[np.int64]:
        """The row of each (user index, item index) pair, −1 where the pair has no rating: int64 [n]."""
        keys = _keys(self.users, self.items, self.num_items)
        pairs = _keys(users, items, self.num_items)
        rows = np.minimum(np.searchsorted(keys, pairs), len(keys) - 1)
        return np.where(keys[rows] == pairs, rows, -1)

    def restricted_to(self, rows: NDArray[np.int64]) -> Interactions:
        """The given rows (ascending) with users and items reindexed; order is kept, so it stays canonical."""
        user_ids, users, _ = _renumbered(self.user_ids, self.users[rows])
        item_ids, items, present = _renumbered(self.item_ids, self.items[rows])
        titles, genres = (
            None if texts is None else tuple(compress(texts, present.tolist())) for texts in (self.titles, self.genres)
        )
        kept = self.at(rows)
        kept = replace(
            kept, users=users, items=items, user_ids=user_ids, item_ids=item_ids, titles=titles, genres=genres
        )
        scale = self.declared.ends(kept.ratings)
        return replace(kept, scale=scale, fingerprint=fingerprint_of(kept, user_ids, item_ids))


def interactions_of(
    table: RatingTable, *, name: str, scale: Scale, duplicates: Duplicates, texts: ItemTexts | None
) -> Interactions:
    """Index, sort and fingerprint a table of raw ratings.

    Raises:
        DataError: the table is empty, or a pair is rated in two parts or, with ``duplicates="error"``, twice.
    """
    if not len(table):
        raise DataError(f"{name} has no ratings", expected="at least one rating", fix="fetch or write the file again")
    user_ids, users = IdMap.of(table.users)
    item_ids, items = IdMap.of(table.items)
    order = _canonical_order(users, items, len(item_ids), table.timestamps)
    columns = Columns(**{**table.columns, "users": users, "items": items, "time_unit": table.time_unit}).at(order)
    columns = _each_pair_once(columns, order, table, duplicates)
    if columns.timestamps is not None:
        times, unit = coarsest(columns.timestamps, columns.time_unit)
        columns = replace(columns, timestamps=times, time_unit=unit)
    return Interactions(
        **columns.columns,
        time_unit=columns.time_unit,
        user_ids=user_ids,
        item_ids=item_ids,
        titles=None if texts is None else _by_index(texts.titles, item_ids, str),
        genres=_by_index(texts.genres, item_ids, lambda item: "") if texts and texts.genres else None,
        declared=scale,
        scale=scale.ends(columns.ratings),
        name=name,
        fingerprint=fingerprint_of(columns, user_ids, item_ids),
    )


def _keys(users: NDArray, items: NDArray, num_items: int) -> NDArray[np.int64]:
    """One sort key per (user, item) pair, by user, then item: int64 [N]."""
    keys = np.array(users, np.int64)
    keys *= num_items
    keys += items
    return keys


def _canonical_order(users: NDArray, items: NDArray, num_items: int, times: NDArray | None) -> NDArray[np.int64]:
    """Row numbers sorted by user, item, time, then position in the file: int64 [N]."""
    keys = _keys(users, items, num_items)
    steps = np.diff(keys)
    if np.all(steps > 0):  # already sorted, like most published files
        return np.arange(len(keys))
    order = np.argsort(keys, kind="stable")
    if times is not None and np.any(np.diff(keys[order]) == 0):  # time matters among duplicates only
        order = np.lexsort((times, keys))
    return order


def _each_pair_once(columns: Columns, order: NDArray, table: RatingTable, duplicates: Duplicates) -> Columns:
    """Apply the policy to duplicate pairs, which are adjacent, earliest first.

    A pair in two parts is an error under any policy: whichever rating is kept, one part would leak into the other.
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
    """The error for the positions ``again`` of ``order``, each of which repeats the pair of its predecessor."""
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


def _by_index(texts: dict[int | str, str], ids: IdMap, default: Callable[[int | str], str]) -> tuple[str, ...]:
    """The texts of all items, one line each; a tab or newline would break TensorBoard's projector."""
    return tuple(" ".join(texts.get(item, default(item)).split()) for item in ids.to_list())


def _renumbered(ids: IdMap, indices: NDArray[np.int32]) -> tuple[IdMap, NDArray[np.int32], NDArray[np.bool_]]:
    """The ids that occur, their new indices int32 [n], and a mask over the old ids, bool [len(ids)]."""
    present = np.bincount(indices, minlength=len(ids)) > 0
    numbers = np.cumsum(present, dtype=np.int32) - 1
    return IdMap(ids.raw[present]), np.asarray(numbers[indices], np.int32), present


def fingerprint_of(columns: Columns, user_ids: IdMap, item_ids: IdMap) -> str:
    """SHA-256 over the canonical content in a fixed byte order, so that it is equal on every machine."""
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
    if columns.time_unit != "s":  # seconds have the fingerprints that they always had
        digest.update(columns.time_unit.encode())
    return digest.hexdigest()
