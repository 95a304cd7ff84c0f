"""Find run folders and read them, whatever state each is in."""

from __future__ import annotations

import functools
import glob
import math
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from hydrarec.core.errors import CheckpointError, ConfigError
from hydrarec.runs.reader import CONFIG, ERROR, RECORD, RESULT, RunReader

State = Literal["finished", "pruned", "failed", "unfinished", "damaged"]
STATES = get_args(State)
_BY_CODE: dict[object, State] = {"pruned": "pruned", "interrupted": "unfinished"}  # by error code; others: failed
# Files that mark a run folder; a damaged folder may lack some of them.
_MARKS = frozenset({CONFIG, RECORD, RESULT, ERROR})


@dataclass(frozen=True)
class Run:
    """Contents of one run folder.

    Attributes:
        reader: reader of the folder. config: resolved configuration; shares sections with other runs, do not modify it.
        record, result: ``run.json`` and ``result.json``; the result is empty unless ``state`` is finished.
        problem: why the run is not finished, in one line.
    """

    reader: RunReader
    state: State
    config: dict[str, Any] = field(default_factory=dict)
    record: dict[str, Any] = field(default_factory=dict)
    result: dict[str, Any] = field(default_factory=dict)
    problem: str = ""

    @functools.cached_property
    def folder(self) -> str:
        return str(self.reader.path)

    @property
    def seed(self) -> int:
        return self.config["seed"]

    @property
    def metrics(self) -> dict[str, float]:
        """Final metrics, all finite: a run with a non-finite one counts as failed."""
        return self.result["metrics"]

    @property
    def started(self) -> str:
        """Start time in ISO 8601; empty if unknown."""
        return self.record.get("provenance", {}).get("started", "")

    @functools.cached_property
    def history(self) -> list[dict[str, float]]:
        """One row per epoch; empty if the history is missing or damaged."""
        return self._history()

    @functools.cached_property
    def samples_per_second(self) -> float | None:
        """Training throughput, mean over epochs; None if not recorded."""
        rates = [rate for row in self._history("samples_per_second") for rate in row.values()]
        return math.fsum(rates) / len(rates) if rates else None

    def _history(self, *columns: str) -> list[dict[str, float]]:
        try:
            return self.reader.read_history(*columns)
        except (CheckpointError, PermissionError):
            return []


def read_all(folders: Iterable[str]) -> list[Run]:
    """Read each folder as a :class:`Run`; never raises for the state of a folder."""
    return [_read(RunReader(Path(folder))) for folder in folders]


def _read(reader: RunReader) -> Run:
    config: dict[str, Any] = {}
    try:
        config = reader.read_config()
        record, result = reader.read_record(), reader.read_result()
        error = {} if result else reader.read_error()  # beside a result, an error is from an earlier attempt
    except CheckpointError as damage:
        return Run(reader, "damaged", config, problem=damage.what)
    except PermissionError as refusal:
        return Run(reader, "damaged", config, problem=f"{refusal.strerror}: {refusal.filename}")
    if error:
        problem = error.get("what") or "no reason given"
        return Run(reader, _BY_CODE.get(error.get("code"), "failed"), config, record, problem=problem)
    if not result:
        status = record.get("status", "not started")
        return Run(reader, "unfinished", config, record, problem=f"no {RESULT}; its last status: {status}")
    missing = [f"{RECORD} has no {key}" for key in ("data", "split") if key not in record]
    if missing or not config:
        return Run(reader, "damaged", config, record, problem=missing[0] if config else f"there is no {CONFIG}")
    bad = {name: value for name, value in result["metrics"].items() if not _is_finite(value)}
    if bad or not result["metrics"]:
        shown = [f"{name} is {'missing' if value is None else value}" for name, value in bad.items()]
        return Run(reader, "failed", config, record, problem=", ".join(shown[:3]) or f"{RESULT} holds no metric")
    return Run(reader, "finished", config, record, result)


def _is_finite(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def find(patterns: str | Sequence[str]) -> list[str]:
    """Find run folders in or below ``patterns`` (folders or globs): absolute paths, sorted, without duplicates.

    Neither subfolders of run folders nor hidden folders are searched.

    Raises:
        ConfigError: a pattern matches no folder, or no run folder is found.
    """
    patterns = [patterns] if isinstance(patterns, str) else list(patterns)
    runs: set[str] = set()
    for pattern in patterns:
        folders = [path for path in _expand(pattern) if Path(path).is_dir()]
        if not folders:
            raise ConfigError(
                f"runs={pattern}: there is no such folder",
                expected="a folder of run folders, or a glob such as outputs/*/sweep",
                fix="runs=outputs",
                value=pattern,
            )
        runs.update(run for folder in folders for run in _below(str(Path(folder).resolve())))
    if not runs:
        raise ConfigError(
            f"runs={', '.join(patterns)}: there are no run folders",
            expected=f"folders with a {CONFIG}, as hydrarec-train leaves them",
            fix="hydrarec-train, then this command again",
            value=patterns[0] if patterns else None,
        )
    return sorted(runs)


def _expand(pattern: str) -> list[str]:
    return [pattern] if Path(pattern).is_dir() else glob.glob(pattern, recursive=True)  # noqa: PTH207  (absolute ones too)


def _below(folder: str) -> Iterator[str]:
    try:
        with os.scandir(folder) as entries:
            inside = list(entries)
    except PermissionError:
        return  # not ours to read
    if any(entry.name in _MARKS for entry in inside):
        yield folder
        return
    for entry in inside:
        if entry.is_dir(follow_symlinks=False) and not entry.name.startswith("."):
            yield from _below(entry.path)
