"""What a model keeps in its checkpoints, and what it takes from one: only what fits its signature and its shapes."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Self

import pytorch_lightning as pl
import torch
from torch import Tensor

from hydrarec.config import signatures
from hydrarec.core.errors import CheckpointError
from hydrarec.runs.checkpoint import load, refused
from hydrarec.tasks.metrics.running_mean import RunningMean


class Checkpointed(pl.LightningModule):
    """The half of a model that its checkpoints restore, besides the weights.

    Attributes:
        task: the task that the model was trained for; None before.
        training_loss: the mean of the epoch so far.
        first_loss: the loss of the run's first step, the untrained model's; None before.
    """

    observed: ClassVar[tuple[str, ...]] = ()  # buffers filled by observe(); their shape depends on the data

    def __init__(self) -> None:
        super().__init__()
        self.task: str | None = None
        for name in self.observed:
            self.register_buffer(name, torch.empty(0))
        self.training_loss = RunningMean()
        self.first_loss: float | None = None

    @classmethod
    def load_from_checkpoint(  # type: ignore[override]
        cls, checkpoint_path: Any, map_location: Any = None, *, weights_only: bool = True, **arguments: Any
    ) -> Self:
        """Load the model from a checkpoint, verified by SHA-256 and read with ``weights_only=True``, whatever is given.

        Lightning's own loader is not used: it imports what hyper-parameters name, and reports damage as errors of torch.

        Raises:
            CheckpointError: the checkpoint is missing, damaged, or of another model.
        """
        path = Path(checkpoint_path)
        content = load(path, map_location or "cpu")
        settings = {**_accepted(cls, content["hyper_parameters"], path), **arguments}
        try:
            with torch.device("meta"):  # before any memory is taken for sizes that the weights do not have
                cls(**settings).require_same_shapes(content["state_dict"])
            model = cls(**settings)
            model.on_load_checkpoint(content)
            model.load_state_dict(content["state_dict"])
        except (ValueError, LookupError, TypeError, RuntimeError) as error:
            if isinstance(error, CheckpointError):
                raise
            raise refused(path, f"its parts do not fit together: {str(error).splitlines()[0][:120]}") from error
        return model.to(next((weight.device for weight in content["state_dict"].values()), torch.device("cpu")))

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["model"], checkpoint["task"] = type(self).__name__, self.task
        checkpoint["training_loss"], checkpoint["first_loss"] = self.training_loss.state_dict(), self.first_loss

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        saved = checkpoint.get("model")
        if saved != type(self).__name__:
            raise CheckpointError(
                f"the checkpoint is of model {saved}, not {type(self).__name__}",
                expected=f"a checkpoint of {type(self).__name__}",
                fix="choose the model that was trained",
                value=saved,
            )
        self.task = checkpoint.get("task")
        weights = checkpoint["state_dict"]
        for name in self.observed:
            setattr(self, name, torch.empty_like(weights[name]))
        self.require_same_shapes(weights)
        self.training_loss.load_state_dict(checkpoint["training_loss"])
        self.first_loss = checkpoint.get("first_loss")  # older checkpoints lack it

    def require_same_shapes(self, weights: Mapping[str, Tensor]) -> None:
        """Raise :class:`CheckpointError` unless the weights have the shapes of this model."""
        for name, own in self.state_dict().items():
            if name.split(".")[0] in self.observed and own.shape == (0,):
                continue  # of a model that has not seen its data
            if name not in weights or weights[name].shape != own.shape:
                theirs = list(weights[name].shape) if name in weights else "nothing"
                raise CheckpointError(
                    f"the checkpoint does not fit the model: its {name} is {theirs}, the model's {list(own.shape)}",
                    expected="a checkpoint of the same model, sizes and data set",
                    fix="choose the settings that it was trained with",
                    value=name,
                )


def _accepted(model: type, saved: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """The saved hyper-parameters that the model takes; those of an earlier version that it no longer has are left out.

    Raises:
        CheckpointError: a value of another type, or a private name, by which Lightning would import what it names.
    """
    kinds = signatures.parameters(f"{model.__module__}.{model.__qualname__}") or {}
    taken = inspect.signature(model).parameters
    for name, value in saved.items():
        if str(name).startswith("_"):
            raise refused(path, f"refused: its hyper-parameters name {name}={value}")
        if name in kinds and not kinds[name].admits(value):
            raise refused(path, f"its hyper-parameter {name}={str(value)[:60]} is not {kinds[name]}")
    return {name: value for name, value in saved.items() if name in taken}
