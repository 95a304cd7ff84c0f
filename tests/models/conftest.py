"""Fixtures: every shipped model, found by its YAML file, in small size, under every task it supports."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

import pytest
import torch
from hydra.utils import get_class
from omegaconf import DictConfig, OmegaConf

from hydrarec.config.composition import compose_config, plain
from hydrarec.config.location import conf_dir
from hydrarec.data.batching.batches import TrainingData
from hydrarec.models.base import Recommender
from hydrarec.training.assembly import factory

NUM_USERS, NUM_ITEMS = 7, 5
MODELS = sorted(path.stem for path in (conf_dir() / "model").glob("*.yaml"))


@cache  # composing takes longer than what is done with it
def model_config(task: str, model: str) -> DictConfig:
    config: DictConfig = OmegaConf.create(plain(compose_config([f"task={task}", f"model={model}"])))
    return config


def tasks_of(model: str) -> tuple[str, ...]:
    return get_class(model_config("rating", model).model._target_).tasks


@dataclass(frozen=True)
class Make:
    """Builds one model with its YAML's defaults under one task, after it has seen the training data."""

    task: str
    name: str

    def __call__(
        self,
        num_users: int = NUM_USERS,
        num_items: int = NUM_ITEMS,
        data: TrainingData | None = None,
        **changes: object,
    ) -> Recommender:
        torch.manual_seed(0)
        made = factory(model_config(self.task, self.name).model)
        model: Recommender = made(num_users=num_users, num_items=num_items, **changes)
        model.observe(data or self.data())
        return model.eval()

    def data(self) -> TrainingData:
        """Twelve ratings, or what is left of them where feedback is implicit."""
        return training_data() if self.task == "rating" else implicit(training_data())


SERVED = [(task, model) for model in MODELS for task in tasks_of(model)]


@pytest.fixture(params=SERVED, ids=lambda served: "-".join(served))
def make(request: pytest.FixtureRequest) -> Make:
    return Make(*request.param)


def training_data() -> TrainingData:
    """Twelve ratings; user 6 and item 4 have none."""
    users = torch.tensor([0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 5, 5])
    items = torch.tensor([0, 1, 2, 0, 3, 1, 2, 0, 3, 2, 1, 3])
    targets = torch.tensor([5.0, 3.0, 4.0, 4.0, 2.0, 3.0, 5.0, 4.0, 1.0, 5.0, 2.0, 3.0])
    return TrainingData(users, items, targets, NUM_USERS, NUM_ITEMS, (1.0, 5.0), "")


def implicit(data: TrainingData) -> TrainingData:
    """The same pairs without their ratings."""
    return replace(data, targets=torch.ones_like(data.targets), scale=None)
