"""Bit-for-bit comparison of two finished runs: results, learning curve, arrays, weights, and the recorded environment."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from hydrarec.config.composition import flat
from hydrarec.core.errors import CheckpointError
from hydrarec.runs.checkpoint import load
from hydrarec.runs.reader import HISTORY, OUTCOMES, RECORD, RESULT, RunReader
from hydrarec.runs.record_types import Comparison

_TIMES = {"seconds", "samples_per_second"}  # differ between any two runs


def compare(first: RunReader, second: RunReader) -> Comparison:
    """Compare two runs; list missing or damaged parts under ``not_compared``."""
    comparison: Comparison = {"differences": [], "compared": [], "not_compared": [], "circumstances": []}
    parts = {
        RESULT: _compare_results,
        HISTORY: _compare_histories,
        first.best_checkpoint.name: _compare_weights,
        **dict.fromkeys(OUTCOMES.values(), _compare_outcomes),
        RECORD: _compare_records,
    }
    for name, part in parts.items():
        try:
            part(comparison, name, first, second)
        except (CheckpointError, PermissionError) as error:
            reason = error.what if isinstance(error, CheckpointError) else str(error)
            comparison["not_compared"].append(f"{name}: {reason}")
    return comparison


def _compare_results(comparison: Comparison, name: str, *runs: RunReader) -> None:
    contents = [run.read_result() for run in runs]
    for run, content in zip(runs, contents, strict=True):
        if not content:
            raise CheckpointError(f"there is no {run.path / name}")
    one, other = ({**content.pop("metrics"), **flat(content)} for content in contents)
    times = {key for key in one if key.split(".")[0] in _TIMES}
    comparison["differences"] += _changes(one, other, but=times)
    comparison["compared"].append(f"{sum('/' in key for key in other)} metrics")


def _compare_histories(comparison: Comparison, name: str, *runs: RunReader) -> None:
    """Report the first epoch in which the learning curves differ."""
    one, other = (run.read_history() for run in runs)
    for epoch, rows in enumerate(zip(one, other, strict=False), 1):
        changes = _changes(*rows, but=_TIMES)
        if changes:
            comparison["differences"].append(f"the learning curve from epoch {epoch} on: {changes[0]}")
            break
    comparison["compared"].append(f"{len(other)} epochs")


def _compare_weights(comparison: Comparison, name: str, *runs: RunReader) -> None:
    states = [load(run.best_checkpoint)["state_dict"] for run in runs]
    one, other = ({key: _bytes(value) for key, value in state.items() if torch.is_tensor(value)} for state in states)
    _compare_arrays(comparison, f"tensors of {name}", one, other)


def _bytes(tensor: torch.Tensor) -> NDArray[np.uint8]:
    array: NDArray[np.uint8] = tensor.to_dense().reshape(-1).contiguous().view(torch.uint8).numpy()
    return array


def _compare_outcomes(comparison: Comparison, name: str, *runs: RunReader) -> None:
    if any((run.path / name).is_file() for run in runs):  # else: the other task, or save_predictions=false
        one, other = (run.read_arrays(name) for run in runs)
        _compare_arrays(comparison, f"arrays of {name}", one, other)


def _compare_arrays(comparison: Comparison, what: str, one: dict[str, Any], other: dict[str, Any]) -> None:
    names = [key for key in {**one, **other} if not (key in one and key in other and _same(one[key], other[key]))]
    if names:
        shown = f"{', '.join(names[:4])}{' …' if len(names) > 4 else ''}"
        comparison["differences"].append(f"{len(names)} of {len(other)} {what}: {shown}")
    comparison["compared"].append(f"{len(other)} {what}")


def _same(one: NDArray[Any], other: NDArray[Any]) -> bool:
    """Whether two arrays are bitwise equal: −0 differs from 0, and NaNs are equal only if their bits are."""
    return one.dtype == other.dtype and one.shape == other.shape and one.tobytes() == other.tobytes()


def _compare_records(comparison: Comparison, name: str, *runs: RunReader) -> None:
    """Compare the environments; skip values that one record lacks, for example because an older version wrote it."""
    one, other = (_circumstances(run.read_record()) for run in runs)
    unknown = {key for key in {**one, **other} if one.get(key) is None or other.get(key) is None} - {"git commit"}
    comparison["circumstances"] += _changes(one, other, but=unknown)


def _circumstances(record: dict[str, Any]) -> dict[str, Any]:
    """Recorded values that may explain different results, by display name."""
    about = record.get("provenance", {})
    git = about.get("git") or {}
    return {
        "git commit": git.get("commit"),
        "uncommitted changes (SHA-256 of the diff)": (git.get("diff") or {}).get("sha256") or bool(git.get("dirty")),
        **{f"package {package}": version for package, version in about.get("packages", {}).items()},
        "python": about.get("python"),
        **{f"machine's {key}": value for key, value in about.get("machine", {}).items()},
        "device": record.get("device"),
        "data fingerprint": record.get("data", {}).get("fingerprint"),
        "split fingerprint": record.get("split", {}).get("fingerprint"),
    }


def _changes(one: dict[str, Any], other: dict[str, Any], but: set[str]) -> list[str]:
    lines = []
    for name in [name for name in {**one, **other} if name not in but]:
        before, after = one.get(name), other.get(name)
        if repr(before) != repr(after):  # −0.0 is not 0.0, and NaN is NaN
            change = f" ({after - before:+.3g})" if isinstance(before, float) and isinstance(after, float) else ""
            lines.append(f"{name} {_shown(before)} → {_shown(after)}{change}")
    return lines


def _shown(value: object) -> str:
    return "nothing" if value is None else str(value)
