"""Reader of run folders. They are untrusted input: plain data only, types are checked, nothing is unpickled.

::

    config.yaml   the resolved configuration          run.json     seed, code, machine, data, cost, status
    history.csv   a row per epoch                     result.json  final metrics; written last: marks a run as finished
    predictions.npz | ranks.npz  per rating or held-out item          error.json  cause of failure
    data.npz      ids, titles, genres, ratings: together with the best checkpoint, enough to use the model elsewhere
    figures/      curves.png; hydrarec-analyze adds figures and analysis/
    checkpoints/best.ckpt last.ckpt                   tensorboard/       git.diff  uncommitted code changes, if any
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
from hydrarec.config.imports import may_import, targets
from hydrarec.core.errors import CheckpointError, HydrarecError
from hydrarec.runs.record_types import Config, Failure, Record, Result, find_problem

if TYPE_CHECKING:
    from numpy.typing import NDArray

CONFIG, RECORD, HISTORY, RESULT, ERROR = "config.yaml", "run.json", "history.csv", "result.json", "error.json"
OUTCOMES = {"rating": "predictions.npz", "ranking": "ranks.npz"}  # by task
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times as fast, if PyYAML was built with libyaml
_MOST_ENTRIES = 100_000  # of a section of config.yaml; an honest one has a few hundred
_MOST_CHARACTERS = 15_000  # of a section: libyaml crashes on 40,000 nested brackets
_SECTION = re.compile(r"^(?=[^\s#-])", flags=re.MULTILINE)  # list entries may be indented like their section's key
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
    """Read-only access to the paths and contents of a run folder.

    Methods raise :class:`CheckpointError` for a damaged file; a missing file reads as empty.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        self.data_file = self.path / "data.npz"
        self.checkpoints, self.tensorboard = self.path / "checkpoints", self.path / "tensorboard"
        self.best_checkpoint, self.last_checkpoint = self.checkpoints / "best.ckpt", self.checkpoints / "last.ckpt"
        self.figures, self.analysis = self.path / "figures", self.path / "analysis"
        self.lock_file = self.path / ".lock"

    @classmethod
    def of_run(cls, path: Path, setting: str) -> RunReader:
        """Reader of the run folder at ``path``, which the user gave as ``setting``.

        Raises:
            CheckpointError: ``path`` is not a run folder.
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
        reader = RunReader(path)
        reader.refuse_links()
        return reader

    def refuse_links(self) -> None:
        """Refuse a folder whose parts lead out of it: what a command writes into it would be written elsewhere.

        Raises:
            CheckpointError: such a link.
        """
        for part in (self.lock_file, self.checkpoints, self.tensorboard, self.figures, self.analysis):
            if part.is_symlink() and not part.resolve().is_relative_to(self.path):
                raise CheckpointError(
                    f"refused: it is a link that leads out of the run folder, to {part.readlink()}",
                    expected="a run folder whose parts lie in it",
                    fix="copy what the link leads to in its place",
                    file=part,
                )

    @classmethod
    def of_finished_run(cls, path: Path, setting: str) -> RunReader:
        """Like :meth:`of_run`, but the run must have a result."""
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
        """Resolved configuration with current class names. It shares sections with other runs: do not modify it."""
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
        """Start time in Unix seconds; 0 if unknown."""
        return unix_seconds(self.read_record().get("provenance", {}).get("started", ""))

    def read_overrides(self) -> list[str]:
        """Overrides that the run was started with."""
        with report_damage(self.path / RECORD):
            overrides: list[str] = self.read_record()["overrides"]
        return overrides

    def read_history(self, *columns: str) -> list[dict[str, float]]:
        """One row per epoch, with the values of ``columns``, or of all columns."""
        with report_damage(self.path / HISTORY):
            header, *rows = list(csv.reader((self._text(HISTORY) or "").splitlines())) or [[]]
            kept = [place for place, name in enumerate(header) if not columns or name in columns]
            # Skip empty cells: not measured in this epoch.
            return [{header[k]: float(row[k]) for k in kept if k < len(row) and row[k]} for row in rows]

    def read_arrays(self, name: str, keys: Sequence[str] | None = None) -> dict[str, NDArray[Any]]:
        """Read the arrays ``keys`` of an npz, or all of them; the zip checksums verify each.

        Raises:
            CheckpointError: the file is damaged or missing, or lacks one of the arrays.
        """
        import numpy as np  # imported here to keep the answer to a mistyped option fast

        from hydrarec.runs.array_checks import require_plain

        with report_damage(self.path / name), np.load(self.path / name, allow_pickle=False) as file:
            arrays = {key: file[key] for key in (file.files if keys is None else keys)}
            for key, array in arrays.items():
                require_plain(key, array)
            return arrays

    def _json(self, name: str, kind: type) -> dict[str, Any]:
        with report_damage(self.path / name):
            text = self._text(name)
            return {} if text is None else _checked(json.loads(text), kind)

    def _text(self, name: str) -> str | None:
        path = self.path / name
        if path.exists() and not path.is_file():  # a pipe would never end
            raise ValueError("it is no file")
        try:
            return path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return None


def parse_config(text: str) -> dict[str, Any]:
    """Parse a YAML configuration; parse identical top-level sections once, since the runs of a sweep share most.

    Raises:
        ValueError: not YAML, or not a mapping.
    """
    config: dict[str, Any] = {}
    try:
        for section in _SECTION.split(text):
            config.update(_parse_section(section))
    except ValueError:
        return _parse_section(text)  # perhaps hand-written, with an anchor that another section refers to
    return config


@functools.lru_cache(10_000)
def _parse_section(text: str) -> dict[str, Any]:
    if len(text) > _MOST_CHARACTERS:
        raise ValueError(f"it has more than {_MOST_CHARACTERS:,} characters in one section")
    loader = _LOADER(text)
    try:
        content = loader.get_single_data()
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from error
    finally:
        loader.dispose()
    if not isinstance(content, dict | None) or not all(isinstance(key, str) for key in content or {}):
        raise ValueError("no mapping of names")
    _require_plain(content or {})
    settings: dict[str, Any] = with_todays_names(content or {})
    for path, node in targets("", settings):
        if not may_import(node["_target_"]):
            raise ValueError(f"refused: {path.lstrip('.')}._target_={node['_target_']} is no class of hydrarec")
    return settings


def _require_plain(content: object) -> None:
    """Require mappings, lists and plain values, and not too many: aliases of YAML can multiply a small file to billions."""
    left, waiting = _MOST_ENTRIES, [content]
    while waiting:
        node = waiting.pop()
        left -= 1
        if left < 0:
            raise ValueError(f"it has more than {_MOST_ENTRIES:,} entries")
        if isinstance(node, dict):
            waiting.extend([*node.keys(), *node.values()])
        elif isinstance(node, list):
            waiting.extend(node)
        elif not isinstance(node, str | int | float | None):
            raise ValueError(f"{node} is no plain value")


def unix_seconds(moment: str) -> float:
    """Convert ISO 8601 to Unix seconds; 0 for an empty or invalid text."""
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
    """Raise :class:`CheckpointError`, naming ``path``, if reading its content fails."""
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
