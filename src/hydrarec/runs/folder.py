"""A run folder, written and read in one place. It is the truth about a run; TensorBoard is a view of it.

::

    config.yaml   the resolved configuration          run.json     seed, code, machine, data, cost, status
    history.csv   a row per epoch                     result.json  final metrics; written last: without it a run is not finished
    predictions.npz | ranks.npz  per rating or held-out item          error.json  why it failed
    data.npz      ids, titles, genres, who rated what: with the best checkpoint all that the model needs elsewhere
    figures/      curves.png; analysis/ and more figures by hydrarec-analyze
    checkpoints/best.ckpt last.ckpt                   tensorboard/       git.diff  the code's changes, if there were any
"""

from __future__ import annotations

import csv
import errno
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import filelock
import yaml

from hydrarec.config.former_names import with_todays_names
from hydrarec.core.errors import CheckpointError, EnvironmentFault, HydrarecError
from hydrarec.core.files import TEMPORARY_SUFFIX, atomic_write, write_json

if TYPE_CHECKING:
    import numpy as np


class RunFolder:
    """One run on disk. Every file is whole or absent, whatever is killed when.

    Args:
        path: the folder; made if it is absent. Temporary files that a killed run left in it are swept.

    Raises:
        EnvironmentFault: the folder cannot be written, or another live run holds it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        self._lock = filelock.FileLock(self.path / ".lock")
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self._lock.acquire(blocking=False)
            self.checkpoints.mkdir(exist_ok=True)
        except filelock.Timeout as error:
            raise EnvironmentFault(
                f"the run folder {self.path} is in use by another live run, or an analysis",
                expected="one process per run folder",
                fix="wait for it to end, or stop it",
                value=str(self.path),
            ) from error
        except OSError as error:
            raise EnvironmentFault(
                f"the run folder {self.path} cannot be written: {os.strerror(error.errno or errno.EIO)}",
                expected="a folder that may be written",
                fix="output_dir=<another folder>",
                value=str(self.path),
            ) from error
        for folder in (self.path, self.checkpoints, self.figures, self.analysis):
            for leftover in folder.glob(f".*{TEMPORARY_SUFFIX}"):
                leftover.unlink()

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    @property
    def tensorboard(self) -> Path:
        return self.path / "tensorboard"

    @property
    def data_file(self) -> Path:
        return self.path / "data.npz"

    @property
    def figures(self) -> Path:
        return self.path / "figures"

    @property
    def analysis(self) -> Path:
        return self.path / "analysis"

    @property
    def last_checkpoint(self) -> Path:
        return self.checkpoints / "last.ckpt"

    @property
    def best_checkpoint(self) -> Path:
        return self.checkpoints / "best.ckpt"

    def release(self) -> None:
        self._lock.release()

    # -- writing ------------------------------------------------------------------------------------------------

    def write_config(self, config: dict[str, Any]) -> None:
        with atomic_write(self.path / "config.yaml", "w") as file:
            yaml.safe_dump(config, file, sort_keys=False, allow_unicode=True)

    def update_record(self, **fields: Any) -> None:
        """Merge ``fields`` into ``run.json``."""
        write_json(self.path / "run.json", {**_read_json(self.path / "run.json"), **fields})

    def write_history(self, rows: list[dict[str, Any]]) -> None:
        names = list(dict.fromkeys(name for row in rows for name in row))
        with atomic_write(self.path / "history.csv", "w") as file:
            writer = csv.DictWriter(file, names, lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)

    def write_arrays(self, name: str, arrays: dict[str, np.ndarray]) -> None:
        """``predictions.npz``, ``ranks.npz`` or ``data.npz``; a zip, which holds a checksum of each array."""
        import numpy as np  # here, so that a mistyped option need not wait for it

        with atomic_write(self.path / name) as file:
            np.savez_compressed(file, allow_pickle=False, **arrays)

    def write_diff(self, content: bytes | None) -> None:
        """``git.diff``; None: there is nothing that the commit does not tell."""
        if content is None:
            (self.path / "git.diff").unlink(missing_ok=True)  # of an earlier attempt
            return
        with atomic_write(self.path / "git.diff") as file:
            file.write(content)

    def write_result(self, result: dict[str, Any]) -> None:
        """The last file of a run: from here on it is finished."""
        (self.path / "error.json").unlink(missing_ok=True)  # of an earlier attempt
        write_json(self.path / "result.json", result)

    def write_error(self, error: HydrarecError, status: str) -> None:
        write_json(self.path / "error.json", error.to_dict())
        self.update_record(status=status)

    # -- reading ------------------------------------------------------------------------------------------------

    @property
    def finished(self) -> bool:
        return (self.path / "result.json").is_file()

    def read_result(self) -> dict[str, Any]:
        return _read_json(self.path / "result.json")

    def read_record(self) -> dict[str, Any]:
        return _read_json(self.path / "run.json")

    def read_config(self) -> dict[str, Any]:
        path = self.path / "config.yaml"
        try:
            content = yaml.safe_load(path.read_text(encoding="utf-8"))
        except yaml.YAMLError as error:
            raise _damaged(path) from error
        return with_todays_names(_mapping(content, path))

    def read_overrides(self) -> list[str]:
        """What the run was started with, from ``run.json``."""
        overrides = self.read_record().get("overrides")
        if not isinstance(overrides, list):
            raise _damaged(self.path / "run.json")
        return [str(override) for override in overrides]


class SilentFolder(RunFolder):
    """A run folder that is read, and never written: that of another process of the same run, or of another run."""

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()

    def release(self) -> None:
        pass

    def write_config(self, config: dict[str, Any]) -> None:
        pass

    def update_record(self, **fields: Any) -> None:
        pass

    def write_history(self, rows: list[dict[str, Any]]) -> None:
        pass

    def write_arrays(self, name: str, arrays: dict[str, np.ndarray]) -> None:
        pass

    def write_diff(self, content: bytes | None) -> None:
        pass

    def write_result(self, result: dict[str, Any]) -> None:
        pass

    def write_error(self, error: HydrarecError, status: str) -> None:
        pass


def reserve(wanted: Path) -> Path:
    """Make a folder that did not exist: ``wanted``, or ``wanted-2``, ``wanted-3`` … when runs start in one second."""
    number = 1
    while True:
        folder = wanted if number == 1 else wanted.with_name(f"{wanted.name}-{number}")
        try:
            folder.mkdir(parents=True)
            return folder
        except FileExistsError:
            number += 1
        except OSError as error:
            raise EnvironmentFault(
                f"cannot make the run folder {folder}: {os.strerror(error.errno or errno.EIO)}",
                expected="a folder that may be written",
                fix="output_dir=<another folder>",
                value=str(folder),
            ) from error


def existing(path: Path, setting: str) -> Path:
    """``path`` if it is a run folder, else a :class:`CheckpointError` that says what it is; ``setting`` named it."""
    if not path.is_dir():
        raise CheckpointError(
            f"{path} is not a folder",
            expected="a run folder, such as outputs/<name>/<time>-<hash>",
            fix=f"{setting}=<run folder>",
            value=str(path),
        )
    if not (path / "config.yaml").is_file():
        raise CheckpointError(
            f"{path} is no run folder: it has no config.yaml",
            expected="a folder that hydrarec-train made",
            fix=f"{setting}=<run folder>",
            value=str(path),
        )
    return path


def _read_json(path: Path) -> dict[str, Any]:
    """The content of a JSON object; empty if there is no such file."""
    if not path.is_file():
        return {}
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise _damaged(path) from error
    return _mapping(content, path)


def _mapping(content: object, path: Path) -> dict[str, Any]:
    if not isinstance(content, dict) or not content:
        raise _damaged(path)
    return content


def _damaged(path: Path) -> CheckpointError:
    return CheckpointError(
        f"{path.name} of this run folder is damaged",
        expected="the file as the run wrote it",
        fix="restore it from a copy, or start a new run without resume",
        file=path,
    )
