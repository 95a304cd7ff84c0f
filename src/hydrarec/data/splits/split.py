"""A split: its parts, its fingerprint, the excluded users, and the look-ahead of training."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from hydrarec.core.errors import ConfigError, DataError
from hydrarec.data.interactions import Interactions
from hydrarec.data.table import TEST, TRAIN, VALIDATION


class Source(Protocol):
    """A dataset that may have official folds, and columns of times that are not used."""

    name: str

    def unused_times(self) -> list[str]:
        """The columns that are not used although their names are usual for times."""
        ...

    def official_fold(self, fold: int) -> np.ndarray:
        """The part (``TRAIN`` or ``TEST``) of each row of the interactions in official fold ``fold``: int8 [N]."""
        ...


@dataclass(frozen=True)
class Split:
    """A partition of the interactions' rows, and a description of the protocol.

    Attributes:
        train, val, test: the parts as row numbers, int64, ascending; disjoint and complete.
        protocol: the method with every setting that affects the parts.
        left_out: number of users from whom the protocol could hold nothing out, by reason; their ratings are in
            training. Empty for protocols that do not work by user.
        times_compare: whether timestamps of different users are comparable; False if they are mere row numbers.
    """

    train: np.ndarray
    val: np.ndarray
    test: np.ndarray
    protocol: str
    left_out: Mapping[str, int] = field(default_factory=dict)
    times_compare: bool = True

    @property
    def fingerprint(self) -> str:
        """SHA-256 over the three parts: equal if and only if all parts have the same rows."""
        digest = hashlib.sha256()
        for part in (self.train, self.val, self.test):
            digest.update(len(part).to_bytes(8, "little"))
            digest.update(np.ascontiguousarray(part, dtype="<i8").tobytes())
        return digest.hexdigest()

    def report(self, interactions: Interactions) -> dict[str, Any]:
        """A summary of the split, for ``run.json``.

        ``parts``: ratings, users and items of each part, and ratings of cold users and items (unseen in training).
        ``users_left_out``: number of users by reason. ``look_ahead``: share of training rows later than a test row,
        which a deployed recommender could not have known: later than the earliest test row of the same user
        (``own_user``), or of all users (``anybody``). Equal times do not count; None without times or test part.
        """
        known_users = np.bincount(interactions.users[self.train], minlength=interactions.num_users) > 0
        known_items = np.bincount(interactions.items[self.train], minlength=interactions.num_items) > 0
        parts = {}
        for name, rows in (("train", self.train), ("val", self.val), ("test", self.test)):
            users, items = interactions.users[rows], interactions.items[rows]
            parts[name] = {
                "ratings": len(rows),
                "users": int(np.count_nonzero(np.bincount(users))),
                "items": int(np.count_nonzero(np.bincount(items))),
                "ratings_of_cold_users": int((~known_users[users]).sum()),
                "ratings_of_cold_items": int((~known_items[items]).sum()),
            }
        return {
            "protocol": self.protocol,
            "fingerprint": self.fingerprint,
            "parts": parts,
            "users_left_out": dict(self.left_out),
            "look_ahead": self._look_ahead(interactions),
        }

    def _look_ahead(self, interactions: Interactions) -> dict[str, float | None]:
        users, times = interactions.users, interactions.timestamps
        if times is None or not self.times_compare or len(self.test) == 0:
            return {"own_user": None, "anybody": None}
        first_test = np.full(interactions.num_users, np.iinfo(np.int64).max)
        np.minimum.at(first_test, users[self.test], times[self.test])
        return {
            "own_user": float(np.mean(times[self.train] > first_test[users[self.train]])),
            "anybody": float(np.mean(times[self.train] > first_test.min())),
        }


def split_of(parts: NDArray[np.int8], protocol: str, **fields: Any) -> Split:
    """Build the split in which row r belongs to ``parts[r]``: ``TRAIN``, ``VALIDATION`` or ``TEST``.

    Raises:
        DataError: nothing is left to train on or to evaluate.
    """
    train, val, test = (np.flatnonzero(parts == part) for part in (TRAIN, VALIDATION, TEST))
    if len(train) == 0 or len(val) + len(test) == 0:
        raise DataError(
            f"the split '{protocol}' of {len(parts):,} ratings leaves {len(train):,} to train on and {len(val) + len(test):,} to evaluate",
            expected="at least one of each",
            fix="more ratings, or other shares: split.val=0.2 split.test=0.2",
        )
    return Split(train, val, test, protocol, **fields)


def deal(order: NDArray[np.int64], num_test: int, num_val: int) -> NDArray[np.int8]:
    """Assign the first ``num_test`` rows of ``order`` (int64 [N]) to test, the next ``num_val`` to validation: int8 [N]."""
    parts = np.full(len(order), TRAIN, np.int8)
    parts[order[:num_test]] = TEST
    parts[order[num_test : num_test + num_val]] = VALIDATION
    return parts


def require_training_share(val: float, test: float) -> None:
    """Raise :class:`ConfigError` if the shares leave nothing to train on."""
    if val + test >= 1:
        raise ConfigError(
            f"split.val={val} and split.test={test} leave nothing to train on",
            expected="val + test below 1",
            fix="split.val=0.1 split.test=0.1",
        )


def shuffled(total: int, seed: int) -> NDArray[np.int64]:
    """A permutation of ``range(total)`` that depends only on the seed: int64 [total]."""
    return np.random.Generator(np.random.Philox(seed)).permutation(total)
