"""A finished run as others use it: its model, ready to score, and what it knew of its data; from its folder alone."""

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
    """A model and its run.

    Attributes:
        folder: where it was read from.
        config: as it was resolved.
        model: of the selected epoch, on the CPU, in evaluation mode.
        data: what it was trained on.
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
    """The run at ``path``, which ``setting`` named. Nothing but its folder is read, wherever it was copied to.

    Raises:
        CheckpointError: no run folder, not finished, damaged, or without what this needs.
    """
    folder = RunReader.of_finished_run(path, setting)
    config = folder.read_config()
    model = _model_class(config).load_from_checkpoint(folder.best_checkpoint, map_location="cpu")
    return TrainedRun(folder, config, model.eval().requires_grad_(False), read_data(folder))


def _model_class(config: dict[str, Any]) -> type[Recommender]:
    """The class that the run's configuration names; nothing outside hydrarec is ever imported."""
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
