"""How much of the training part lies after what it is tested on: what a recommender in use could not have known."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

NEVER = np.iinfo(np.int64).max


def look_ahead(
    users: NDArray[np.int32], times: NDArray[np.int64] | None, train: NDArray[np.int64], test: NDArray[np.int64]
) -> dict[str, float | None]:
    """Shares of the training rows that are later than a test row; None without times or without a test part.

    ``own_user``: later than the earliest test row of the same user (a user without one has none such).
    ``anybody``: later than the earliest test row of all. An equal time is not later.

    Args:
        users, times: int32 and int64 [N].
        train, test: row numbers, int64.
    """
    if times is None or len(test) == 0:
        return {"own_user": None, "anybody": None}
    train_users, train_times = users[train], times[train]
    test_users, test_times = users[test], times[test]
    first_test = np.full(int(users.max()) + 1, NEVER)
    np.minimum.at(first_test, test_users, test_times)
    return {
        "own_user": float(np.mean(train_times > first_test[train_users])),
        "anybody": float(np.mean(train_times > test_times.min())),
    }
