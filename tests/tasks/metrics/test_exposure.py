"""Coverage, popularity and Gini of recommendation lists, by hand and against plain definitions."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import Tensor

from hydrarec.tasks.metrics.exposure import Exposure


def measured(lists: Tensor, num_items: int, ks: list[int], popularity: Tensor, size: int = 100) -> dict[str, float]:
    exposure = Exposure(num_items, ks)
    for part in lists.split(size):
        exposure.update(part)
    return {name: value.item() for name, value in exposure.compute(popularity).items()}


def test_by_hand() -> None:
    """Item 0 first in both lists; then 1 and nothing. Counts of the top 2: 2, 1, 0, 0."""
    lists, popularity = torch.tensor([[0, 1, 2], [0, -1, -1]]), torch.tensor([10, 4, 1, 1])
    found = measured(lists, 4, [1, 2], popularity)
    assert found == pytest.approx(
        {
            "coverage@1": 1 / 4, "popularity@1": 10, "gini@1": 1 - 1 / 4,
            "coverage@2": 2 / 4, "popularity@2": (2 * 10 + 4) / 3, "gini@2": (3 * 2 + 1 * 1) / (4 * 3),
        }
    )  # fmt: skip


def test_everything_equally_often() -> None:
    found = measured(torch.arange(12).reshape(4, 3), 12, [3], torch.ones(12, dtype=torch.int64))
    assert found == {"coverage@3": 1, "popularity@3": 1, "gini@3": 0}


@pytest.mark.parametrize("seed", range(20))
def test_equal_to_the_definitions_whatever_the_batches(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    lists = torch.stack([torch.randperm(9, generator=generator)[:5] for _ in range(13)])
    lists[torch.rand(13, 5, generator=generator) < 0.2] = -1
    popularity = torch.randint(0, 50, (9,), generator=generator)
    found = measured(lists, 9, [2, 5], popularity, size=seed + 1)
    for k in (2, 5):
        shown = [item for row in lists.tolist() for item in row[:k] if item >= 0]
        counts = [shown.count(item) for item in range(9)]
        assert found[f"coverage@{k}"] == pytest.approx(len(set(shown)) / 9)
        assert found[f"popularity@{k}"] == pytest.approx(sum(popularity[i].item() for i in shown) / len(shown))
        differences = sum(abs(a - b) for a, b in itertools.product(counts, counts)) / 9**2
        assert found[f"gini@{k}"] == pytest.approx(differences / 2 / (len(shown) / 9))


def test_a_second_popularity_is_not_answered_from_memory() -> None:
    exposure = Exposure(2, [1])
    exposure.update(torch.tensor([[0]]))
    assert exposure.compute(torch.tensor([3, 5]))["popularity@1"] == 3
    assert exposure.compute(torch.tensor([7, 5]))["popularity@1"] == 7


def test_impossible_arguments_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one k"):
        Exposure(3, [])
    with pytest.raises(ValueError, match="no top 4"):
        Exposure(9, [4]).update(torch.zeros(2, 3, dtype=torch.int64))
