"""Loads a finished run from its folder: the model, ready to score, and its training data."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydrarec.config import signatures
from hydrarec.core.errors import CheckpointError
from hydrarec.models.base import Recommender
from hydrarec.runs.reader import RunReader
from hydrarec.runs.run_data import RunData, read_data

_HOME = "hydrarec.models."


@dataclass(frozen=True, eq=False)
class TrainedRun:
    """A finished run and its model.

    Attributes:
        folder: the run folder.
        config: the resolved configuration.
        model: the model of the selected epoch, on the CPU, in evaluation mode.
        data: the training data.
    """

    folder: RunReader
    config: dict[str, Any]
    model: Recommender
    data: RunData

    @property
    def task(self) -> str:
        """``rating`` or ``ranking``."""
        return str(self.config["task"]["name"])


def load_run(path: Path, setting: str = "run") -> TrainedRun:
    """Load the run at ``path``, the value of ``setting``. Reads only its folder, which may have been copied anywhere.

    Raises:
        CheckpointError: not a run folder, or the run is unfinished, damaged or lacks required files.
    """
    folder = RunReader.of_finished_run(path, setting)
    config = folder.read_config()
    model = _model_class(config).load_from_checkpoint(folder.best_checkpoint, map_location="cpu")
    return TrainedRun(folder, config, model.eval().requires_grad_(False), read_data(folder))


def _model_class(config: dict[str, Any]) -> type[Recommender]:
    """The model class named in the run's configuration; never imports anything outside hydrarec."""
    target = str(config.get("model", {}).get("_target_"))
    if not target.startswith(_HOME) or signatures.parameters(target) is None:
        raise CheckpointError(
            f"model._target_={target} of this run folder is no model of this version",
            expected=f"a class in {_HOME}*",
            fix="use the version that trained it; run.json names it",
            value=target,
        )
    module, _, name = target.rpartition(".")
    model_class: type[Recommender] = getattr(importlib.import_module(module), name)
    return model_class
