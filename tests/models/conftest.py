"""Every model that ships, found by its YAML file, built small."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from hydrarec.assembly import factory
from hydrarec.config.composition import compose_config
from hydrarec.config.location import conf_dir
from hydrarec.data.batches import TrainingData
from hydrarec.models.base import Recommender

NUM_USERS, NUM_ITEMS = 7, 5
MODELS = sorted(path.stem for path in (conf_dir() / "model").glob("*.yaml"))


@pytest.fixture(params=MODELS)
def make(request: pytest.FixtureRequest) -> Callable[..., Recommender]:
    """Build the model with its YAML's defaults, after it has seen :func:`training_data`."""

    def build(num_users: int = NUM_USERS, num_items: int = NUM_ITEMS, data: TrainingData | None = None) -> Recommender:
        torch.manual_seed(0)
        model: Recommender = factory(compose_config([f"model={request.param}"]).model)(
            num_users=num_users, num_items=num_items
        )
        model.observe(data or training_data())
        return model.eval()

    return build


def training_data() -> TrainingData:
    """Twelve ratings; user 6 and item 4 have none."""
    users = torch.tensor([0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 5, 5])
    items = torch.tensor([0, 1, 2, 0, 3, 1, 2, 0, 3, 2, 1, 3])
    targets = torch.tensor([5.0, 3.0, 4.0, 4.0, 2.0, 3.0, 5.0, 4.0, 1.0, 5.0, 2.0, 3.0])
    return TrainingData(users, items, targets, NUM_USERS, NUM_ITEMS, (1.0, 5.0))
