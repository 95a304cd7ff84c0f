"""Loads a finished run from its folder: the model, ready to score, and its training data."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydrarec.config import signatures
from hydrarec.config.imports import load
from hydrarec.core.errors import CheckpointError
from hydrarec.models.base import Recommender
from hydrarec.runs.checkpoint import refused
from hydrarec.runs.reader import CONFIG, RunReader
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
    model, data = _model_class(folder).load_from_checkpoint(folder.best_checkpoint), read_data(folder)
    if (model.num_users, model.num_items) != (data.num_users, data.num_items):
        raise refused(
            folder.best_checkpoint,
            f"it is of {model.num_users:,} users and {model.num_items:,} items,"
            f" and {folder.data_file.name} has {data.num_users:,} and {data.num_items:,}",
        )
    return TrainedRun(folder, config, model.eval().requires_grad_(False), data)


def _model_class(folder: RunReader) -> type[Recommender]:
    """The model class named in the run's configuration."""
    target = str(folder.read_config().get("model", {}).get("_target_"))
    if not target.startswith(_HOME) or signatures.parameters(target) is None:
        raise CheckpointError(
            f"model._target_={target} of this run folder is no model of this version",
            expected=f"a class in {_HOME}*",
            fix="use the version that trained it; run.json names it",
            file=folder.path / CONFIG,
            value=target,
        )
    model_class: type[Recommender] = load(target)
    return model_class
