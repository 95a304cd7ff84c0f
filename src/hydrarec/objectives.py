"""Loss and metrics of a task."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Literal

import torch
from torch import Tensor
from torch.nn import functional
from torchmetrics import MeanMetric

from hydrarec.metrics.rating import RatingErrors

LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "mse": functional.mse_loss,
    "mae": functional.l1_loss,
    "huber": functional.huber_loss,
}


class RatingObjective(torch.nn.Module):
    """Predict the rating itself.

    Args:
        loss: per batch; ``mse`` (the founding write-ups'), ``mae`` or ``huber`` (δ = 1).
        clip: clip predictions to the scale of the ratings at evaluation; never in training, where it would cut off
            the gradient.
        scale: lowest and highest possible rating.
    """

    # What every evaluated part reports, as <part>/<name>, and which way is better.
    metrics: ClassVar[dict[str, str]] = {"loss": "min", "rmse": "min", "mae": "min"}

    def __init__(self, *, loss: Literal["mse", "mae", "huber"], clip: bool, scale: tuple[float, float]) -> None:
        super().__init__()
        self.loss_function = LOSSES[loss]
        self.clip, self.scale = clip, scale
        self.errors = RatingErrors()
        self.mean_loss = MeanMetric(nan_strategy="disable").set_dtype(torch.float64)

    def loss(self, scores: Tensor, targets: Tensor) -> Tensor:
        """The mean loss of a batch; ``scores``, ``targets``: float32 [B]."""
        return self.loss_function(scores, targets)

    def predict(self, scores: Tensor) -> Tensor:
        """Raw scores as ratings, float32 [B]: clipped to the scale where that is asked for."""
        return scores.clamp(*self.scale) if self.clip else scores

    def reset(self) -> None:
        """Forget what was evaluated."""
        self.errors.reset()
        self.mean_loss.reset()

    def evaluate(self, scores: Tensor, targets: Tensor) -> Tensor:
        """Count a batch of raw scores [B] in; the predictions that they are."""
        predictions = self.predict(scores)
        self.errors.update(predictions, targets)
        self.mean_loss.update(self.loss(scores, targets).double(), len(targets))
        return predictions

    def report(self) -> dict[str, Tensor]:
        """The metrics of everything evaluated since the last reset: float64 scalars, reduced over all processes.

        ``loss`` is that of the raw scores, as in training; the errors are those of the predictions.
        """
        errors = self.errors.compute()
        return {"loss": self.mean_loss.compute(), "rmse": errors["rmse"], "mae": errors["mae"]}
