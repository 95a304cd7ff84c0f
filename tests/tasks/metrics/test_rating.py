"""Rating errors against hand arithmetic and an independent oracle."""

from __future__ import annotations

import pytest
import torch
import torchmetrics
from hypothesis import given, settings
from hypothesis import strategies as st

from hydrarec.tasks.metrics.rating_errors import RatingErrors


def test_pooled_over_all_ratings_not_over_batches() -> None:
    errors = RatingErrors()
    errors.update(torch.tensor([1.0, 2.0, 3.0]), torch.tensor([1.0, 2.0, 3.0]))  # three exact
    errors.update(torch.tensor([4.0]), torch.tensor([2.0]))  # one off by 2
    found = errors.compute()
    assert found["mse"].item() == 4 / 4
    assert found["rmse"].item() == 1.0
    assert found["mae"].item() == 2 / 4


def test_sums_are_in_float64() -> None:
    """2²⁴ + 1 does not exist in float32: a sum there would stand still."""
    errors = RatingErrors()
    errors.squared.fill_(2.0**24)
    errors.count.fill_(1)
    errors.update(torch.tensor([1.0]), torch.tensor([0.0]))
    assert errors.squared.item() == 2.0**24 + 1


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.floats(0.5, 5), st.floats(0.5, 5)), min_size=1, max_size=60), st.integers(1, 20))
def test_equal_to_torchmetrics_whatever_the_batches(pairs: list[tuple[float, float]], size: int) -> None:
    predictions, targets = (torch.tensor(column, dtype=torch.float64) for column in zip(*pairs, strict=True))
    errors = RatingErrors()
    for p, t in zip(predictions.split(size), targets.split(size), strict=True):
        errors.update(p, t)
    found = errors.compute()
    assert found["rmse"].item() == pytest.approx(
        torchmetrics.functional.mean_squared_error(predictions, targets, squared=False).item(), abs=1e-9
    )
    assert found["mae"].item() == pytest.approx(
        torchmetrics.functional.mean_absolute_error(predictions, targets).item(), abs=1e-9
    )
