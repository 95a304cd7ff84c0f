"""What a run folder says, in whatever state it is: finished, pruned, failed, unfinished or damaged."""

from __future__ import annotations

import csv
import functools
import json
import math
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from hydrarec.reports.comparison.section_reader import SectionReader

State = Literal["finished", "pruned", "failed", "unfinished", "damaged"]
STATES = get_args(State)
_BY_CODE: dict[object, State] = {"pruned": "pruned", "interrupted": "unfinished"}  # of error.json; others have failed


@dataclass(frozen=True)
class Run:
    """One run folder.

    Attributes:
        folder: absolute. config: ``config.yaml``, shared with other runs, never to be changed.
        record: ``run.json``. result: ``result.json``; empty unless ``state`` is finished.
        problem: why it is not finished, in one line.
    """

    folder: str
    state: State
    config: dict[str, Any] = field(default_factory=dict)
    record: dict[str, Any] = field(default_factory=dict)
    result: dict[str, Any] = field(default_factory=dict)
    problem: str = ""

    @property
    def seed(self) -> int:
        return self.config["seed"]

    @property
    def metrics(self) -> dict[str, float]:
        """Finite, all of them; a run with another one has failed."""
        return self.result["metrics"]

    @property
    def started(self) -> str:
        """ISO 8601; empty where unknown."""
        return str((self.record.get("provenance") or {}).get("started") or "")

    @functools.cached_property
    def history(self) -> list[dict[str, float]]:
        """A row per epoch, numbers only; empty where there is no readable ``history.csv``."""
        header, rows = _table(self.folder)
        return [_numbers(zip(header, row, strict=False)) for row in rows]

    @functools.cached_property
    def samples_per_second(self) -> float | None:
        """Of training, mean over epochs."""
        header, rows = _table(self.folder)  # not by way of the history, most of whose columns nobody asked for
        if "samples_per_second" not in header:
            return None
        place = header.index("samples_per_second")
        rates = [rate for row in rows for rate in _numbers([("rate", "".join(row[place : place + 1]))]).values()]
        return math.fsum(rates) / len(rates) if rates else None


def read_all(folders: Iterable[str]) -> list[Run]:
    """Every folder as a :class:`Run`; none raises."""
    sections = SectionReader()
    return [_read(folder, sections) for folder in folders]


def _read(folder: str, sections: SectionReader) -> Run:
    try:
        text = _text(folder, "config.yaml")
        config = sections.parse(text) if text else {}
    except ValueError:
        return Run(folder, "damaged", problem="config.yaml cannot be read")
    found: dict[str, dict[str, Any]] = {}
    for name in ("run.json", "result.json", "error.json"):
        if name == "error.json" and found["result.json"]:
            break  # of an earlier attempt, if there is one
        try:
            text = _text(folder, name)
            content = json.loads(text) if text is not None else {}
        except ValueError:
            return Run(folder, "damaged", config, problem=f"{name} cannot be read")
        if not isinstance(content, dict):
            return Run(folder, "damaged", config, problem=f"{name} is no JSON object")
        found[name] = content
    return _judged(folder, config, found["run.json"], found["result.json"], found.get("error.json", {}))


def _judged(
    folder: str, config: dict[str, Any], record: dict[str, Any], result: dict[str, Any], error: dict[str, Any]
) -> Run:
    if error and not result:
        state = _BY_CODE.get(error.get("code"), "failed")
        return Run(folder, state, config, record, problem=str(error.get("what") or "no reason given"))
    if not result:
        status = record.get("status", "not started")
        return Run(folder, "unfinished", config, record, problem=f"no result.json; its last status: {status}")
    missing = _missing(config, record, result)
    if missing:
        return Run(folder, "damaged", config, record, problem=missing)
    metrics: dict[str, Any] = result["metrics"]
    bad = [name for name, value in metrics.items() if not _is_finite(value)]
    if bad or not metrics:
        shown = ", ".join(f"{name} is {'missing' if metrics[name] is None else metrics[name]}" for name in bad[:3])
        return Run(folder, "failed", config, record, problem=shown or "result.json holds no metric")
    return Run(folder, "finished", config, record, result)


def _missing(config: dict[str, Any], record: dict[str, Any], result: dict[str, Any]) -> str:
    """What a finished run must have said, and this one did not; empty if it did."""
    if not isinstance(config.get("seed"), int):
        return "config.yaml has no seed"
    for key in ("task", "model", "split"):
        if not isinstance(config.get(key), dict):
            return f"config.yaml has no {key}"
    for key in ("data", "split"):
        if not isinstance(record.get(key), dict) or not record[key].get("fingerprint"):
            return f"run.json has no fingerprint of the {key}"
    return "" if isinstance(result.get("metrics"), dict) else "result.json has no metrics"


def _text(folder: str, name: str) -> str | None:
    """The content of a file; None where there is none.

    Raises:
        ValueError: it cannot be read as text.
    """
    try:
        with open(os.path.join(folder, name), encoding="utf-8") as file:  # noqa: PTH118, PTH123  (thousands of them)
            return file.read()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ValueError(str(error)) from error


def _is_finite(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _table(folder: str) -> tuple[list[str], list[list[str]]]:
    """Header and rows of ``history.csv``; empty where it cannot be read."""
    try:
        header, *rows = list(csv.reader((_text(folder, "history.csv") or "").splitlines())) or [[]]
    except (ValueError, csv.Error):
        return [], []
    return header, rows


def _numbers(pairs: Iterable[tuple[str, str]]) -> dict[str, float]:
    found = {}
    for name, value in pairs:
        try:
            found[name] = float(value)
        except ValueError:
            continue  # an empty cell: not measured in this epoch
    return found
