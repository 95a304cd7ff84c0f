"""Learning-rate schedules: PyTorch's schedulers, stepped per optimiser step or per epoch.

Each is called as ``schedule(optimizer, epochs=…, steps_per_epoch=…)`` and returns a :class:`Schedule`.
"""

from __future__ import annotations

from torch.optim import Optimizer, lr_scheduler

from hydrarec.core.errors import ConfigError
from hydrarec.core.kinds import Count, Fraction, Index, NonNegative, Positive, Share, Stage
from hydrarec.models.parts.schedule import Schedule


def constant(optimizer: Optimizer, *, epochs: int, steps_per_epoch: int) -> Schedule:
    """Constant learning rate: the optimiser's."""
    return Schedule(lr_scheduler.LambdaLR(optimizer, _one), "epoch")


def stages(optimizer: Optimizer, *, epochs: int, steps_per_epoch: int, stages: list[Stage]) -> Schedule:
    """A sequence of learning rates: ``[{epochs: 1, learning_rate: 0.001}, …]``; the last one is kept.

    Raises:
        ConfigError: the list of stages is empty.
    """
    if not stages:
        raise ConfigError(
            "scheduler.stages is empty",
            expected="at least one stage",
            fix="scheduler.stages='[{epochs: 3, learning_rate: 0.1}]'",
        )
    base = optimizer.param_groups[0]["lr"]
    rates = [stage["learning_rate"] / base for stage in stages for _ in range(stage["epochs"])]
    return Schedule(lr_scheduler.LambdaLR(optimizer, lambda epoch: rates[min(epoch, len(rates) - 1)]), "epoch")


def cosine_restarts(
    optimizer: Optimizer,
    *,
    epochs: int,
    steps_per_epoch: int,
    cycle_epochs: Count,
    cycle_multiplier: Count,
    minimum: NonNegative,
) -> Schedule:
    """Cosine annealing with warm restarts (Loshchilov & Hutter 2017), per step.

    The first cycle lasts ``cycle_epochs``; each further one is ``cycle_multiplier`` times as long as the one before.
    """
    first = cycle_epochs * steps_per_epoch
    return Schedule(lr_scheduler.CosineAnnealingWarmRestarts(optimizer, first, cycle_multiplier, minimum), "step")


def one_cycle(
    optimizer: Optimizer,
    *,
    epochs: int,
    steps_per_epoch: int,
    warmup: Share,
    start_divisor: Positive,
    end_divisor: Positive,
) -> Schedule:
    """One cycle (Smith 2018): rise to the optimiser's learning rate over the share ``warmup`` of all steps, then fall.

    Starts at rate / ``start_divisor``, ends at start / ``end_divisor``. Momentum does not change.
    """
    peak = optimizer.param_groups[0]["lr"]
    scheduler = lr_scheduler.OneCycleLR(
        optimizer,
        peak,
        total_steps=epochs * steps_per_epoch + 1,
        pct_start=warmup,
        div_factor=start_divisor,
        final_div_factor=end_divisor,
        cycle_momentum=False,
    )
    return Schedule(scheduler, "step")


def plateau(
    optimizer: Optimizer,
    *,
    epochs: int,
    steps_per_epoch: int,
    factor: Fraction,
    patience: Index,
    threshold: NonNegative,
    minimum: NonNegative,
) -> Schedule:
    """Multiply the rate by ``factor`` after > ``patience`` epochs with a relative fall of val/loss < ``threshold``."""
    scheduler = lr_scheduler.ReduceLROnPlateau(
        optimizer, factor=factor, patience=patience, threshold=threshold, min_lr=minimum
    )
    return Schedule(scheduler, "metric")


def _one(epoch: int) -> float:
    return 1.0
