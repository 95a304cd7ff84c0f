"""Rating errors, pooled by the objective, against hand arithmetic and an independent oracle."""

from __future__ import annotations

import pytest
import torch
import torchmetrics
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.tasks.test_rating import Fixed
from torch import Tensor

from hydrarec.data.batching.batches import Batch
from hydrarec.tasks.rating import RatingObjective


def pooled(*batches: tuple[Tensor, Tensor]) -> dict[str, float]:
    """The metrics of batches of (predictions, targets)."""
    objective = RatingObjective(loss="mse", clip=False, scale=(1.0, 5.0))
    for predictions, targets in batches:
        rows = torch.arange(len(targets))
        objective.evaluate(Fixed(predictions), Batch(rows, rows, targets))
    return {name: value.item() for name, value in objective.report().items()}


def test_pooled_over_all_ratings_not_over_batches() -> None:
    exact = torch.tensor([1.0, 2.0, 3.0])
    metrics = pooled((exact, exact), (torch.tensor([4.0]), torch.tensor([2.0])))  # three exact, one off by 2
    assert metrics["rmse"] == 1.0  # √(4/4)
    assert metrics["mae"] == 2 / 4


def test_sums_are_in_float64() -> None:
    """2²⁴ + 1 does not exist in float32: a sum there would stand still."""
    zero = torch.tensor([0.0])
    metrics = pooled((torch.tensor([2.0**12]), zero), (torch.tensor([1.0]), zero))
    assert metrics["rmse"] ** 2 == pytest.approx((2.0**24 + 1) / 2, rel=1e-12)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.floats(0.5, 5), st.floats(0.5, 5)), min_size=1, max_size=60), st.integers(1, 20))
def test_equal_to_torchmetrics_whatever_the_batches(pairs: list[tuple[float, float]], size: int) -> None:
    predictions, targets = (torch.tensor(column, dtype=torch.float64) for column in zip(*pairs, strict=True))
    metrics = pooled(*zip(predictions.split(size), targets.split(size), strict=True))
    squared = torchmetrics.functional.mean_squared_error(predictions, targets, squared=False)
    assert metrics["rmse"] == pytest.approx(squared.item(), abs=1e-9)
    assert metrics["mae"] == pytest.approx(
        torchmetrics.functional.mean_absolute_error(predictions, targets).item(), abs=1e-9
    )
