"""Rating errors against hand arithmetic and an independent oracle."""

from __future__ import annotations

import math

import pytest
import torch
import torchmetrics
from hypothesis import given, settings
from hypothesis import strategies as st

from hydrarec.metrics.rating import RatingErrors
from hydrarec.objectives import RatingObjective


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


@pytest.mark.parametrize(("clip", "rmse"), [(True, 0.0), (False, math.sqrt((1 + 4) / 2))])
def test_clipping_acts_at_evaluation_only(clip: bool, rmse: float) -> None:
    objective = RatingObjective(loss="mse", clip=clip, scale=(1.0, 5.0))
    scores, targets = torch.tensor([6.0, -1.0]), torch.tensor([5.0, 1.0])
    assert objective.loss(scores, targets).item() == (1 + 4) / 2
    objective.evaluate(scores, targets)
    assert objective.report()["rmse"].item() == pytest.approx(rmse)
    assert objective.report()["loss"].item() == (1 + 4) / 2  # of the raw scores, as in training


@pytest.mark.parametrize(
    ("loss", "value"), [("mse", (9 + 0.25) / 2), ("mae", (3 + 0.5) / 2), ("huber", (2.5 + 0.125) / 2)]
)
def test_losses(loss: str, value: float) -> None:
    objective = RatingObjective(loss=loss, clip=False, scale=(1.0, 5.0))  # type: ignore[arg-type]
    assert objective.loss(torch.tensor([4.0, 2.0]), torch.tensor([1.0, 1.5])).item() == pytest.approx(value)
