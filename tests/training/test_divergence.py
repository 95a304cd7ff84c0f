"""A loss that explodes ends a run with exit code 7, also if it stays finite; a peak that passes does not."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.conftest import Execute, killed_after

from hydrarec.core.errors import DivergedError
from hydrarec.models.bias import Bias
from hydrarec.runs.checkpoint import load
from hydrarec.tasks.rating import RatingObjective

STEPS = 15  # per epoch


def scaled_losses(monkeypatch: pytest.MonkeyPatch, factors: dict[int, float]) -> None:
    """Multiply the training loss of the given steps, counted from 1 over all epochs."""
    original, step = RatingObjective.loss, [0]

    def loss(*arguments: Any) -> torch.Tensor:
        step[0] += torch.is_grad_enabled()
        factor = factors.get(step[0], 1.0) if torch.is_grad_enabled() else 1.0
        value = original(*arguments)
        return value + (factor - 1) * value.detach()  # the gradient stays as it is

    monkeypatch.setattr(RatingObjective, "loss", loss)


@pytest.mark.parametrize("overrides", [(), ("trainer.steps_per_call=50",)], ids=["eight calls", "one call"])
def test_adam_at_a_learning_rate_of_a_million_diverges(
    execute: Execute, tmp_path: Path, overrides: tuple[str, ...]
) -> None:
    with pytest.raises(DivergedError, match=r"became \d.*e\+\d\d in epoch 1 \(it began at 11") as caught:
        execute(tmp_path / "run", "model=dot", "optimizer.learning_rate=1e6", *overrides)
    assert caught.value.exit_code == 7
    assert not (tmp_path / "run" / "result.json").exists()
    if not overrides:
        assert load(tmp_path / "run" / "checkpoints" / "last.ckpt")["epoch"] == 0


@pytest.mark.parametrize("step", [1, 2, STEPS - 1, 2 * STEPS - 1])
def test_a_peak_within_an_epoch_passes(
    execute: Execute, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    scaled_losses(monkeypatch, {step: 1e9})
    assert execute(tmp_path / "run")["epochs"] == 2


@pytest.mark.parametrize(("factor", "diverges"), [(1e4, False), (1e8, True)])
def test_the_first_step_is_the_measure_also_after_a_resume(
    execute: Execute, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, factor: float, diverges: bool
) -> None:
    with killed_after(saves=11):  # within the second epoch
        execute(tmp_path / "run")
    assert 1 < load(tmp_path / "run" / "checkpoints" / "last.ckpt")["first_loss"] < 5
    scaled_losses(monkeypatch, dict.fromkeys(range(1, 100), factor))
    if not diverges:
        assert execute(tmp_path / "run")["epochs"] == 2
        return
    with pytest.raises(DivergedError, match="epoch 2"):
        execute(tmp_path / "run")


def test_a_solved_model_without_a_finite_loss(
    execute: Execute, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Bias, "solve", lambda *_: torch.tensor(math.nan))
    with pytest.raises(DivergedError, match="became nan in epoch 1"):
        execute(tmp_path / "run", "model=bias")
