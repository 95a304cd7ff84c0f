"""Waits: how often a training step makes the host wait for the device."""

from __future__ import annotations

import collections
import tempfile
import warnings
from pathlib import Path
from typing import Any

import torch

from benchmarks.figures import built
from gpu.harness import CASES, SMALL, Here, said, sync
from hydrarec.training import fit

_SOLVED = ("bias", "ease", "ials", "item_knn", "user_knn", "popularity", "pure_svd", "bayesian_svdpp")


def waits() -> dict[str, Any]:
    """Waits of a chunk of steps and its batches, per step, and the places that cause them."""
    if not Here.cuda:
        return {"skipped": "the CPU does not wait"}
    found: dict[str, Any] = {}
    for name, overrides in CASES.items():
        if name in _SOLVED:
            continue
        try:
            found[name] = _waits_of(overrides)
        except Exception as error:  # noqa: BLE001  the other models are still to be seen
            found[name] = said(error)
        finally:
            torch.cuda.set_sync_debug_mode("default")
    return found


def _waits_of(overrides: list[str]) -> str:
    """Count the warnings of torch's own debug mode while the second epoch's calls run."""
    with tempfile.TemporaryDirectory() as scratch:
        parts, folder, config = built([*SMALL, *overrides, Here.trainer], scratch)
        kind, places, steps = type(parts.model), collections.Counter[str](), 0
        original = kind.training_step

        def step(self: Any, chunk: Any, index: int) -> None:
            nonlocal steps
            if self.current_epoch == 0:
                original(self, chunk, index)
                return
            sync()
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                torch.cuda.set_sync_debug_mode("warn")
                original(self, chunk, index)
                torch.cuda.set_sync_debug_mode("default")
            steps += len(chunk)
            places.update(f"{Path(w.filename).name}:{w.lineno}" for w in caught if "synchroniz" in str(w.message))

        kind.training_step = step  # type: ignore[assignment]
        try:
            fit.run(parts, folder, config, resume=False)
        finally:
            kind.training_step = original  # type: ignore[method-assign]
    where = ", ".join(f"{place} {count}" for place, count in places.most_common(6))
    return f"{places.total() / max(1, steps):.2f} per step ({where or 'none'})"


PARTS = [(25.0, waits)]
