"""Negative sampling: never an excluded item, uniform or by popularity, a function of (position, seed) only."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from torch import Tensor

from hydrarec.data.batching.candidates import draw_candidates
from hydrarec.data.batching.negatives import NegativeSampler, mixed, popularity_weights

# With a fixed seed a right generator passes or fails for ever: one in 10⁴ right ones would fail, and a slightly wrong one
# is far below it.
LEAST_P = 1e-4


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[set[int]], int]:
    """What each of up to six users has touched of up to twelve items: nothing, anything, all but one, everything."""
    num_items = draw(st.integers(1, 12))
    anything = st.sets(st.integers(0, num_items - 1))
    all_but_one = st.integers(0, num_items - 1).map(lambda item: set(range(num_items)) - {item})
    everything = st.just(set(range(num_items)))
    return draw(st.lists(st.one_of(anything, all_but_one, everything), min_size=1, max_size=6)), num_items


def pairs_of(touched: list[set[int]]) -> tuple[Tensor, Tensor]:
    """int64 [N] both, sorted by user, then item."""
    pairs = [(user, item) for user, items in enumerate(touched) for item in sorted(items)]
    users, items = zip(*pairs, strict=True) if pairs else ((), ())
    return torch.tensor(users, dtype=torch.int64), torch.tensor(items, dtype=torch.int64)


def sampler_of(touched: list[set[int]], num_items: int, weights: Tensor | None = None) -> NegativeSampler:
    return NegativeSampler(*pairs_of(touched), len(touched), num_items, weights)


# -- exactness ---------------------------------------------------------------------------------------------------------


@settings(max_examples=150, deadline=None)
@given(histories(), st.integers(0, 2**63 - 1), st.integers(1, 5))
def test_what_can_be_drawn_is_what_was_not_touched(made: tuple[list[set[int]], int], seed: int, count: int) -> None:
    touched, num_items = made
    sampler = sampler_of(touched, num_items)
    assert sampler.free.tolist() == [num_items - len(items) for items in touched]
    users = torch.tensor([user for user, items in enumerate(touched) if len(items) < num_items for _ in range(60)])
    drawn = sampler.draw(users.long(), torch.arange(len(users)), count, seed)
    assert drawn.shape == (len(users), count)
    for user, items in enumerate(touched):
        found = set(drawn[users == user].flatten().tolist())
        assert found <= set(range(num_items)) - items
        if len(items) == num_items - 1:
            assert found == set(range(num_items)) - items
    # 60 draws miss one of 3 items with a chance of 3 · (2/3)⁶⁰, below 10⁻¹⁰
    for user, items in enumerate(touched):
        if num_items - len(items) in (2, 3):
            assert set(drawn[users == user].flatten().tolist()) == set(range(num_items)) - items


@settings(max_examples=150, deadline=None)
@given(histories(), st.integers(0, 2**63 - 1), st.data())
def test_weighted_draws_are_untouched_items_with_a_weight(
    made: tuple[list[set[int]], int], seed: int, data: st.DataObject
) -> None:
    touched, num_items = made
    weights = data.draw(st.lists(st.integers(0, 1000), min_size=num_items, max_size=num_items).filter(any))
    sampler = sampler_of(touched, num_items, torch.tensor(weights))
    possible = [{item for item in range(num_items) if weights[item] and item not in items} for items in touched]
    assert sampler.free.tolist() == [sum(weights[item] for item in items) for items in possible]
    users = torch.tensor([user for user, items in enumerate(possible) if items for _ in range(50)]).long()
    drawn = sampler.draw(users, torch.arange(len(users)), 2, seed)
    for user, items in enumerate(possible):
        assert set(drawn[users == user].flatten().tolist()) <= items


def test_the_first_and_last_item_are_drawn_too() -> None:
    sampler = sampler_of([{1, 2, 3}, {0, 1, 2, 3}, {1, 2, 3, 4}, set()], 5)
    drawn = [sampler.draw(torch.full((200,), user), torch.arange(200), 1, 0).unique().tolist() for user in range(4)]
    assert drawn == [[0, 4], [4], [0], [0, 1, 2, 3, 4]]


def test_weights_of_a_whole_catalogue_fit_and_keep_their_shares() -> None:
    counts = torch.randint(1, 100_000, (30_000,), generator=torch.Generator().manual_seed(0))
    for alpha in (0.5, 0.75, 1.0):
        weights = popularity_weights(counts, alpha)
        assert weights.sum() < 2**31
        shares = counts.double().pow(alpha)
        torch.testing.assert_close(weights.double() / weights.sum(), shares / shares.sum(), rtol=1e-3, atol=4e-9)
    assert popularity_weights(torch.tensor([0, 3, 0, 1]), 0.5).tolist()[::2] == [0, 0]


# -- distribution ------------------------------------------------------------------------------------------------------


def random_histories(num_users: int, num_items: int) -> list[set[int]]:
    generator = torch.Generator().manual_seed(1)
    sizes = torch.randint(0, num_items - 1, (num_users,), generator=generator).tolist()
    return [set(torch.randperm(num_items, generator=generator)[:size].tolist()) for size in sizes]


def chi_square_p(drawn: Tensor, shares: Tensor) -> float:
    """The chance that draws from ``shares`` [num_items] are at least so far from them."""
    possible = shares > 0
    counts = torch.bincount(drawn.flatten(), minlength=len(shares))
    assert int(counts[~possible].sum()) == 0
    expected = shares[possible].double() / shares[possible].sum() * int(counts.sum())
    return float(stats.chisquare(counts[possible].numpy(), expected.numpy(), sum_check=False).pvalue)


@pytest.mark.parametrize("alpha", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("count", [1, 4])
def test_draws_follow_their_shares(alpha: float, count: int) -> None:
    num_items, touched = 40, random_histories(8, 40)
    counts = torch.arange(1, num_items + 1)
    weights = popularity_weights(counts, alpha) if alpha else None
    sampler = sampler_of(touched, num_items, weights)
    for user, items in enumerate(touched):
        shares = counts.double().pow(alpha)
        shares[sorted(items)] = 0
        drawn = sampler.draw(torch.full((20_000 // count,), user), torch.arange(20_000 // count), count, 7)
        assert chi_square_p(drawn, shares) > LEAST_P, user


def test_negatives_of_one_positive_and_of_two_epochs_are_independent() -> None:
    sampler = sampler_of([{3}], 11)
    users, positions = torch.zeros(20_000, dtype=torch.int64), torch.arange(20_000)
    first, second = sampler.draw(users, positions, 2, 5).unbind(1)
    other = sampler.draw(users, positions, 2, 6)[:, 0]
    for one, another in ((first, second), (first, other), (first[:-1], first[1:])):
        table = torch.bincount(one * 11 + another, minlength=121).view(11, 11).double()
        table = torch.cat([torch.cat([table[:3], table[4:]])[:, :3], torch.cat([table[:3], table[4:]])[:, 4:]], 1)
        assert stats.chi2_contingency(table.numpy()).pvalue > LEAST_P


def test_the_hash_is_splitmix64() -> None:
    """The first outputs of Vigna's reference code for the seed 1234567, which adds the increment before it mixes."""
    published = [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
        4593380528125082431,
        16408922859458223821,
    ]
    found = mixed(torch.arange(1, 6), 1234567)
    assert [int(word) % 2**64 for word in found] == published


# -- a function of (position, seed) ------------------------------------------------------------------------------------


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**63 - 1), st.permutations(range(30)), st.lists(st.integers(1, 29), max_size=4))
def test_draws_do_not_depend_on_the_batch_or_its_order(seed: int, order: list[int], cuts: list[int]) -> None:
    touched = random_histories(5, 20)
    sampler = sampler_of(touched, 20)
    users, positions = torch.arange(30) % 5, torch.arange(30) * 1000
    whole = sampler.draw(users, positions, 3, seed)
    rows = torch.tensor(order)
    pieces = [rows[start:end] for start, end in zip([0, *sorted(cuts)], [*sorted(cuts), 30], strict=True)]
    again = torch.cat([sampler.draw(users[piece], positions[piece], 3, seed) for piece in pieces])
    assert torch.equal(again, whole[rows])


def test_another_seed_draws_others() -> None:
    sampler = sampler_of([set()], 1000)
    draws = [sampler.draw(torch.zeros(100).long(), torch.arange(100), 4, seed) for seed in (0, 1, 2**62)]
    assert (draws[0] == draws[1]).float().mean() < 0.05
    assert (draws[0] == draws[2]).float().mean() < 0.05


# -- candidates --------------------------------------------------------------------------------------------------------


def candidates_of(
    touched: list[set[int]], num_items: int, users: Tensor, count: int, seed: int, positions: Tensor | None = None
) -> Tensor:
    positions = torch.arange(len(users)) if positions is None else positions
    return draw_candidates(users, positions, pairs_of(touched), num_items, count, seed)


@settings(max_examples=150, deadline=None)
@given(histories(), st.integers(0, 2**63 - 1), st.integers(1, 15))
def test_candidates_are_distinct_and_untouched_and_all_where_there_are_few(
    made: tuple[list[set[int]], int], seed: int, count: int
) -> None:
    touched, num_items = made
    if not any(touched):
        return  # whose items are held out then?
    users = torch.arange(len(touched)).repeat_interleave(3)
    drawn = candidates_of(touched, num_items, users, count, seed)
    assert drawn.shape == (len(users), count)
    for user, row in zip(users.tolist(), drawn.tolist(), strict=True):
        untouched = set(range(num_items)) - touched[user]
        real = [item for item in row if item >= 0]
        assert row == real + [-1] * (count - len(real))
        assert len(set(real)) == len(real) == min(count, len(untouched))
        assert set(real) <= untouched


def test_every_set_of_candidates_is_equally_likely() -> None:
    touched, users = [{0, 4, 9}], torch.zeros(50_000, dtype=torch.int64)
    drawn = candidates_of(touched, 12, users, 4, 3)
    _, counts = (1 << drawn).sum(1).unique(return_counts=True)
    assert len(counts) == 126  # 9 · 8 · 7 · 6 / 4! sets of 4 of the 9 untouched items
    assert stats.chisquare(counts.numpy()).pvalue > LEAST_P


def test_candidates_depend_on_the_query_and_the_seed_alone() -> None:
    touched = random_histories(6, 50)
    users, positions = torch.arange(6).repeat(4), torch.arange(24) + 100
    whole = candidates_of(touched, 50, users, 9, 5, positions)
    some = torch.tensor([20, 3, 7])
    assert torch.equal(candidates_of(touched, 50, users[some], 9, 5, positions[some]), whole[some])
    assert not torch.equal(candidates_of(touched, 50, users, 9, 6, positions), whole)


def test_more_queries_than_a_block(monkeypatch: pytest.MonkeyPatch) -> None:
    touched, users = random_histories(6, 50), torch.arange(6).repeat(20)
    whole = candidates_of(touched, 50, users, 9, 5)
    monkeypatch.setattr("hydrarec.data.batching.candidates._BLOCK", 7)
    assert torch.equal(candidates_of(touched, 50, users, 9, 5), whole)
