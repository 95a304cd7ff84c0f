"""Checks of the arrays in a run folder's files: types, shapes and ranges, each against the others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Arrays = Mapping[str, NDArray[Any]]
PLAIN_KINDS = "biufU"  # NumPy's letters: truth values, whole numbers, floats, texts


def require_plain(name: str, array: NDArray[Any]) -> None:
    """Raise ``ValueError`` for a type that no run writes: objects, records, dates, complex numbers."""
    if array.dtype.kind not in PLAIN_KINDS or not array.dtype.isnative:
        raise ValueError(f"{name} is of type {array.dtype}")


def require_column(arrays: Arrays, name: str, dtype: type, length: int | None = None) -> NDArray[Any]:
    """The one-dimensional array ``name`` of this type and length.

    Raises:
        KeyError, ValueError: it is missing, or another.
    """
    array = arrays[name]
    if array.dtype != dtype or array.ndim != 1:
        raise ValueError(f"{name} is {array.dtype} {list(array.shape)}, not one column of {np.dtype(dtype)}")
    if length is not None and len(array) != length:
        raise ValueError(f"{name} has {len(array):,} entries, not {length:,}")
    return array


def require_ratings(arrays: Arrays, num_users: int, num_items: int, parts: int) -> None:
    """Require ratings sorted by user, then item: ``starts``, ``items``, ``ratings`` and ``parts`` (0 to ``parts`` − 1).

    Raises:
        KeyError, ValueError: an array is missing, or contradicts the others.
    """
    items = require_column(arrays, "items", np.int32)
    starts = require_column(arrays, "starts", np.int64, num_users + 1)
    ratings = require_column(arrays, "ratings", np.float32, len(items))
    part = require_column(arrays, "parts", np.int8, len(items))
    if starts[0] != 0 or starts[-1] != len(items) or (np.diff(starts) < 0).any():
        raise ValueError(f"starts do not divide {len(items):,} ratings among {num_users:,} users")
    if len(items) and not (items.min() >= 0 and items.max() < num_items):
        raise ValueError(f"items has an index outside 0 to {num_items - 1:,}")
    follows = np.diff(items) > 0
    follows[starts[(starts > 0) & (starts < len(items))] - 1] = True  # a user's first item may be any
    if not follows.all():
        raise ValueError("items of a user are not sorted and distinct")
    if not np.isfinite(ratings).all():
        raise ValueError("ratings has a value that is no finite number")
    if len(part) and not (part.min() >= 0 and part.max() < parts):
        raise ValueError(f"parts has a value outside 0 to {parts - 1}")


def require_ids(arrays: Arrays, name: str) -> NDArray[Any]:
    """Raw ids: int64 or texts, sorted and distinct, at least one.

    Raises:
        KeyError, ValueError: they are missing, or others.
    """
    ids = arrays[name]
    if ids.ndim != 1 or not (ids.dtype == np.int64 or ids.dtype.kind == "U") or not len(ids):
        raise ValueError(f"{name} is {ids.dtype} {list(ids.shape)}, not one column of ids")
    if not (ids[:-1] < ids[1:]).all():
        raise ValueError(f"{name} are not sorted and distinct")
    return ids
