"""A finished run as others use it: its model, ready to score, and what it knew of its data; from its folder alone."""

from __future__ import annotations

import importlib
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hydrarec.config import signatures
from hydrarec.core.errors import CheckpointError
from hydrarec.models.base import Recommender
from hydrarec.runs.folder import RunFolder, SilentFolder, existing
from hydrarec.runs.run_data import RunData

_HOME = "hydrarec.models."


@dataclass(frozen=True, eq=False)
class TrainedRun:
    """Attributes:
    folder: read, never written.
    config: as it was resolved.
    model: of the selected epoch, on the CPU, in evaluation mode.
    data: what it was trained on.
    """

    folder: SilentFolder
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
    folder = SilentFolder(existing(path, setting))
    if not folder.finished:
        raise CheckpointError(
            f"{path} is not finished: it has no result.json",
            expected="the folder of a finished run",
            fix=f"hydrarec-train resume={path}",
            value=str(path),
        )
    config = folder.read_config()
    model = _model_class(config).load_from_checkpoint(folder.best_checkpoint, map_location="cpu")
    return TrainedRun(folder, config, model.eval().requires_grad_(False), read_data(folder))


def read_data(folder: RunFolder) -> RunData:
    """What the run knew of its data; each array is held against its checksum.

    Raises:
        CheckpointError: the file is not there, or damaged.
    """
    path = folder.data_file
    if not path.is_file():
        raise CheckpointError(
            f"{folder.path} has no {path.name}: it keeps neither titles nor who rated what",
            expected="a run with save_data=true, the default",
            fix=f"hydrarec-train replay={folder.path}",
            value=str(folder.path),
        )
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return RunData.from_arrays(arrays)
    except (zipfile.BadZipFile, zlib.error, ValueError, KeyError, EOFError, OSError) as error:
        raise CheckpointError(
            f"damaged: {str(error)[:120]}",
            expected="the file as the run wrote it",
            fix=f"restore it from a copy, or hydrarec-train replay={folder.path}",
            file=path,
        ) from error


def _model_class(config: dict[str, Any]) -> type[Recommender]:
    """The class that the run's configuration names; nothing outside the house is ever imported."""
    target = str(config.get("model", {}).get("_target_"))
    if not target.startswith(_HOME) or signatures.parameters(target) is None:
        raise CheckpointError(
            f"model._target_={target} of this run folder is no model of this version",
            expected=f"a class in {_HOME}*",
            fix="use the version that trained it; run.json names it",
            value=target,
        )
    module, _, name = target.rpartition(".")
    found: type[Recommender] = getattr(importlib.import_module(module), name)
    return found
