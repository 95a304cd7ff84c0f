"""Synthetic ratings have the requested shape, noise and long tail, and are reproducible from the seed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.data.small_data import ABOUT

from hydrarec.core.errors import ConfigError
from hydrarec.data.datasets.synthetic import SyntheticRatings
from hydrarec.data.table import Scale


def drawn(**settings: Any) -> SyntheticRatings:
    defaults: dict[str, Any] = {
        "name": "synthetic",
        "about": ABOUT,
        "num_users": 300,
        "num_items": 200,
        "num_ratings": 12_000,
        "rank": 3,
        "mean": 3.5,
        "user_sd": 0.4,
        "item_sd": 0.5,
        "structure_sd": 0.6,
        "noise_sd": 0.5,
        "user_head": 0.2,
        "item_head": 0.05,
        "scale": Scale(low=None, high=None, step=None),
        "seed": 0,
    }
    return SyntheticRatings(**{**defaults, **settings})


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 30), st.integers(1, 30), st.floats(0, 1), st.integers(0, 2**63 - 1))
def test_the_shape_is_exact_and_pairs_are_distinct(users: int, items: int, fullness: float, seed: int) -> None:
    least = max(users, items)
    count = least + round(fullness * (users * items - least))
    found = drawn(num_users=users, num_items=items, num_ratings=count, seed=seed).load()
    assert (len(found), found.num_users, found.num_items) == (count, users, items)
    assert len(set(zip(found.users.tolist(), found.items.tolist(), strict=True))) == count


@pytest.mark.parametrize("shape", [(2000, 1500, 20_000), (300, 200, 50_000)], ids=["sparse", "dense"])
def test_the_same_seed_gives_the_same_ratings_and_another_others(shape: tuple[int, int, int]) -> None:
    sizes = dict(zip(("num_users", "num_items", "num_ratings"), shape, strict=True))
    one, again, other = (drawn(**sizes, seed=seed).load() for seed in (1, 1, 2))
    assert one.fingerprint == again.fingerprint
    assert one.fingerprint != other.fingerprint


def test_the_noise_is_the_error_of_the_true_model() -> None:
    """With biases and structure switched off, only mean and noise are left."""
    found = drawn(user_sd=0.0, item_sd=0.0, structure_sd=0.0, noise_sd=0.5).load()
    assert np.sqrt(np.mean((found.ratings - 3.5) ** 2)) == pytest.approx(0.5, rel=0.03)


def test_the_variances_add_up() -> None:
    """Far more users and items than in the other tests, so that the sample variances settle."""
    size = {"num_users": 4000, "num_items": 4000, "num_ratings": 60_000, "rank": 8}
    found = drawn(**size, user_sd=0.3, item_sd=0.4, structure_sd=0.6, noise_sd=0.5, item_head=0.5, user_head=0.5).load()
    expected = 0.3**2 + 0.4**2 + 0.6**2 + 0.5**2  # 0.86
    assert found.ratings.var() == pytest.approx(expected, rel=0.1)
    assert found.ratings.mean() == pytest.approx(3.5, abs=0.05)


def test_noise_alone_changes_when_only_the_noise_does() -> None:
    """The same seed plants the same model: the difference of two drawings is their noise."""
    quiet, loud = (drawn(noise_sd=sd).load() for sd in (1e-6, 1.0))
    np.testing.assert_array_equal(quiet.items, loud.items)
    difference = loud.ratings - quiet.ratings
    assert difference.std() == pytest.approx(1.0, rel=0.03)
    assert abs(np.corrcoef(difference, quiet.ratings)[0, 1]) < 0.05


def test_the_planted_structure_has_the_rank_it_should() -> None:
    full = {"num_users": 60, "num_items": 40, "num_ratings": 2400}
    found = drawn(**full, user_sd=0.0, item_sd=0.0, mean=0.0, noise_sd=1e-6, rank=3).load()
    singular = np.linalg.svd(found.ratings.reshape(60, 40), compute_uv=False)
    assert singular[2] > 1000 * singular[3]


def test_popularity_has_a_long_tail() -> None:
    found = drawn(num_users=3000, num_items=2000, num_ratings=60_000, item_head=0.01).load()
    counts = np.sort(np.bincount(found.items))[::-1]
    # The weight 1 / (x + h) below a tenth of all: ln(11) / ln(101) = 52 %.
    assert counts[:200].sum() / len(found) == pytest.approx(0.52, abs=0.05)
    assert counts[0] > 20 * np.median(counts)


def test_nothing_is_clipped_without_a_step_and_all_is_rounded_with_one() -> None:
    smooth = drawn().load()
    assert smooth.scale == (smooth.ratings.min(), smooth.ratings.max())
    assert len(np.unique(smooth.ratings)) > 11_000
    stepped = drawn(scale=Scale(low=0.5, high=5.0, step=0.5)).load()
    assert stepped.scale == (0.5, 5.0)
    assert set(stepped.ratings.tolist()) <= {half / 2 for half in range(1, 11)}


@pytest.mark.parametrize("count", [299, 60_001])
def test_a_number_of_ratings_that_the_shape_does_not_allow(count: int) -> None:
    with pytest.raises(ConfigError) as caught:
        drawn(num_ratings=count)
    assert caught.value.expected == "300 (one per user and item) to 60,000 (every pair)"


def test_a_step_needs_ends() -> None:
    with pytest.raises(ConfigError, match="step without ends"):
        drawn(scale=Scale(low=None, high=None, step=0.5))


def test_times_are_there_to_split_by() -> None:
    found = drawn().load()
    assert found.timestamps is not None
    assert found.timestamps.min() > 0
    assert len(np.unique(found.timestamps)) > 11_000
