"""The rating task: predict rating values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn import functional
from torchmetrics.utilities.distributed import gather_all_tensors

from hydrarec.data.batching.batches import Batch
from hydrarec.tasks.base import Objective, Scorer
from hydrarec.tasks.metrics.pooled import PooledMeans
from hydrarec.tasks.metrics.registry import measures

LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "mse": functional.mse_loss,
    "mae": functional.l1_loss,
    "huber": functional.huber_loss,
}


class RatingObjective(Objective):
    """Loss and errors of predicted ratings, pooled over all ratings.

    Args:
        loss: loss of a batch: ``mse`` (as in the founding write-ups), ``mae`` or ``huber`` (δ = 1).
        clip: whether to clip predictions to the rating scale at evaluation; never in training, where it would zero
            the gradient.
        scale: lowest and highest possible rating.
    """

    task = "rating"

    def __init__(self, *, loss: Literal["mse", "mae", "huber"], clip: bool, scale: tuple[float, float]) -> None:
        super().__init__()
        self.loss_function = LOSSES[loss]
        self.clip, self.scale = clip, scale
        self.measures = measures("ratings")
        self.means = PooledMeans(["loss", *(measure.name for measure in self.measures)])
        self._predictions: list[Tensor] = []

    @classmethod
    def produced(cls, settings: Mapping[str, Any]) -> list[str]:
        return ["loss", *(measure.name for measure in measures("ratings"))]

    def loss(self, scores: Tensor, targets: Tensor) -> Tensor:
        """Mean loss of a batch; ``scores``, ``targets``: float32 [B]."""
        return self.loss_function(scores, targets)

    def predict(self, scores: Tensor) -> Tensor:
        """Convert raw scores to ratings, float32 [B], clipped to the scale if ``clip`` is set."""
        return scores.clamp(*self.scale) if self.clip else scores

    def reset(self, *, thorough: bool) -> None:
        self.means.reset()
        self._predictions.clear()

    def evaluate(self, model: Scorer, batch: Batch) -> None:
        scores = model(batch.users, batch.items)
        predictions = self.predict(scores)
        errors = predictions.double() - batch.targets.double()
        sums = {measure.name: measure.metric.values(errors).sum() for measure in self.measures}
        if len(errors):  # the share of a rank may be empty, and its mean loss no number
            sums["loss"] = self.loss(scores, batch.targets).double() * len(errors)
            self.means.update(sums, len(errors))
        self._predictions.append(predictions)

    def report(self) -> dict[str, Tensor]:
        """Metrics of the part: ``loss`` uses the raw scores, as in training; errors use the (clipped) predictions."""
        means = self.means.compute()
        pooled = {measure.name: measure.metric.of_mean(means[measure.name]) for measure in self.measures}
        return {"loss": means["loss"], **pooled}

    def unit(self, protocol: str) -> Literal["ratings"]:
        return "ratings"

    def outcomes(self) -> dict[str, Tensor]:
        """``prediction`` of each row: float32 [N]."""
        own = torch.cat(self._predictions)
        if not torch.distributed.is_initialized():
            return {"prediction": own}
        shares = gather_all_tensors(own)  # rank r evaluated rows r, r + world size, …
        predictions = own.new_empty(sum(len(share) for share in shares))
        for rank, share in enumerate(shares):
            predictions[rank :: len(shares)] = share
        return {"prediction": predictions}
