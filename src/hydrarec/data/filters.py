"""Filters: which ratings of a dataset are used at all. High ratings, a sample of the users, the dense core."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hydrarec.core.errors import ConfigError, DataError
from hydrarec.core.kinds import Count, Finite, Positive, Seed
from hydrarec.data.interactions import Interactions


class FilteredSource:
    """A dataset of which a filter kept only a part, so that its authors' folds and candidates no longer fit.

    Args:
        name: of the dataset.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def official_fold(self, fold: int) -> NDArray[np.int8]:
        """Raise: the folds were made for all ratings.

        Raises:
            ConfigError: always.
        """
        raise ConfigError(
            f"the official folds of {self.name} were made for all of its ratings, and a filter leaves some out",
            expected="filter=all with official folds",
            fix="filter=all, or split.official=false",
        )

    def candidates(self) -> None:
        """None: they may hold items that were left out."""
        return


class Filter:
    """Leaves ratings out before any split, in this order; each step works on the result of the one before.

    1. ratings below ``min_rating``;
    2. all users but ``round(user_fraction · users)``, drawn at random: a larger share holds every user of a smaller one;
    3. users and items with fewer than ``core`` ratings, again and again until none is left (k-core): the largest set
       in which all users and items have at least ``core``, whatever the order of removal.

    Args:
        min_rating: None for all ratings.
        user_fraction: above 0, up to 1.
        core: 1 for no condition.
        seed: of the drawing of users.

    Raises:
        ConfigError: a share above 1.
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
        """The ratings that are left, users and items numbered anew; the same object if nothing was left out.

        Raises:
            DataError: nothing is left; names the number of ratings that each step left out.
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
        """The filter's settings, and ratings, users and items before and after, for ``run.json``."""
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
        if self.core == 1:  # whoever is left has a rating
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
