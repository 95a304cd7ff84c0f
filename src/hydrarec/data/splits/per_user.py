"""Splits that hold out some of each user's ratings, as in ranking protocols for implicit feedback."""

from __future__ import annotations

from typing import Literal

import numpy as np

from hydrarec.core.errors import DataError
from hydrarec.core.kinds import Fraction, Seed
from hydrarec.data.interactions import Interactions
from hydrarec.data.splits.chronology import hold_out_last, timestamps_of
from hydrarec.data.splits.split import Source, Split, require_training_share, split_of


class LeaveOneOut:
    """Holds out each user's latest rating for test, the second latest for validation (He et al. 2017, Rendle et al. 2020).

    Users with too few ratings stay in training and are counted. Among ratings at equal times, the seed decides
    which is the latest, see :func:`~hydrarec.data.splits.chronology.later_ratings`.

    Args:
        seed: seed for ties in time.
        val: hold out the second latest too; otherwise there is no validation part.
    """

    def __init__(self, *, seed: Seed, val: bool) -> None:
        self.seed, self.val = seed, val

    def __call__(self, interactions: Interactions, source: Source) -> Split:
        """Split the interactions.

        Raises:
            ConfigError: there are no timestamps.
            DataError: no user has enough ratings.
        """
        times = timestamps_of(interactions, source, "split=leave_one_out")
        counts = np.bincount(interactions.users, minlength=interactions.num_users)
        needed = 3 if self.val else 2
        num_test = (counts >= needed).astype(np.int64)
        too_short = f"fewer than {needed} ratings"
        if not num_test.any():
            raise DataError(
                f"all {interactions.num_users:,} users have {too_short}, so leave-one-out can hold nothing out",
                expected=f"a user with {needed} ratings or more",
                fix="more ratings, or split=random"
                + (", or split.val=false" if self.val and counts.max() == 2 else ""),
            )
        parts = hold_out_last(interactions.users, times, self.seed, num_test * self.val, num_test)
        held_out = "latest tests, second latest validates" if self.val else "latest tests"
        short_users = int((num_test == 0).sum())
        return split_of(
            parts,
            f"leave one out per user, {held_out}, ties by split seed {self.seed}",
            left_out={too_short: short_users} if short_users else {},
        )


class UserRatio:
    """Holds out a share of each user's ratings for test and one for validation: the latest ones, or random ones.

    For a user with n ratings, the last ``round(n · test)`` are for test and the ``round(n · val)`` before them for
    validation (halves round to even). At least one rating stays in training; the validation share shrinks first. If a
    share comes to zero for a user, these ratings stay in training and the user is counted.

    Args:
        seed: seed of the random order, or for ties in time.
        val, test: shares of a user's ratings.
        order: ``time`` (the latest ratings are for test) or ``random``.
    """

    def __init__(self, *, seed: Seed, val: Fraction, test: Fraction, order: Literal["time", "random"]) -> None:
        require_training_share(val, test)
        self.seed, self.val, self.test, self.order = seed, val, test, order

    def __call__(self, interactions: Interactions, source: Source) -> Split:
        """Split the interactions.

        Raises:
            ConfigError: ``order`` is ``time`` and there are no timestamps.
            DataError: no rating of any user is held out.
        """
        times = timestamps_of(interactions, source, "split.order=time") if self.order == "time" else None
        counts = np.bincount(interactions.users, minlength=interactions.num_users)
        num_test = np.minimum(np.rint(counts * self.test).astype(np.int64), counts - 1)
        num_val = np.minimum(np.rint(counts * self.val).astype(np.int64), counts - 1 - num_test)
        parts = hold_out_last(interactions.users, times, self.seed, num_val, num_test)
        left_out = {
            f"too few ratings for a {name} part of {share:.0%}": int((number == 0).sum())
            for name, share, number in (("validation", self.val, num_val), ("test", self.test, num_test))
            if share > 0 and (number == 0).any()
        }
        train = 1 - self.val - self.test
        shares = f"{train:.0%}/{self.val:.0%}/{self.test:.0%}"
        order = "in time, ties by" if self.order == "time" else "at random,"
        return split_of(parts, f"per user {shares} {order} split seed {self.seed}", left_out=left_out)
