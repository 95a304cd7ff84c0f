"""Each schedule against the learning rates of its definition."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch

from hydrarec.core.errors import ConfigError
from hydrarec.training.optim import schedulers
from hydrarec.training.optim.schedulers import Schedule

Make = Callable[..., Schedule]


def rates(
    make: Make, moves: str, count: int, rate: float = 0.1, epochs: int = 6, steps: int = 4, **arguments: object
) -> list[float]:
    """The learning rates before each of ``count`` moves."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=rate)
    schedule = make(optimizer, epochs=epochs, steps_per_epoch=steps, **arguments)
    assert schedule.moves == moves
    seen = []
    for _ in range(count):
        seen.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.scheduler.step()
    return seen


def test_constant() -> None:
    assert rates(schedulers.constant, "epoch", 3) == [0.1, 0.1, 0.1]


def test_stages_follow_each_other_and_the_last_one_stays() -> None:
    stages = [
        {"epochs": 1, "learning_rate": 0.001},
        {"epochs": 2, "learning_rate": 0.01},
        {"epochs": 1, "learning_rate": 0.002},
    ]
    found = rates(schedulers.stages, "epoch", 6, stages=stages)
    assert found == pytest.approx([0.001, 0.01, 0.01, 0.002, 0.002, 0.002])


def test_no_stage_at_all() -> None:
    with pytest.raises(ConfigError, match="is empty"):
        rates(schedulers.stages, "epoch", 1, stages=[])


def test_cosine_restarts_with_cycles_of_one_and_two_epochs() -> None:
    found = rates(schedulers.cosine_restarts, "step", 13, cycle_epochs=1, cycle_multiplier=2, minimum=0.0)
    half = [0.05 * (1 + math.cos(math.pi * step / length)) for length in (4, 8) for step in range(length)]
    assert found == pytest.approx([*half, 0.1])


def test_one_cycle_peaks_at_the_optimisers_rate_and_ends_near_nothing() -> None:
    found = rates(schedulers.one_cycle, "step", 24, warmup=0.25, start_divisor=25.0, end_divisor=1000.0)
    assert max(found) == pytest.approx(0.1, rel=0.02)
    assert found[0] == pytest.approx(0.1 / 25)
    assert found[-1] < 0.002


def test_plateau_waits_for_its_patience() -> None:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    schedule = schedulers.plateau(
        optimizer, epochs=9, steps_per_epoch=1, factor=0.5, patience=1, threshold=0.0, minimum=0.1
    )
    assert schedule.moves == "metric"
    seen = []
    for loss in (1.0, 0.9, 0.9, 0.9, 0.8, 0.9, 0.9, 0.9, 0.9):
        schedule.scheduler.step(loss)  # type: ignore[arg-type]
        seen.append(optimizer.param_groups[0]["lr"])
    assert seen == [1.0, 1.0, 1.0, 0.5, 0.5, 0.5, 0.25, 0.25, 0.125]
