"""Synthetic ratings from a known model, so that the lowest achievable error, the noise, is known."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hydrarec.core.errors import ConfigError
from hydrarec.core.kinds import Count, Finite, FolderName, Index, NonNegative, Positive, Seed, Share
from hydrarec.data.datasets.base import About, Dataset
from hydrarec.data.interactions import Interactions, interactions_of
from hydrarec.data.table import Place, RatingTable, Scale

CHUNK = 1 << 20  # ratings computed at once; temporary arrays stay in the CPU cache
DENSE = 4  # cells per rating up to which pairs are drawn from the whole matrix at once, which is still O(ratings)
FIRST_SECOND, LAST_SECOND = 946_684_800, 1_577_836_800  # the years 2000 to 2019


@dataclass(frozen=True, kw_only=True)
class SyntheticRatings(Dataset):
    """``rating = mean + b_u + b_i + p_u·q_i + ε`` with Gaussian biases, factors and noise, on distinct random pairs.

    ``p_u·q_i`` has standard deviation ``structure_sd`` for any rank. Item popularity and user activity are
    long-tailed: weight 1 / (position + head · number), with positions in random order. Every user and every item has
    a rating. The lowest achievable RMSE is ``noise_sd`` if ``step`` is None, because ratings are then neither rounded
    nor clipped. With a step they are, which adds a rounding error of about step/√12 and the effect of clipping.

    Args:
        name: shown in results.
        about: description of the dataset.
        num_users, num_items, num_ratings: shape; from one rating per user and item up to all pairs.
        rank: dimension of the true factors; 0 for biases only.
        mean: mean of all ratings.
        user_sd, item_sd, structure_sd, noise_sd: standard deviations of biases, structure, and noise.
        user_head, item_head: share of users or items before the tail begins; smaller values give a longer tail.
        scale: ends and step for clipping and rounding, applied if the step is not None.
        seed: the only source of randomness.

    Raises:
        ConfigError: the number of ratings is impossible for this shape, or there is a step without ends.
    """

    name: FolderName
    about: About
    num_users: Count
    num_items: Count
    num_ratings: Count
    rank: Index
    mean: Finite
    user_sd: NonNegative
    item_sd: NonNegative
    structure_sd: NonNegative
    noise_sd: Positive
    user_head: Share
    item_head: Share
    scale: Scale
    seed: Seed

    def __post_init__(self) -> None:
        least, most = max(self.num_users, self.num_items), self.num_users * self.num_items
        if not least <= self.num_ratings <= most:
            shape = f"{self.num_users:,} users and {self.num_items:,} items"
            raise ConfigError(
                f"dataset.num_ratings={self.num_ratings:,} is not possible with {shape}",
                expected=f"{least:,} (one per user and item) to {most:,} (every pair)",
                fix="change dataset.num_ratings, num_users or num_items",
                value=self.num_ratings,
            )
        if self.scale.step is not None and (self.scale.low is None or self.scale.high is None):
            fix = "dataset.scale.low=0.5 dataset.scale.high=5, or dataset.scale.step=null"
            raise ConfigError("dataset.scale.step without ends", expected="low and high beside a step", fix=fix)

    def load(self) -> Interactions:
        """Draw the ratings, with raw ids 1 … n and random times; deterministic for given settings."""
        streams = np.random.SeedSequence(self.seed).spawn(3)
        pairs, model, times = (np.random.Generator(np.random.Philox(stream)) for stream in streams)
        keys = self._distinct_pairs(pairs)
        users, items = np.divmod(keys, self.num_items)
        table = RatingTable(
            users=users + 1,
            items=items + 1,
            ratings=self._ratings(model, users, items),
            timestamps=times.integers(FIRST_SECOND, LAST_SECOND, len(keys)),
            part=None,
            places=_no_places,
        )
        scale = self.scale if self.scale.step is not None else Scale(low=None, high=None, step=None)
        return interactions_of(table, name=self.name, scale=scale, duplicates="error", texts=None)

    def _distinct_pairs(self, rng: np.random.Generator) -> NDArray[np.int64]:
        """Sorted keys ``user · num_items + item`` of ``num_ratings`` distinct pairs: int64 [N]."""
        user_order, item_order = rng.permutation(self.num_users), rng.permutation(self.num_items)
        kept = self._one_each(rng, user_order, item_order)
        while (missing := self.num_ratings - len(kept)) > 0:
            if DENSE * self.num_ratings >= self.num_users * self.num_items:
                fresh = self._from_whole_matrix(rng, user_order, item_order, kept, missing)
            else:
                users = user_order[_long_tailed(rng, self.num_users, self.user_head, missing + missing // 4 + 16)]
                items = item_order[_long_tailed(rng, self.num_items, self.item_head, len(users))]
                fresh = _without(np.unique(users * self.num_items + items), kept)
                if len(fresh) > missing:
                    fresh = rng.permutation(fresh)[:missing]
            kept = np.sort(np.concatenate([kept, fresh]))
        return kept

    def _one_each(self, rng: np.random.Generator, user_order: NDArray, item_order: NDArray) -> NDArray[np.int64]:
        """max(num_users, num_items) pairs that cover every user and every item."""
        length = max(self.num_users, self.num_items)
        users = np.resize(rng.permutation(self.num_users), length)
        items = np.resize(rng.permutation(self.num_items), length)
        if self.num_users > self.num_items:  # the surplus users draw items by popularity, not uniformly
            surplus = length - self.num_items
            items[self.num_items :] = item_order[_long_tailed(rng, self.num_items, self.item_head, surplus)]
        else:
            surplus = length - self.num_users
            users[self.num_users :] = user_order[_long_tailed(rng, self.num_users, self.user_head, surplus)]
        return np.unique(users * self.num_items + items)

    def _from_whole_matrix(
        self, rng: np.random.Generator, user_order: NDArray, item_order: NDArray, kept: NDArray, missing: int
    ) -> NDArray[np.int64]:
        """Draw ``missing`` more pairs of a dense matrix by weight, without replacement (exponential race)."""
        user_weight, item_weight = np.empty(self.num_users), np.empty(self.num_items)
        user_weight[user_order] = _weights(self.num_users, self.user_head)
        item_weight[item_order] = _weights(self.num_items, self.item_head)
        arrival = rng.standard_exponential((self.num_users, self.num_items), dtype=np.float32)
        arrival /= np.outer(user_weight, item_weight).astype(np.float32)
        flat = arrival.ravel()
        flat[kept] = np.inf
        return np.argpartition(flat, missing - 1)[:missing]

    def _ratings(self, rng: np.random.Generator, users: NDArray, items: NDArray) -> NDArray[np.float32]:
        """Ratings of the given (user, item) pairs: float32 [N]."""
        user_bias = rng.normal(0, self.user_sd, self.num_users).astype(np.float32)
        item_bias = rng.normal(self.mean, self.item_sd, self.num_items).astype(np.float32)
        # A sum of `rank` products of independent factors of variance s² has variance rank · s⁴.
        factor_sd = math.sqrt(self.structure_sd / math.sqrt(self.rank)) if self.rank else 0.0
        user_factors = rng.normal(0, factor_sd, (self.num_users, self.rank)).astype(np.float32)
        item_factors = rng.normal(0, factor_sd, (self.num_items, self.rank)).astype(np.float32)
        ratings = rng.standard_normal(len(users), dtype=np.float32)
        ratings *= np.float32(self.noise_sd)
        for start in range(0, len(users), CHUNK):
            rows = slice(start, start + CHUNK)
            u, i = users[rows], items[rows]
            ratings[rows] += user_bias[u] + item_bias[i]
            ratings[rows] += np.einsum("nd,nd->n", user_factors[u], item_factors[i])
        if self.scale.step is None:
            return ratings
        assert self.scale.low is not None
        stepped = np.rint((ratings - self.scale.low) / self.scale.step) * self.scale.step + self.scale.low
        return np.asarray(np.clip(stepped, self.scale.low, self.scale.high), np.float32)


def _weights(number: int, head: float) -> NDArray[np.float64]:
    return 1 / (np.arange(number) + 0.5 + head * number)


def _long_tailed(rng: np.random.Generator, number: int, head: float, count: int) -> NDArray[np.int64]:
    """Draw ``count`` positions below ``number`` with weight 1 / (position + head · number): int64 [count].

    The inverse of the cumulative weight has a closed form: (h + n) / h to the power of a uniform number.
    """
    shift = head * number
    positions = rng.random(count)
    positions *= math.log((shift + number) / shift)
    np.exp(positions, out=positions)
    positions -= 1
    positions *= shift
    return np.asarray(np.minimum(positions, number - 1), np.int64)


def _without(keys: NDArray[np.int64], known: NDArray[np.int64]) -> NDArray[np.int64]:
    """The sorted keys that are not in the sorted ``known`` keys: int64."""
    places = np.minimum(np.searchsorted(known, keys), len(known) - 1)
    return np.asarray(keys[known[places] != keys])


def _no_places(rows: object) -> list[Place]:
    raise AssertionError(f"drawn ratings have no place in a file: {rows}")
