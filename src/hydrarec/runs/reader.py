"""What a run folder holds, read in one place. It is untrusted input: plain data, checked for its types, no pickles.

::

    config.yaml   the resolved configuration          run.json     seed, code, machine, data, cost, status
    history.csv   a row per epoch                     result.json  final metrics; written last: without it a run is not finished
    predictions.npz | ranks.npz  per rating or held-out item          error.json  why it failed
    data.npz      ids, titles, genres, who rated what: with the best checkpoint all that the model needs elsewhere
    figures/      curves.png; analysis/ and more figures by hydrarec-analyze
    checkpoints/best.ckpt last.ckpt                   tensorboard/       git.diff  the code's changes, if there were any
"""

from __future__ import annotations

import contextlib
import csv
import datetime
import functools
import json
import re
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from hydrarec.config.former_names import with_todays_names
from hydrarec.core.errors import CheckpointError, HydrarecError
from hydrarec.runs.record_types import Config, Failure, Record, Result, find_problem

if TYPE_CHECKING:
    from numpy.typing import NDArray

CONFIG, RECORD, HISTORY, RESULT, ERROR = "config.yaml", "run.json", "history.csv", "result.json", "error.json"
OUTCOMES = {"rating": "predictions.npz", "ranking": "ranks.npz"}  # by task
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times the speed, where it was built in
_SECTION = re.compile(r"^(?=[^\s#-])", flags=re.MULTILINE)  # list entries of a section begin with its own indentation
_DAMAGES = (
    ValueError,
    LookupError,
    TypeError,
    RuntimeError,
    EOFError,
    OSError,
    csv.Error,
    zipfile.BadZipFile,
    zlib.error,
)


class RunReader:
    """The paths and contents of a run folder; writes nothing.

    Its methods raise :class:`CheckpointError` for a damaged file. The content of a missing one is empty.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        self.data_file = self.path / "data.npz"
        self.checkpoints, self.tensorboard = self.path / "checkpoints", self.path / "tensorboard"
        self.best_checkpoint, self.last_checkpoint = self.checkpoints / "best.ckpt", self.checkpoints / "last.ckpt"
        self.figures, self.analysis = self.path / "figures", self.path / "analysis"

    @classmethod
    def of_run(cls, path: Path, setting: str) -> RunReader:
        """The reader of the run folder that ``setting`` named.

        Raises:
            CheckpointError: it is none.
        """
        problem = "" if (path / CONFIG).is_file() else f"is no run folder: it has no {CONFIG}"
        if not path.is_dir():
            problem = "is not a folder"
        if problem:
            raise CheckpointError(
                f"{path} {problem}",
                expected="a folder that hydrarec-train made, such as outputs/<name>/<time>-<hash>",
                fix=f"{setting}=<run folder>",
                value=str(path),
            )
        return RunReader(path)

    @classmethod
    def of_finished_run(cls, path: Path, setting: str) -> RunReader:
        """The same of a run that has a result."""
        reader = cls.of_run(path, setting)
        if not reader.finished:
            raise CheckpointError(
                f"{path} is not finished: it has no {RESULT}",
                expected="the folder of a finished run",
                fix=f"hydrarec-train resume={path}",
                value=str(path),
            )
        return reader

    @property
    def finished(self) -> bool:
        return (self.path / RESULT).is_file()

    def read_config(self) -> dict[str, Any]:
        """The resolved configuration, with today's names of classes; shared with other runs, never to be changed."""
        with report_damage(self.path / CONFIG):
            text = self._text(CONFIG)
            return {} if text is None else _checked(parse_config(text), Config)

    def read_record(self) -> dict[str, Any]:
        return self._json(RECORD, Record)

    def read_result(self) -> dict[str, Any]:
        return self._json(RESULT, Result)

    def read_error(self) -> dict[str, Any]:
        return self._json(ERROR, Failure)

    def read_start(self) -> float:
        """When the run began, in unix seconds; 0 if unknown."""
        return unix_seconds(self.read_record().get("provenance", {}).get("started", ""))

    def read_overrides(self) -> list[str]:
        """The overrides that the run was started with."""
        with report_damage(self.path / RECORD):
            overrides: list[str] = self.read_record()["overrides"]
        return overrides

    def read_history(self, *columns: str) -> list[dict[str, float]]:
        """A row per epoch, with its numbers in ``columns``, or in all of them."""
        with report_damage(self.path / HISTORY):
            header, *rows = list(csv.reader((self._text(HISTORY) or "").splitlines())) or [[]]
            kept = [place for place, name in enumerate(header) if not columns or name in columns]
            # An empty cell: not measured in this epoch.
            return [{header[k]: float(row[k]) for k in kept if k < len(row) and row[k]} for row in rows]

    def read_arrays(self, name: str, keys: Sequence[str] | None = None) -> dict[str, NDArray[Any]]:
        """These arrays of an npz, or all of them, each verified by its checksum.

        Raises:
            CheckpointError: it is damaged, or missing, or has no such array.
        """
        import numpy as np  # here, so that a mistyped option need not wait for it

        with report_damage(self.path / name), np.load(self.path / name, allow_pickle=False) as file:
            return {key: file[key] for key in (file.files if keys is None else keys)}

    def _json(self, name: str, kind: type) -> dict[str, Any]:
        with report_damage(self.path / name):
            text = self._text(name)
            return {} if text is None else _checked(json.loads(text), kind)

    def _text(self, name: str) -> str | None:
        try:
            return (self.path / name).read_text(encoding="utf-8")
        except FileNotFoundError:
            return None


def parse_config(text: str) -> dict[str, Any]:
    """A configuration in YAML, each distinct top-level section parsed once: the runs of a sweep share most of them.

    Raises:
        ValueError: it is no YAML, or no mapping.
    """
    config: dict[str, Any] = {}
    try:
        for section in _SECTION.split(text):
            config.update(_parse_section(section))
    except ValueError:
        return _parse_section(text)  # written by hand perhaps: an anchor that another section refers to
    return config


@functools.lru_cache(10_000)
def _parse_section(text: str) -> dict[str, Any]:
    loader = _LOADER(text)
    try:
        content = loader.get_single_data()
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from error
    finally:
        loader.dispose()
    if not isinstance(content, dict | None) or not all(isinstance(key, str) for key in content or {}):
        raise ValueError("no mapping of names")
    return with_todays_names(content or {})


def unix_seconds(moment: str) -> float:
    """A moment in ISO 8601; 0 if there is none."""
    try:
        return datetime.datetime.fromisoformat(moment).timestamp()
    except ValueError:
        return 0.0


def _checked(content: dict[str, Any], kind: type) -> dict[str, Any]:
    problem = find_problem(content, kind) or ("" if content else "it is empty")
    if problem:
        raise ValueError(problem)
    return content


@contextlib.contextmanager
def report_damage(path: Path) -> Iterator[None]:
    """Raise :class:`CheckpointError`, naming ``path``, for whatever goes wrong while its content is read."""
    try:
        yield
    except (HydrarecError, PermissionError):
        raise
    except FileNotFoundError as error:
        problem = f"there is no {path}"
        raise CheckpointError(problem, expected="the file as the run wrote it", value=str(path)) from error
    except _DAMAGES as error:
        reason = f"{error} is missing" if isinstance(error, KeyError) else str(error).partition("\n")[0][:120]
        raise CheckpointError(
            f"{path.name} of this run folder is damaged: {reason}",
            expected="the file as the run wrote it",
            fix="restore it from a copy, or start a new run without resume",
            file=path,
        ) from error
