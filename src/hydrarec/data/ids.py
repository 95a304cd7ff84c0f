"""Raw ids ↔ contiguous indices. Raw ids appear only at the edges: reading files, printing results."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hydrarec.core.errors import DataError, did_you_mean

LEAST = -(2**63)
SHOWN = 50  # raw ids searched for the nearest ones; searching a whole catalogue would take seconds


class IdMap:
    """An immutable map between the distinct raw ids of one kind (users or items) and ``0 … len - 1``.

    Raw ids are integers (exact up to int64) if all of them are, otherwise strings; never floats. Indices follow
    the sorted raw ids, so they do not depend on the row order of a file.

    Args:
        raw: int64 [n] or object (str) [n], strictly increasing.
    """

    def __init__(self, raw: NDArray) -> None:
        if raw.dtype not in (np.int64, object):
            raise TypeError(f"raw ids are int64 or str, not {raw.dtype}")
        self._raw = raw.view()
        self._raw.setflags(write=False)

    @classmethod
    def of(cls, raw_values: Iterable[int] | Iterable[str]) -> tuple[IdMap, NDArray[np.int32]]:
        """Build the map of all distinct values; also return each value's index, int32 [N].

        Memory grows with the number of values, not with the largest value.
        """
        codes, distinct = pd.factorize(as_raw(raw_values))
        order = np.argsort(distinct)
        rank = np.empty(len(order), np.int32)
        rank[order] = np.arange(len(order), dtype=np.int32)
        return cls(distinct[order]), rank[codes]

    @classmethod
    def from_list(cls, raw: Sequence[int] | Sequence[str]) -> IdMap:
        """Rebuild a map from the result of :meth:`to_list`.

        Raises:
            DataError: the list is not strictly increasing.
        """
        values = as_raw(raw)
        if not np.all(values[:-1] < values[1:]):
            raise DataError("the saved ids are not sorted and distinct", expected="the list an IdMap was saved as")
        return cls(values)

    @property
    def raw(self) -> NDArray:
        """Raw ids by index, read-only: int64 [n] or object (str) [n]."""
        return self._raw

    @property
    def are_integers(self) -> bool:
        return self._raw.dtype == np.int64

    def to_list(self) -> list[int] | list[str]:
        """The raw ids as plain Python values, for a checkpoint or JSON."""
        return self._raw.tolist()

    def index_of(self, raw: int | str) -> int:
        """The index of one raw id; an integer may be given as text (``"7"``).

        Raises:
            DataError: the id is unknown; the error names the nearest known ids.
        """
        return int(self.indices_of([raw])[0])  # type: ignore[arg-type]

    def indices_of(self, raw_values: Iterable[int] | Iterable[str]) -> NDArray[np.int32]:
        """The indices of many raw ids: int32 [N].

        Raises:
            DataError: at least one id is unknown; the error names the first and the nearest known ids.
        """
        values = list(raw_values) if not isinstance(raw_values, np.ndarray) else raw_values
        keys = self._same_kind(values)
        indices = self._index.get_indexer(pd.Index(keys, dtype=self._raw.dtype))
        unknown = np.flatnonzero(indices < 0)
        if len(unknown):
            raise self._unknown(values[unknown[0]], len(unknown))
        return indices.astype(np.int32)

    def __contains__(self, raw: object) -> bool:
        return raw in self._index

    def __len__(self) -> int:
        return len(self._raw)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, IdMap) and np.array_equal(self._raw, other._raw)

    def __hash__(self) -> int:
        return hash((len(self), self.are_integers, str(self._raw[:1])))

    def __repr__(self) -> str:
        return f"IdMap({len(self)} {'integers' if self.are_integers else 'strings'})"

    @cached_property
    def _index(self) -> pd.Index:
        index: pd.Index = pd.Index(self._raw, dtype=self._raw.dtype)
        return index

    def _same_kind(self, values: Sequence | NDArray) -> Sequence | NDArray:
        if not self.are_integers:
            return [str(value) for value in values]
        if isinstance(values, np.ndarray) and values.dtype.kind == "i":
            return values
        try:
            return [_exact(value) for value in values]
        except ValueError as error:
            raise DataError(f"an id is not an integer: {error}", expected="an integer id, as in the ratings") from error

    def _unknown(self, raw: object, count: int) -> DataError:
        more = f" ({count} such ids)" if count > 1 else ""
        return DataError(
            f"id {str(raw)!r} does not occur in the ratings{more}",
            expected=self._neighbours(raw),
            fix="take an id that occurs in the ratings",
            value=str(raw),
        )

    def _neighbours(self, raw: object) -> str:
        if not self.are_integers:
            return did_you_mean(str(raw), self._raw.tolist() if len(self) < 100_000 else self._raw[:SHOWN].tolist())
        place = int(np.searchsorted(self._raw, _exact(raw)))
        near = self._raw[max(0, place - 2) : place + 2]
        return f"one of {len(self)} ids, next to it " + ", ".join(map(str, near.tolist()))


def as_raw(values: Iterable[int] | Iterable[str]) -> NDArray:
    """Convert values to int64 [N] if they are integers, else to object (str) [N]; reject floats."""
    array = values if isinstance(values, np.ndarray) else np.array(list(values), dtype=object)
    if array.dtype.kind in "iu" and array.dtype != np.uint64:
        return array.astype(np.int64, copy=False)
    if array.dtype.kind == "f":
        raise TypeError("ids must not be floats: they lose digits beyond 2**53")
    plain = array.tolist()
    if all(isinstance(value, int) and not isinstance(value, bool) for value in plain) and plain:
        try:
            return np.array(plain, np.int64)
        except OverflowError:
            plain = [str(value) for value in plain]
    if any(isinstance(value, float) for value in plain):
        raise TypeError("ids must not be floats: they lose digits beyond 2**53")
    return np.array([str(value) for value in plain], dtype=object)


def _exact(value: object) -> int:
    """Parse an integer or its text; values beyond int64 become the smallest int64, which never occurs as an id."""
    if not isinstance(value, int | np.integer | str) or isinstance(value, bool):
        raise ValueError(f"{value!r}")
    exact = int(value)
    return exact if LEAST < exact < -LEAST else LEAST
