"""Top unrated items of a user, against sorting in plain Python."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tests.models.conftest import SERVED, Make
from tests.recommend.small_runs import Table, data_of

from hydrarec.core.errors import CheckpointError
from hydrarec.recommend.top import best, rated_items, top_for_newcomer, top_unrated

Case = tuple[list[list[float]], list[list[int]], list[int], int]


def sorted_items(scores: list[float], excluded: set[int], k: int) -> list[int]:
    """Plainly: by falling score, then by index."""
    left = [item for item in range(len(scores)) if item not in excluded and scores[item] > -math.inf]
    return sorted(left, key=lambda item: (-scores[item], item))[:k]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Scores, what each user has rated, what nobody is recommended, k; few different scores, so that most are tied."""
    num_users, num_items = draw(st.integers(1, 5)), draw(st.integers(1, 9))
    some = st.lists(st.integers(0, num_items - 1), unique=True).map(sorted)
    value = st.sampled_from([-1.0, 0.0, 0.5, 2.0, -math.inf, math.inf])
    row = st.lists(value, min_size=num_items, max_size=num_items)
    scores, rated = (draw(st.lists(each, min_size=num_users, max_size=num_users)) for each in (row, some))
    return scores, rated, draw(some), draw(st.integers(1, num_items))


def indices(values: list[int]) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.int64)


@given(cases())
def test_equal_to_sorting(case: Case) -> None:
    scores, rated, excluded, k = case
    data, table = data_of(rated, num_items=len(scores[0])), torch.tensor(scores)
    users = torch.arange(len(rated)).flip(0)
    top = top_unrated(Table(table), users, rated_items(data, users.device), indices(excluded), k)
    assert top.items.shape == top.scores.shape == (len(rated), k)
    for row, user in enumerate(users.tolist()):
        found = top.scores[row] > -torch.inf
        expected = sorted_items(scores[user], {*rated[user], *excluded}, k)
        assert top.items[row][found].tolist() == expected
        assert top.scores[row][found].tolist() == [scores[user][item] for item in expected]
        assert not found[len(expected) :].any()


@given(cases())
def test_new_user_equal_to_sorting(case: Case) -> None:
    scores, [items, *_], excluded, k = case
    num_items = len(scores[0])
    weights = [[float((3 * a + b) % 4) for b in range(num_items)] for a in range(num_items)]
    model, never = Table(torch.tensor(scores), torch.tensor(weights)), {*items, *excluded}
    top = top_for_newcomer(model, indices(items), torch.ones(len(items)), indices(sorted(never)), k)
    summed = [sum(weights[item][other] for item in items) for other in range(num_items)]
    found = top.scores[0] > -torch.inf
    assert top.items[0][found].tolist() == sorted_items(summed, never, k)


def test_all_equal_gives_the_first() -> None:
    top = best(torch.zeros(3, 1000), 7)
    assert top.items.tolist() == [list(range(7))] * 3


def test_all_items_can_be_asked_for() -> None:
    assert best(torch.tensor([[1.0, 3.0, 3.0]]), 3).items.tolist() == [[1, 2, 0]]


@pytest.mark.parametrize("place", [0, 5])
def test_scores_that_are_no_numbers(place: int) -> None:
    scores = torch.arange(8.0).repeat(2, 1)
    scores[1, place] = torch.nan
    with pytest.raises(CheckpointError, match="not numbers"):
        best(scores, 2)


@pytest.mark.parametrize("served", SERVED, ids="-".join)
def test_no_model_is_changed_by_asking(served: tuple[str, str]) -> None:
    """Scores are made for who asks: −∞ written into them must not reach a model's weights or counts."""
    model = Make(*served)().requires_grad_(False)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    data, users = data_of([[0, 1], [2], [], [3], [0, 4], [1], [2]], num_items=5), torch.arange(7)
    first, again = (top_unrated(model, users, rated_items(data, users.device), indices([4]), 2).items for _ in range(2))
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert torch.equal(first, again)
    alone = [top_unrated(model, user, rated_items(data, users.device), indices([4]), 2) for user in users.split(1)]
    found = torch.cat([top.scores for top in alone]) > -torch.inf
    assert torch.equal(torch.cat([top.items for top in alone])[found], first[found])
