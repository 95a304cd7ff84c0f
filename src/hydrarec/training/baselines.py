"""Remarks at the end of a run: scores that are all equal, and a model that is no better than a trivial one.

The trivial models are evaluated by the run's own objective on the same held-out rows, with the same candidates, so that the
comparison is exact; that costs one more evaluation without a model.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from hydrarec.core.console import progress
from hydrarec.data.batching.batches import TrainingData
from hydrarec.data.datamodules.base import InteractionsDataModule
from hydrarec.models.base import Recommender
from hydrarec.models.bias import Bias, swept_biases
from hydrarec.models.popularity import Popularity
from hydrarec.tasks.base import Scorer
from hydrarec.tasks.metrics.registry import METRICS, Measure, better

_SWEEPS, _DAMPING = 3, 5.0  # of the biases: enough for a comparison; model=bias has settings


@dataclass(frozen=True)
class _Additive:
    """``s_ui = a_u + b_i``: the mean, the mean plus biases, or the popularity of items."""

    of_users: Tensor  # float32 [num_users]
    of_items: Tensor  # float32 [num_items]
    floats_per_pair: int = 1

    def __call__(self, users: Tensor, items: Tensor) -> Tensor:
        return self.of_users[users] + self.of_items[items]

    def catalogue_scores(self, users: Tensor) -> Tensor:
        return self.of_users[users].unsqueeze(1) + self.of_items


def remarks(
    model: Recommender, datamodule: InteractionsDataModule, metrics: dict[str, float], monitor: str | None
) -> list[str]:
    """What a reader of the metrics should know about them, a line each; usually nothing."""
    part = "test" if "test" in model.outcomes else "val"
    if part not in model.outcomes:
        return []
    constant = _constant(model.outcomes[part])
    if constant:
        return [constant]
    name = (monitor or next(key for key in metrics if key.startswith(f"{part}/"))).partition("/")[2]
    key = f"{part}/{name}"
    measure = Measure.parse(key)
    if measure is None or key not in metrics:
        return []
    for words, scorer in _trivial(model, datamodule.training_data(), model.device):
        value = _evaluate(scorer, model, datamodule, part)[name]
        if not better(key, metrics[key], value):
            shown = [METRICS[measure.metric.name].format(number) for number in (metrics[key], value)]
            return [f"{key} {shown[0]} is no better than {words}: {shown[1]} on the same rows"]
    return []


def _constant(outcomes: dict[str, Tensor]) -> str:
    """A remark if all scores are equal, else nothing."""
    if "prediction" in outcomes:
        predictions = outcomes["prediction"]
        if len(predictions) > 1 and bool((predictions == predictions[0]).all()):
            return f"all {len(predictions):,} predictions are {float(predictions[0]):.4g}: the model learned nothing but that"
        return ""
    protocol = next(iter(outcomes)).rpartition("/")[0]
    tied, candidates = outcomes[f"{protocol}/tied"], outcomes[f"{protocol}/candidates"]
    if int(candidates.max()) > 1 and bool((tied == candidates - 1).all()):
        return "all candidates have equal scores: the model learned nothing, and its metrics are those of chance"
    return ""


def _trivial(model: Recommender, data: TrainingData, device: torch.device) -> list[tuple[str, Scorer]]:
    """Trivial models in words, worst first; none that is the model itself."""
    nothing = torch.zeros(data.num_users, device=device)
    if model.objective.task == "ranking":
        counts = torch.bincount(data.items, minlength=data.num_items).float().to(device)
        popularity = "the most popular items for everybody (model=popularity)", _Additive(nothing, counts)
        return [] if isinstance(model, Popularity) else [popularity]
    mean = data.targets.double().mean().float()
    of_users, of_items = torch.zeros(data.num_users), torch.zeros(data.num_items)
    constant = "the mean of the training ratings", _Additive(nothing + mean.to(device), of_items.to(device))
    if isinstance(model, Bias):
        return [constant]
    for _ in range(_SWEEPS):
        of_users, of_items = swept_biases(data, mean, of_users, _DAMPING, _DAMPING)
    biases = (
        "mean and biases of users and items (model=bias)",
        _Additive((mean + of_users).to(device), of_items.to(device)),
    )
    return [constant, biases]


@torch.no_grad()
def _evaluate(scorer: Scorer, model: Recommender, datamodule: InteractionsDataModule, part: str) -> dict[str, float]:
    objective = model.objective
    loader = datamodule.test_dataloader() if part == "test" else datamodule.val_dataloader()
    objective.reset(thorough=False)
    with progress("comparing with a trivial model", len(loader), "batches") as advance:
        for chunk in loader:
            for batch in chunk:
                objective.evaluate(scorer, batch)
            advance(1)
    return {name: float(value) for name, value in objective.report().items()}
