"""Execute one run: fit on the training part, select on validation, evaluate once on test, write the run folder."""

from __future__ import annotations

import logging
import os
import time
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pytorch_lightning as pl
import torch
from lightning_fabric.utilities.warnings import PossibleUserWarning
from pytorch_lightning.loggers import TensorBoardLogger

from hydrarec.core.console import progress
from hydrarec.core.distributed import Replicas
from hydrarec.core.errors import EnvironmentFault
from hydrarec.core.kinds import Count, NonNegative, Parallel, Repeats
from hydrarec.data.datamodules.base import InteractionsDataModule
from hydrarec.models.base import Recommender
from hydrarec.runs.checkpoint import AtomicCheckpointIO, load
from hydrarec.runs.folder import RunFolder
from hydrarec.runs.provenance import cpu_seconds, peak_memory_bytes
from hydrarec.tasks.metrics.registry import shown_measure
from hydrarec.training.baselines import remarks
from hydrarec.training.callbacks.checkpoints import Checkpoints
from hydrarec.training.callbacks.epoch_table import EpochTable
from hydrarec.training.callbacks.history import History
from hydrarec.training.callbacks.interruption import Interruption
from hydrarec.training.callbacks.selected import Selected
from hydrarec.training.callbacks.tensorboard_log import TensorBoardEpochs


@dataclass(frozen=True)
class TrainerSettings:
    """Settings of the Trainer.

    Args:
        accelerator, devices: ``cpu`` or ``gpu``, and the number of devices.
        precision: of the forward pass in training; parameters and evaluation stay in float32, metrics in float64.
        matmul: ``high``: a GPU multiplies float32 matrices in TF32, faster and with 10 bits of mantissa.
        compile: compile the loss of a batch with ``torch.compile``; the first steps take seconds longer.
        epochs: maximum number of epochs.
        threads: PyTorch's CPU threads. Models this small run fastest on one.
        steps_per_call: optimiser steps per call of the Trainer; for speed, but dropout is drawn anew per call.
        checkpoint_seconds: minimum time between two writes of ``last.ckpt``; 0 writes it after every call.
        limit_batches: stop each epoch and evaluation after this many calls; null: no limit.
        detect_anomaly: locate the operation that produced a NaN; slow.
        deterministic: refuse non-deterministic operations. On the CPU, hydrarec uses none.
    """

    accelerator: Literal["cpu", "gpu"]
    devices: Count
    precision: Literal["32-true", "bf16-mixed"]
    matmul: Literal["highest", "high"]
    compile: bool
    epochs: Repeats
    threads: Parallel
    steps_per_call: Count
    checkpoint_seconds: NonNegative
    limit_batches: Count | None
    detect_anomaly: bool
    deterministic: bool

    def check_devices(self) -> None:
        """Raise :class:`EnvironmentFault` if the accelerator is missing or has too few devices."""
        if self.accelerator == "gpu" and not torch.cuda.is_available():
            raise EnvironmentFault(
                "trainer.accelerator=gpu, and this machine has 0 CUDA devices",
                expected="a CUDA device that this build of torch can use",
                fix="trainer=cpu",
                value="gpu",
            )
        count = torch.cuda.device_count() if self.accelerator == "gpu" else os.cpu_count() or 1
        if self.devices > count:
            raise EnvironmentFault(
                f"trainer.devices={self.devices}, and this machine has {count} {self.accelerator.upper()} devices or cores",
                expected=f"trainer.devices ≤ {count}",
                fix=f"trainer.devices={count}, or trainer=cpu",
                value=self.devices,
            )


@dataclass(frozen=True)
class Parts:
    """Parts of a run, built by the caller; ``callbacks`` are those of the configuration."""

    model: Recommender
    datamodule: InteractionsDataModule
    settings: TrainerSettings
    monitor: str | None
    mode: Literal["min", "max"]
    history: History
    callbacks: Sequence[pl.Callback]
    log_tensorboard: bool
    save_predictions: bool


def run(parts: Parts, folder: RunFolder, config: dict[str, Any], *, resume: bool) -> dict[str, Any]:
    """Train, select, test; return the content of ``result.json``.

    ``<part>/<metric>`` is from the selected epoch, ``val/<metric>/last`` from the last one.
    """
    started, cpu_started = time.perf_counter(), cpu_seconds()
    _quiet()
    datamodule, model, history = parts.datamodule, parts.model, parts.history
    monitor = parts.monitor if len(datamodule.split.val) else None
    checkpoints = Checkpoints(
        history, monitor=monitor, mode=parts.mode, every_seconds=parts.settings.checkpoint_seconds
    )
    interruption = Interruption(checkpoints)
    tensorboard = [TensorBoardEpochs(history, config)] if parts.log_tensorboard else []
    callbacks = [history, *parts.callbacks, EpochTable(history), interruption, *tensorboard, checkpoints]
    trainer = _trainer(parts.settings, callbacks, [entry.logger for entry in tensorboard])

    with progress(f"{type(model).__name__}: taking in the training data"):
        model.observe(datamodule.training_data())
    if parts.settings.compile:
        # One graph per batch size: that of all batches, and that of an epoch's last.
        model.batch_loss = torch.compile(model.batch_loss, dynamic=False)  # type: ignore[method-assign]
    size = sum(parameter.numel() for parameter in model.parameters())
    folder.update_record(status="training", parameters=size, device=_device(parts.settings))
    trainer.fit(model, datamodule=datamodule, ckpt_path=folder.last_checkpoint if resume else None, weights_only=True)
    interruption.raise_if_received()

    metrics = _evaluate(trainer, parts)
    if parts.save_predictions:
        with progress("writing predictions or ranks"):
            folder.write_outcomes(model.objective.task, _outcomes(model, datamodule))
    result = {
        "metrics": metrics,
        "selected": {"epoch": checkpoints.best_epoch, "by": monitor or "the last epoch", "mode": parts.mode},
        "epochs": len(history.rows),
        "n": {"train": len(datamodule.split.train), **_evaluated(model)},
        "seconds": {
            "training": history.seconds,
            "process": time.perf_counter() - started,
            "cpu": cpu_seconds() - cpu_started,
        },
    }
    if trainer.is_global_zero:
        _draw_curves(folder, history, checkpoints.best_epoch)
    model.eval()
    for callback in callbacks:
        if isinstance(callback, Selected):
            callback.on_selected(trainer, model)
    folder.update_record(
        status="finished",
        units=_units(model, datamodule, metrics),
        remarks=[] if parts.settings.limit_batches else remarks(model, datamodule, metrics, monitor),
        peak_memory_bytes=peak_memory_bytes(),
        seconds=result["seconds"],
    )
    for entry in tensorboard:
        entry.finish(result)
    folder.write_result(result)
    return result


def _trainer(settings: TrainerSettings, callbacks: list[pl.Callback], loggers: list[TensorBoardLogger]) -> pl.Trainer:
    torch.set_num_threads(settings.threads)
    torch.set_float32_matmul_precision(settings.matmul)
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]  # all that is read was written
    return pl.Trainer(
        accelerator=settings.accelerator,
        devices=settings.devices,
        strategy=Replicas() if settings.devices > 1 else "auto",
        precision=settings.precision,
        max_epochs=settings.epochs,
        limit_train_batches=settings.limit_batches,
        limit_val_batches=settings.limit_batches,
        limit_test_batches=settings.limit_batches,
        detect_anomaly=settings.detect_anomaly,
        deterministic=settings.deterministic,
        callbacks=callbacks,
        logger=loggers,
        plugins=[AtomicCheckpointIO()],
        num_sanity_val_steps=0,
        enable_progress_bar=False,
        enable_model_summary=False,
        enable_checkpointing=True,
        use_distributed_sampler=False,
        log_every_n_steps=1,
    )


def _evaluate(trainer: pl.Trainer, parts: Parts) -> dict[str, float]:
    """Evaluate the selected weights; only this function uses the test part."""
    model, datamodule, history = parts.model, parts.datamodule, parts.history
    metrics: dict[str, float] = {}
    last = {name: value for name, value in history.rows[-1].items() if name.startswith("val/")}
    best = load(history.folder.best_checkpoint)
    model.on_load_checkpoint(best)
    model.load_state_dict(best["state_dict"])
    if len(datamodule.split.val):
        trainer.validate(model, datamodule=datamodule, verbose=False)
        metrics |= model.evaluation | {f"{name}/last": value for name, value in last.items()}
    if len(datamodule.split.test):
        trainer.test(model, datamodule=datamodule, verbose=False)
        metrics |= model.evaluation
    return metrics


def _device(settings: TrainerSettings) -> str:
    """Hardware that affects the last bits of results: the GPU model, or the CPU's vector instruction set."""
    if settings.accelerator == "gpu":
        return torch.cuda.get_device_name()
    return f"CPU, {torch.backends.cpu.get_cpu_capability()}"


def _draw_curves(folder: RunFolder, history: History, selected: int | None) -> None:
    from hydrarec.figures import curves, style  # matplotlib, needed only at the end of a run

    figure = curves.training_curves(history.rows, selected)
    if figure is not None:
        style.save(figure, folder.figures / "curves", ["png"])  # a PDF would take longer than a short run


def _evaluated(model: Recommender) -> dict[str, int]:
    """Number of rows per evaluated part."""
    return {part: len(next(iter(outcomes.values()))) for part, outcomes in model.outcomes.items()}


def _units(model: Recommender, datamodule: InteractionsDataModule, metrics: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Per part and protocol, what its metrics are means over, and how many there are: for the end of a run."""
    units: dict[str, dict[str, Any]] = {}
    for part, number in _evaluated(model).items():
        users = datamodule.interactions.users[getattr(datamodule.split, part)[:number]]
        for protocol in {measure.protocol for name in metrics if (measure := shown_measure(name))}:
            unit = model.objective.unit(protocol)
            count = len(np.unique(users)) if unit == "users" else number
            units.setdefault(part, {})[protocol] = {"n": count, "unit": unit}
    return units


def _outcomes(model: Recommender, datamodule: InteractionsDataModule) -> dict[str, Any]:
    """Aligned arrays per part: row number in the interactions, user and item index, target, and the row's outcome."""
    data = datamodule.interactions
    arrays: dict[str, Any] = {}
    for part, number in _evaluated(model).items():
        rows = getattr(datamodule.split, part)[:number]  # fewer only in debug runs
        columns = {"row": rows, "user": data.users[rows], "item": data.items[rows], "target": data.ratings[rows]}
        arrays |= {f"{part}/{name}": column for name, column in columns.items()}
        arrays |= {f"{part}/{name}": outcome.cpu().numpy() for name, outcome in model.outcomes[part].items()}
    return arrays


def _quiet() -> None:
    """Silence Lightning's warnings about deliberate choices."""
    logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)
    for pattern in (
        ".*configure_optimizers` returned `None`.*",  # closed-form models take no steps
        ".*Total length of `list`.*",  # a split without this part
        ".*Sparse CSR tensor support is in beta.*",
        ".*Sparse invariant checks.*",
        ".*LeafSpec.*",  # Lightning's own use of torch
    ):
        warnings.filterwarnings("ignore", pattern)
    warnings.filterwarnings("ignore", category=PossibleUserWarning)
