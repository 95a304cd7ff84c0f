"""Writer of a run folder. Each file is written atomically: after a kill it is complete or absent."""

from __future__ import annotations

import csv
import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import filelock
import yaml

from hydrarec.core.errors import EnvironmentFault, HydrarecError
from hydrarec.core.files import TEMPORARY_SUFFIX, atomic_write, write_json
from hydrarec.runs.reader import CONFIG, ERROR, HISTORY, OUTCOMES, RECORD, RESULT, RunReader

if TYPE_CHECKING:
    import numpy as np

DIFF = "git.diff"


class RunFolder(RunReader):
    """Folder of a live run. Rank 0 holds the lock and writes; the other processes of the run write nothing.

    Args:
        path: the folder; created if absent. Temporary files left by a killed run are removed.
        rank: rank of this process in the run; only rank 0 writes.

    Raises:
        EnvironmentFault: the folder is not writable, or another process holds its lock.
    """

    def __init__(self, path: Path, rank: int = 0) -> None:
        super().__init__(path)
        self._writes = rank == 0
        self._lock = filelock.FileLock(self.lock_file)
        if not self._writes:
            return
        self.refuse_links()
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
            raise _unwritable(f"the run folder {self.path} cannot be written", self.path, error) from error
        for folder in (self.path, self.checkpoints, self.figures, self.analysis):
            for leftover in folder.glob(f".*{TEMPORARY_SUFFIX}"):
                leftover.unlink()

    def release(self) -> None:
        self._lock.release()

    def write_config(self, config: dict[str, Any]) -> None:
        self._write(CONFIG, lambda file: yaml.safe_dump(config, file, sort_keys=False, allow_unicode=True))

    def update_record(self, **fields: Any) -> None:
        """Merge ``fields`` into ``run.json``."""
        self._write_json(RECORD, {**self.read_record(), **fields})

    def write_history(self, rows: list[dict[str, Any]]) -> None:
        def fill(file: IO[Any]) -> None:
            writer = csv.DictWriter(
                file, list(dict.fromkeys(name for row in rows for name in row)), lineterminator="\n"
            )
            writer.writeheader()
            writer.writerows(rows)

        self._write(HISTORY, fill)

    def write_outcomes(self, task: str, arrays: dict[str, np.ndarray]) -> None:
        """Write aligned columns: the prediction of each evaluated rating, or the rank of each held-out item."""
        self._write_arrays(OUTCOMES[task], arrays)

    def write_data(self, arrays: dict[str, np.ndarray]) -> None:
        """Write the arrays of a :class:`hydrarec.runs.run_data.RunData`."""
        self._write_arrays(self.data_file.name, arrays)

    def write_diff(self, content: bytes | None) -> None:
        """Write the diff against the commit; None means that there is none."""
        self._remove(DIFF)  # left by an earlier attempt
        if content is not None:
            self._write(DIFF, lambda file: file.write(content), mode="wb")

    def write_result(self, result: dict[str, Any]) -> None:
        """Write ``result.json``, the last file of a run: it marks the run as finished."""
        self.forget_error()
        self._write_json(RESULT, result)

    def write_error(self, error: HydrarecError) -> None:
        self._write_json(ERROR, error.to_dict())
        self.update_record(status=error.status)

    def forget_error(self) -> None:
        """Remove the ``error.json`` of an earlier attempt."""
        self._remove(ERROR)

    def start_over(self) -> None:
        """Remove everything that the next attempt would resume from."""
        for name in (ERROR, HISTORY, RECORD):
            self._remove(name)
        if self._writes:
            for leftover in (self.checkpoints, self.tensorboard):
                shutil.rmtree(leftover, ignore_errors=True)

    def _write_json(self, name: str, content: dict[str, Any]) -> None:
        if self._writes:
            write_json(self.path / name, content)

    def _write_arrays(self, name: str, arrays: dict[str, np.ndarray]) -> None:
        """Write an ``npz``, with progress; its zip format stores a checksum per array."""
        from hydrarec.runs.arrays_file import write_arrays  # imported here to answer a mistyped option fast

        self._write(name, lambda file: write_arrays(file, name, arrays), mode="wb")

    def _write(self, name: str, fill: Callable[[IO[Any]], object], mode: str = "w") -> None:
        if self._writes:
            with atomic_write(self.path / name, mode) as file:
                fill(file)

    def _remove(self, name: str) -> None:
        if self._writes:
            (self.path / name).unlink(missing_ok=True)


def reserve(path: Path) -> Path:
    """Create a new folder: ``path``, or ``path-2``, ``path-3`` … if it exists (runs started in the same second)."""
    number = 1
    while True:
        folder = path if number == 1 else path.with_name(f"{path.name}-{number}")
        try:
            folder.mkdir(parents=True)
            return folder
        except FileExistsError:
            number += 1
        except OSError as error:
            raise _unwritable(f"cannot make the run folder {folder}", folder, error) from error


def _unwritable(what: str, folder: Path, error: OSError) -> EnvironmentFault:
    return EnvironmentFault(
        f"{what}: {os.strerror(error.errno or errno.EIO)}",
        expected="a folder that may be written",
        fix="output_dir=<another folder>",
        value=str(folder),
    )
