"""Filters select the ratings of a dataset to use: high ratings, a sample of users, a dense core."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hydrarec.core.errors import ConfigError, DataError
from hydrarec.core.kinds import Count, Finite, Positive, Seed
from hydrarec.data.interactions import Interactions
from hydrarec.data.splits.split import Source


class FilteredSource:
    """A filtered dataset; its authors' folds and candidates no longer apply.

    Args:
        source: the dataset.
    """

    def __init__(self, source: Source) -> None:
        self.name, self._source = source.name, source

    def unused_times(self) -> list[str]:
        """As the dataset's own."""
        return self._source.unused_times()

    def official_fold(self, fold: int) -> NDArray[np.int8]:
        """Always raise, because the folds were made for all ratings.

        Raises:
            ConfigError: always.
        """
        raise ConfigError(
            f"the official folds of {self.name} were made for all of its ratings, and a filter leaves some out",
            expected="filter=all with official folds",
            fix="filter=all, or split.official=false",
        )

    def candidates(self) -> None:
        """None, because the authors' candidates may contain items that the filter removed."""
        return


class Filter:
    """Removes ratings before any split, in this order; each step works on the result of the previous one.

    1. ratings below ``min_rating``;
    2. all but ``round(user_fraction · users)`` random users; a larger fraction contains every user of a smaller one;
    3. users and items with fewer than ``core`` ratings, repeatedly until none remain (k-core): the largest set
       in which all users and items have at least ``core`` ratings, whatever the order of removal.

    Args:
        min_rating: lowest rating kept; None keeps all ratings.
        user_fraction: above 0, up to 1.
        core: minimum number of ratings per user and item; 1 keeps all.
        seed: seed of the user sample.

    Raises:
        ConfigError: ``user_fraction`` is above 1.
    """

    def __init__(self, *, min_rating: Finite | None, user_fraction: Positive, core: Count, seed: Seed) -> None:
        if user_fraction > 1:
            raise ConfigError(
                f"filter.user_fraction={user_fraction} is more than all users",
                expected="a share above 0, up to 1",
                fix="filter.user_fraction=1",
                value=user_fraction,
            )
        self.min_rating, self.user_fraction, self.core, self.seed = min_rating, user_fraction, core, seed

    def __call__(self, interactions: Interactions) -> Interactions:
        """The remaining ratings with users and items reindexed; the same object if nothing was removed.

        Raises:
            DataError: nothing remains; the error gives the number of ratings that each step removed.
        """
        rows = np.arange(len(interactions))
        removed: dict[str, int] = {}
        for name, step in (
            (f"min_rating={self.min_rating}", self._liked),
            (f"user_fraction={self.user_fraction}", self._of_drawn_users),
            (f"core={self.core}", self._in_core),
        ):
            before = len(rows)
            rows = step(interactions, rows)
            removed[name] = before - len(rows)
            if not len(rows):
                raise _nothing_left(interactions, removed)
        return interactions if len(rows) == len(interactions) else interactions.restricted_to(rows)

    def report(self, before: Interactions, after: Interactions) -> dict[str, Any]:
        """The filter's settings and the numbers of ratings, users and items before and after, for ``run.json``."""
        sizes = {
            name: {"ratings": len(data), "users": data.num_users, "items": data.num_items}
            for name, data in (("before", before), ("after", after))
        }
        settings = {"min_rating": self.min_rating, "user_fraction": self.user_fraction, "core": self.core}
        return {**settings, "seed": self.seed, **sizes}

    def _liked(self, interactions: Interactions, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        if self.min_rating is None:
            return rows
        return rows[interactions.ratings[rows] >= np.float32(self.min_rating)]

    def _of_drawn_users(self, interactions: Interactions, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        if self.user_fraction == 1:
            return rows
        present = np.flatnonzero(np.bincount(interactions.users[rows], minlength=interactions.num_users))
        order = np.random.Generator(np.random.Philox(self.seed)).permutation(present)
        drawn = np.zeros(interactions.num_users, bool)
        drawn[order[: round(self.user_fraction * len(present))]] = True
        return rows[drawn[interactions.users[rows]]]

    def _in_core(self, interactions: Interactions, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        if self.core == 1:  # every remaining user and item has a rating
            return rows
        users, items = interactions.users[rows], interactions.items[rows]
        while len(rows):
            keep = (np.bincount(users) >= self.core)[users] & (np.bincount(items) >= self.core)[items]
            if keep.all():
                break
            rows, users, items = rows[keep], users[keep], items[keep]
        return rows


def _nothing_left(interactions: Interactions, removed: dict[str, int]) -> DataError:
    steps = ", ".join(f"filter.{name} {number:,}" for name, number in removed.items() if number)
    return DataError(
        f"the filter leaves none of the {len(interactions):,} ratings of {interactions.name}: removed by {steps}",
        expected="at least one rating left",
        fix="filter=all, or a weaker condition",
    )
