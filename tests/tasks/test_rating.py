"""The rating objective against hand calculation."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from hydrarec.data.batching.batches import Batch
from hydrarec.tasks.rating import RatingObjective


class Fixed:
    """A scorer with a fixed score per user."""

    floats_per_pair = 1

    def __init__(self, scores: Tensor) -> None:
        self.scores = scores

    def __call__(self, users: Tensor, items: Tensor) -> Tensor:
        return self.scores[users]

    def catalogue_scores(self, users: Tensor) -> Tensor:
        raise NotImplementedError


@pytest.mark.parametrize(("clip", "rmse"), [(True, 0.0), (False, math.sqrt((1 + 4) / 2))])
def test_clipping_acts_at_evaluation_only(clip: bool, rmse: float) -> None:
    objective = RatingObjective(loss="mse", clip=clip, scale=(1.0, 5.0))
    scores, targets = torch.tensor([6.0, -1.0]), torch.tensor([5.0, 1.0])
    assert objective.loss(scores, targets).item() == (1 + 4) / 2
    users = torch.tensor([0, 1])
    objective.evaluate(Fixed(scores), Batch(users, users, targets))
    assert objective.report()["rmse"].item() == pytest.approx(rmse)
    predictions = [5.0, 1.0] if clip else [6.0, -1.0]
    assert objective.outcomes()["prediction"].tolist() == predictions
    assert objective.report()["loss"].item() == (1 + 4) / 2  # of the raw scores, as in training


@pytest.mark.parametrize(
    ("loss", "value"), [("mse", (9 + 0.25) / 2), ("mae", (3 + 0.5) / 2), ("huber", (2.5 + 0.125) / 2)]
)
def test_losses(loss: str, value: float) -> None:
    objective = RatingObjective(loss=loss, clip=False, scale=(1.0, 5.0))  # type: ignore[arg-type]
    assert objective.loss(torch.tensor([4.0, 2.0]), torch.tensor([1.0, 1.5])).item() == pytest.approx(value)


def test_a_reset_forgets_and_what_is_produced_is_reported() -> None:
    objective = RatingObjective(loss="mse", clip=True, scale=(1.0, 5.0))
    batch = Batch(torch.tensor([0]), torch.tensor([0]), torch.tensor([3.0]))
    for score, error in ((4.0, 1.0), (3.5, 0.5)):
        objective.reset(thorough=False)
        objective.evaluate(Fixed(torch.tensor([score])), batch)
        assert objective.report()["mae"].item() == error
        assert len(objective.outcomes()["prediction"]) == 1
    assert set(objective.report()) == set(RatingObjective.produced({}))


def test_every_rating_counts_once_in_the_loss_however_batches_are_cut() -> None:
    objective = RatingObjective(loss="mse", clip=False, scale=(1.0, 5.0))
    scores, targets = torch.zeros(3), torch.tensor([1.0, 2.0, 3.0])
    users = torch.arange(3)
    for part in ([0, 1], [], [2]):  # an empty share, too, as a rank may get one
        rows = users[torch.tensor(part, dtype=torch.int64)]
        objective.evaluate(Fixed(scores), Batch(rows, rows, targets[rows]))
    assert objective.report()["loss"].item() == pytest.approx((1 + 4 + 9) / 3)
