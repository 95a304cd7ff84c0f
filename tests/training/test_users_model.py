"""A model of somebody else's, with mistakes in it: the error is theirs, and says where."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.conftest import Compose
from torch import Tensor, nn

from hydrarec.core.errors import UserCodeError
from hydrarec.models.base import Recommender
from hydrarec.training.fit import Parts
from hydrarec.training.job import execute


class Mine(Recommender):
    """A dot product with a mistake."""

    def __init__(self, *, num_users: int, num_items: int, mistake: str) -> None:
        super().__init__(num_users=num_users, num_items=num_items)
        self.mistake = mistake
        self.users, self.items = nn.Embedding(num_users, 4), nn.Embedding(num_items, 4)
        self.layer = nn.Linear(3, 1)

    def forward(self, users: Tensor, items: Tensor) -> Tensor:
        both = self.users(users) * self.items(items)
        if self.mistake == "shape":
            return self.layer(both).squeeze(-1)
        if self.mistake == "column":
            return both.sum(-1, keepdim=True)
        return both.sum(-1).detach()


@pytest.mark.parametrize(
    ("mistake", "says"),
    [
        ("shape", "Mine.forward: RuntimeError: mat1 and mat2 shapes cannot be multiplied (32x4 and 3x1)"),
        ("column", "forward returned scores of shape [32, 1] for pairs of shape [32]"),
        ("gradient", "Mine.training_step: RuntimeError: element 0 of tensors does not require grad"),
    ],
)
def test_mistake_in_the_users_model_is_called_theirs(
    composed: Compose, tmp_path: Path, mistake: str, says: str
) -> None:
    def with_theirs(parts: Parts) -> Parts:
        ours = parts.model
        theirs = Mine(num_users=ours.num_users, num_items=ours.num_items, mistake=mistake)
        state: dict[str, Any] = {
            "objective": ours.objective,
            "optimizer": ours._make_optimizer,
            "scheduler": ours._make_schedule,
            "steps_per_epoch": ours._steps_per_epoch,
            "steps_per_call": ours._steps_per_call,
            "seed": 0,
        }
        theirs.attach(**state)
        return dataclasses.replace(parts, model=theirs)

    with pytest.raises(UserCodeError) as caught:
        execute(composed(), tmp_path / "run", [], prepare=with_theirs)
    assert caught.value.exit_code == 1
    assert f"error in {__name__}.Mine" in caught.value.what
    assert says in caught.value.what
    written = json.loads((tmp_path / "run" / "error.json").read_text())
    assert written["code"] == "user_code"
    assert "Traceback" in written["traceback"]


def test_torch_itself_is_nobodys_class(composed: Compose, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hydrarec.models.dot.BiasedDot.forward", torch.nn.Module().forward)
    with pytest.raises(Exception, match="internal error: NotImplementedError"):
        execute(composed(), tmp_path / "run", [])
