"""In what two finished runs differ: results, learning curve, arrays and weights, bit for bit; and under which circumstances."""

from __future__ import annotations

import csv
import errno
import functools
import os
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from hydrarec.config.composition import flat
from hydrarec.core.errors import HydrarecError
from hydrarec.runs.checkpoint import load
from hydrarec.runs.folder import RunFolder

_OUTCOMES = ("predictions.npz", "ranks.npz")
_WALL = ("seconds", "samples_per_second")  # columns of history.csv that no two runs share


@dataclass
class Comparison:
    """What was found, in words.

    Attributes:
        differences: of the numbers, ``<what> <first> → <second>``; none: all that was compared is equal.
        compared, not_compared: what was, and what could not be, with the reason.
        circumstances: of the records: other code, packages, machine, data or split.
    """

    differences: list[str] = field(default_factory=list)
    compared: list[str] = field(default_factory=list)
    not_compared: list[str] = field(default_factory=list)
    circumstances: list[str] = field(default_factory=list)


def compare(first: RunFolder, second: RunFolder) -> Comparison:
    """The second run beside the first; files that are missing or damaged are said, and are no error."""
    found = Comparison()
    parts: dict[str, Callable[[RunFolder, RunFolder, Comparison], None]] = {
        "result.json": _results,
        "history.csv": _histories,
        "best.ckpt": _weights,
        **{name: functools.partial(_arrays, name) for name in _OUTCOMES},
        "run.json": _records,
    }
    for name, part in parts.items():
        try:
            part(first, second, found)
        except FileNotFoundError as error:
            found.not_compared.append(f"{name}: there is no {error.filename}")
        except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
            reason = error.what if isinstance(error, HydrarecError) else f"{type(error).__name__} {error}"
            found.not_compared.append(f"{name}: {reason.splitlines()[0]}")
    return found


def _results(first: RunFolder, second: RunFolder, found: Comparison) -> None:
    one, other = (
        {key: value for key, value in run.read_result().items() if key != "seconds"} for run in (first, second)
    )
    if not one:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(first.path / "result.json"))
    metrics = one.pop("metrics"), other.pop("metrics")
    _pairs(*metrics, found.differences)
    _pairs(flat(one), flat(other), found.differences)
    found.compared.append(f"{len(metrics[1])} metrics")


def _histories(first: RunFolder, second: RunFolder, found: Comparison) -> None:
    """The first epoch that differs says where two runs parted."""
    one, other = (_rows(run.path / "history.csv") for run in (first, second))
    for epoch, (before, after) in enumerate(zip(one, other, strict=False), 1):
        changes: list[str] = []
        _pairs(before, after, changes)
        if changes:
            found.differences.append(f"the learning curve from epoch {epoch} on: {changes[0]}")
            break
    found.compared.append(f"{len(other)} epochs")


def _rows(path: Path) -> list[dict[str, Any]]:
    with path.open(encoding="utf-8", newline="") as file:
        return [{name: text for name, text in row.items() if name not in _WALL} for row in csv.DictReader(file)]


def _weights(first: RunFolder, second: RunFolder, found: Comparison) -> None:
    paths = [run.best_checkpoint for run in (first, second)]
    for path in paths:
        path.stat()  # a missing file is none to complain of
    one, other = (
        {name: value.reshape(-1).contiguous().view(torch.uint8).numpy() for name, value in _tensors(path).items()}
        for path in paths
    )
    _unequal(f"of {len(other)} tensors of best.ckpt", one, other, found)
    found.compared.append(f"{len(other)} tensors of best.ckpt")


def _tensors(path: Path) -> dict[str, torch.Tensor]:
    state = load(path)["state_dict"]
    return {name: value.to_dense() for name, value in state.items() if isinstance(value, torch.Tensor)}


def _arrays(name: str, first: RunFolder, second: RunFolder, found: Comparison) -> None:
    paths = [run.path / name for run in (first, second)]
    if not any(path.is_file() for path in paths):
        return  # the other kind of task, or save_predictions=false
    contents = []
    for path in paths:
        with np.load(path, allow_pickle=False) as file:
            contents.append({key: file[key] for key in file.files})
    one, other = contents
    _unequal(f"of {len(other)} arrays of {name}", one, other, found)
    found.compared.append(f"{len(other)} arrays of {name}")


def _unequal(what: str, one: dict[str, NDArray[Any]], other: dict[str, NDArray[Any]], found: Comparison) -> None:
    names = [name for name in {**one, **other} if not (name in one and name in other and _same(one[name], other[name]))]
    if names:
        found.differences.append(f"{len(names)} {what}: {', '.join(names[:4])}{' …' if len(names) > 4 else ''}")


def _same(one: NDArray[Any], other: NDArray[Any]) -> bool:
    """To the bit, where −0 is not 0 and one NaN is not every other."""
    return one.dtype == other.dtype and one.shape == other.shape and one.tobytes() == other.tobytes()


def _records(first: RunFolder, second: RunFolder, found: Comparison) -> None:
    """What either record leaves open, such as that of an older version of ours, explains nothing."""
    one, other = _circumstances(first.read_record()), _circumstances(second.read_record())
    unknown = {name for name in {**one, **other} if one.get(name) is None or other.get(name) is None} - {"git commit"}
    told = [{name: value for name, value in record.items() if name not in unknown} for record in (one, other)]
    _pairs(told[0], told[1], found.circumstances)


def _circumstances(record: dict[str, Any]) -> dict[str, Any]:
    """What of ``run.json`` may explain other numbers, under the names to show."""
    about = record.get("provenance") or {}
    git, machine = about.get("git") or {}, about.get("machine") or {}
    packages = about.get("packages") or {}
    return {
        "git commit": git.get("commit"),
        "uncommitted changes (SHA-256 of the diff)": (git.get("diff") or {}).get("sha256") or bool(git.get("dirty")),
        **{f"package {name}": version for name, version in packages.items()},
        "python": about.get("python"),
        **{f"machine's {name}": value for name, value in machine.items()},
        "device": record.get("device"),
        "data fingerprint": (record.get("data") or {}).get("fingerprint"),
        "split fingerprint": (record.get("split") or {}).get("fingerprint"),
    }


def _pairs(one: dict[str, Any], other: dict[str, Any], lines: list[str]) -> None:
    for name in {**one, **other}:
        before, after = one.get(name), other.get(name)
        if before != after or type(before) is not type(after):
            lines.append(f"{name} {_shown(before)} → {_shown(after)}{_change(before, after)}")


def _shown(value: object) -> str:
    return "nothing" if value is None else str(value)


def _change(before: object, after: object) -> str:
    if isinstance(before, float) and isinstance(after, float):
        return f" ({after - before:+.3g})"
    return ""
