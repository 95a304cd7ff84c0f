"""Data of a run in a compact form that its folder stores: ids, titles, genres and ratings."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from hydrarec.core.errors import CheckpointError
from hydrarec.data.ids import IdMap
from hydrarec.data.interactions import Interactions
from hydrarec.data.splits import Split
from hydrarec.data.table import TEST, TRAIN, VALIDATION
from hydrarec.runs.array_checks import require_column, require_ids, require_ratings
from hydrarec.runs.reader import RunReader, report_damage

FILTERED = 3  # part of a rating that a filter removed: unused, but it marks the item as rated by the user


@dataclass(frozen=True, eq=False)
class RunData:
    """All ratings between the model's users and items, sorted by user, then item.

    Attributes:
        user_ids, item_ids: raw ids ↔ the model's indices.
        titles, genres: per item index, or None.
        starts: int64 [num_users + 1]; the ratings of user u are ``starts[u]:starts[u + 1]``.
        items: int32 [N].
        ratings: float32 [N].
        parts: int8 [N]: ``TRAIN``, ``VALIDATION``, ``TEST`` or :data:`FILTERED`.
        scale: lowest and highest allowed rating.
        name: name of the dataset.
    """

    user_ids: IdMap
    item_ids: IdMap
    titles: tuple[str, ...] | None
    genres: tuple[str, ...] | None
    starts: NDArray[np.int64]
    items: NDArray[np.int32]
    ratings: NDArray[np.float32]
    parts: NDArray[np.int8]
    scale: tuple[float, float]
    name: str

    @property
    def num_users(self) -> int:
        return len(self.user_ids)

    @property
    def num_items(self) -> int:
        return len(self.item_ids)

    @cached_property
    def users(self) -> NDArray[np.int32]:
        """User index of each rating: int32 [N]."""
        return np.repeat(np.arange(self.num_users, dtype=np.int32), np.diff(self.starts))

    @cached_property
    def item_counts(self) -> NDArray[np.int64]:
        """Ratings per item in the training part: int64 [num_items]."""
        return np.bincount(self.items[self.parts == TRAIN], minlength=self.num_items)

    @cached_property
    def item_means(self) -> NDArray[np.float64]:
        """Mean rating per item in the training part, NaN for an item without ratings: float64 [num_items]."""
        training = self.parts == TRAIN
        sums = np.bincount(self.items[training], self.ratings[training], self.num_items)
        return np.divide(sums, self.item_counts, out=np.full(self.num_items, np.nan), where=self.item_counts > 0)

    def rows_of(self, user: int) -> slice:
        """Slice of the ratings of a user index."""
        return slice(int(self.starts[user]), int(self.starts[user + 1]))

    def label(self, item: int) -> str:
        """Title of an item, or its raw id if there are no titles."""
        return str(self.item_ids.raw[item]) if self.titles is None else self.titles[item]

    def to_arrays(self) -> dict[str, NDArray]:
        """Convert to arrays without object dtype, for an ``npz``."""
        arrays: dict[str, NDArray] = {name: getattr(self, name) for name in ("starts", "items", "ratings", "parts")}
        ids = {"user_ids": self.user_ids, "item_ids": self.item_ids}
        arrays |= {name: each.raw if each.are_integers else each.raw.astype(str) for name, each in ids.items()}
        texts = {"titles": self.titles, "genres": self.genres}
        arrays |= {name: _packed(each) for name, each in texts.items() if each is not None}
        return {**arrays, "scale": np.array(self.scale), "name": np.array(self.name)}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray]) -> RunData:
        """The inverse of :meth:`to_arrays`.

        Raises:
            KeyError, ValueError: an array is missing, or contradicts the others.
        """
        user_ids, item_ids = (require_ids(arrays, name) for name in ("user_ids", "item_ids"))
        require_ratings(arrays, len(user_ids), len(item_ids), FILTERED + 1)
        low, high = require_column(arrays, "scale", np.float64, 2).tolist()
        if not -math.inf < low <= high < math.inf or arrays["name"].ndim:
            raise ValueError(f"the scale is {low} to {high}, the name {arrays['name']}")
        return cls(
            user_ids=_ids(user_ids),
            item_ids=_ids(item_ids),
            titles=_unpacked(arrays, "titles", len(item_ids)),
            genres=_unpacked(arrays, "genres", len(item_ids)),
            starts=arrays["starts"],
            items=arrays["items"],
            ratings=arrays["ratings"],
            parts=arrays["parts"],
            scale=(low, high),
            name=str(arrays["name"]),
        )


def _ids(raw: NDArray) -> IdMap:
    return IdMap(raw if raw.dtype == np.int64 else raw.astype(object))


def _packed(texts: tuple[str, ...]) -> NDArray[np.uint8]:
    """Pack texts without line breaks as UTF-8, one per line: NumPy pads each string of an array to the longest."""
    return np.frombuffer("\n".join(texts).encode(), np.uint8)


def _unpacked(arrays: Mapping[str, NDArray], name: str, count: int) -> tuple[str, ...] | None:
    if name not in arrays:
        return None
    texts = tuple(require_column(arrays, name, np.uint8).tobytes().decode().split("\n"))
    if len(texts) != count:
        raise ValueError(f"{name} has {len(texts):,} lines, not {count:,}")
    return texts


def read_data(folder: RunReader) -> RunData:
    """Read the :class:`RunData` of a run folder.

    Raises:
        CheckpointError: the file is missing (``save_data=false``) or damaged.
    """
    path = folder.data_file
    if not path.is_file():
        raise CheckpointError(
            f"{folder.path} has no {path.name}: it keeps neither titles nor who rated what",
            expected="a run with save_data=true, the default",
            fix=f"hydrarec-train replay={folder.path}",
            value=str(folder.path),
        )
    arrays = folder.read_arrays(path.name)
    with report_damage(path):
        return RunData.from_arrays(arrays)


def run_data(loaded: Interactions, kept: Interactions, split: Split) -> RunData:
    """Build the :class:`RunData` of a run on ``kept``, the filtered ratings of ``loaded``, with the split ``split``."""
    parts = np.full(len(kept), FILTERED, np.int8)
    for part, rows in ((TRAIN, split.train), (VALIDATION, split.val), (TEST, split.test)):
        parts[rows] = part
    users, items, ratings = kept.users, kept.items, kept.ratings
    if kept is not loaded:
        users, items = (_renumbered(loaded, kept, side) for side in ("user", "item"))
        known = np.flatnonzero((users >= 0) & (items >= 0))
        users, items, ratings = users[known], items[known], loaded.ratings[known]
        rows = kept.rows_of(users, items)
        parts = np.where(rows >= 0, parts[rows], np.int8(FILTERED))
    return RunData(
        user_ids=kept.user_ids,
        item_ids=kept.item_ids,
        titles=kept.titles,
        genres=kept.genres,
        starts=np.searchsorted(users, np.arange(kept.num_users + 1)),
        items=np.ascontiguousarray(items),
        ratings=np.ascontiguousarray(ratings),
        parts=parts,
        scale=kept.scale,
        name=kept.name,
    )


def _renumbered(loaded: Interactions, kept: Interactions, side: str) -> NDArray[np.int32]:
    """Index in ``kept`` of the user or item of each loaded rating, −1 if it was filtered out: int32 [N]."""
    before, after = getattr(loaded, f"{side}_ids"), getattr(kept, f"{side}_ids")
    numbers = np.full(len(before), -1, np.int32)
    numbers[before.indices_of(after.raw)] = np.arange(len(after), dtype=np.int32)
    return numbers[getattr(loaded, f"{side}s")]
