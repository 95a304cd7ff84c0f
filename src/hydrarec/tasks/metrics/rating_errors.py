"""Errors of predicted ratings, pooled over all ratings of a part."""

from __future__ import annotations

import torch
from torch import Tensor
from torchmetrics import Metric


class RatingErrors(Metric):
    """RMSE and MAE pooled over all ratings (not averaged per user), with sums in float64 and the count in int64.

    torchmetrics' own ``MeanSquaredError`` adds up in float32, which loses digits over millions of ratings; its base
    class carries the reduction over processes, once per epoch.
    """

    full_state_update = False
    squared: Tensor
    absolute: Tensor
    count: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.add_state("squared", torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("absolute", torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("count", torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum")

    def update(self, predictions: Tensor, targets: Tensor) -> None:
        """``predictions``, ``targets``: float [B]."""
        errors = predictions.double() - targets.double()
        self.squared += errors.square().sum()
        self.absolute += errors.abs().sum()
        self.count += errors.numel()

    def compute(self) -> dict[str, Tensor]:
        """``mse``, ``rmse``, ``mae``: float64 scalars."""
        mse = self.squared / self.count
        return {"mse": mse, "rmse": mse.sqrt(), "mae": self.absolute / self.count}
