"""Orders each user's ratings by time; ties are broken by the seed alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hydrarec.core.errors import ConfigError
from hydrarec.data.interactions import Interactions
from hydrarec.data.splits.split import Source, shuffled
from hydrarec.data.table import TEST, TRAIN, VALIDATION

LIMIT = 2**63


def timestamps_of(interactions: Interactions, source: Source, split: str) -> NDArray[np.int64]:
    """The timestamps, int64 [N], required by the split called ``split``.

    Raises:
        ConfigError: the dataset has no timestamps.
    """
    if interactions.timestamps is None:
        columns = source.unused_times()
        fix = "split=user_ratio split.order=random, or name the column: dataset.time=<name>"
        if columns:
            fix = f"dataset.time={columns[0]}" + "".join(f", or dataset.time={column}" for column in columns[1:3])
        raise ConfigError(
            f"{split} needs timestamps, and dataset {interactions.name} has none",
            expected="a dataset with times, or one of the splits that work without: "
            "random, train_val, train_test, folds, legacy, given, user_ratio with split.order=random",
            fix=fix,
        )
    return interactions.timestamps


def later_ratings(users: NDArray[np.int32], times: NDArray[np.int64] | None, seed: int) -> NDArray[np.int64]:
    """For each rating, the number of later ratings of the same user (0 for the latest): int64 [n].

    Ties in time (and all ratings of a user if ``times`` is None) are ordered by a random permutation of the rows,
    drawn from the seed. So neither the row order of a file nor a source's habit of giving small ids to popular items
    decides which of several ratings at one time is held out.

    Args:
        users: ascending, int32 [n].
        times: int64 [n], or None for a random order.
    """
    total = len(users)
    keys = np.array(users, np.int64) if times is None else _by_user_then_time(users, times)
    order = np.argsort(keys)
    ordered = keys[order]
    ranks = np.zeros(total, np.int64)  # equal for equal keys
    np.cumsum(ordered[1:] != ordered[:-1], out=ranks[1:])
    keys[order] = ranks * total
    keys += shuffled(total, seed)  # now distinct
    order = np.argsort(keys)
    ends = np.cumsum(np.bincount(users))
    later = np.empty(total, np.int64)
    later[order] = ends[users] - 1 - np.arange(total)  # users are ascending, so sorting the rows leaves them unchanged
    return later


def hold_out_last(
    users: NDArray[np.int32], times: NDArray[np.int64] | None, seed: int, num_val: NDArray, num_test: NDArray
) -> NDArray[np.int8]:
    """Assign each user's last ``num_test`` ratings to test and the ``num_val`` before them to validation: int8 [n].

    Args:
        users, times, seed: as for :func:`later_ratings`.
        num_val, num_test: per user index, int64.
    """
    later = later_ratings(users, times, seed)
    parts = np.full(len(users), TRAIN, np.int8)
    parts[later < (num_val + num_test)[users]] = VALIDATION
    parts[later < num_test[users]] = TEST
    return parts


def _by_user_then_time(users: NDArray[np.int32], times: NDArray[np.int64]) -> NDArray[np.int64]:
    """One sort key per row, by user, then time: int64 [n]."""
    low, high = int(times.min()), int(times.max())
    if (int(users[-1]) + 1) * (high - low + 1) >= LIMIT:  # times from a corrupt clock: use their ranks
        times = np.unique(times, return_inverse=True)[1]
        low, high = 0, int(times.max())
    keys = np.array(users, np.int64)
    keys *= high - low + 1
    keys += times
    keys -= low
    return keys
