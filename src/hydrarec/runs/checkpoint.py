"""Atomic checkpoints, verified by SHA-256 on load and never unpickled as code.

``x.ckpt.sha256`` holds the digest of ``x.ckpt``. While a checkpoint is replaced, the file lists both the old and the new
digest, so a kill between any two system calls leaves a checkpoint that still verifies.
"""

from __future__ import annotations

import hashlib
import io
import pickle
import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning.plugins.io import CheckpointIO

from hydrarec.core.errors import DISK_FULL, CheckpointError, DiskFullError
from hydrarec.core.files import atomic_write, sha256_of

WEIGHTS: Mapping[str, type] = {"state_dict": dict, "hyper_parameters": dict}
STATE = {
    **WEIGHTS,
    "loops": dict,
    "callbacks": dict,
    "optimizer_states": list,
    "lr_schedulers": list,
    "epoch": int,
    "global_step": int,
}
# torch fails in many ways on a file of another kind
_UNREADABLE = (
    pickle.UnpicklingError,
    RuntimeError,
    EOFError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    AssertionError,
    ImportError,
)


class AtomicCheckpointIO(CheckpointIO):
    """Lightning checkpoint plugin that uses :func:`save` and :func:`load`."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        save(checkpoint, Path(path))

    def load_checkpoint(self, path: Any, map_location: Any = None, weights_only: bool | None = None) -> dict[str, Any]:
        return load(Path(path), map_location or "cpu", STATE)

    def remove_checkpoint(self, path: Any) -> None:
        for file in (Path(path), sidecar(Path(path))):
            file.unlink(missing_ok=True)


def save(checkpoint: dict[str, Any], path: Path) -> None:
    """Write ``checkpoint`` to ``path`` atomically.

    Raises:
        DiskFullError: the disk is full; the old checkpoint is unchanged.
    """
    buffer = io.BytesIO()
    torch.save(checkpoint, buffer)
    content = buffer.getbuffer()
    new = hashlib.sha256(content).hexdigest()
    try:
        known = [sha256_of(path)] if path.is_file() else []
        _write_digests(path, [*known, new])
        with atomic_write(path) as file:
            file.write(content)
        _write_digests(path, [new])
    except OSError as error:
        if error.errno not in DISK_FULL:
            raise
        raise DiskFullError(
            f"no room for the checkpoint {path}",
            expected=f"{len(content) / 2**20:.1f} MiB free on that disk",
            fix="free some space, then resume=<run folder>; the previous checkpoint is unchanged",
            file=path,
        ) from error


def load(path: Path, map_location: Any = "cpu", parts: Mapping[str, type] = WEIGHTS) -> dict[str, Any]:
    """Verify a checkpoint's SHA-256, load it with ``weights_only=True``, and check that its parts have their types.

    Args:
        parts: the required entries and their types: :data:`WEIGHTS`, or :data:`STATE` to resume a training.

    Raises:
        CheckpointError: the file or its digest is missing, it is damaged, holds more than tensors and plain values, or
            lacks a part.
    """
    verify(path)
    try:
        with warnings.catch_warnings(action="ignore"):  # about the pickle, before it is refused
            content: Any = torch.load(path, map_location=map_location, weights_only=True)
    except _UNREADABLE as error:
        raise refused(path, f"refused: {_reason(error)}") from error
    if not isinstance(content, dict):
        raise refused(path, f"refused: it holds a {type(content).__name__}, not the parts of a checkpoint")
    for name, kind in parts.items():
        if not isinstance(content.get(name), kind):
            held = "nothing" if name not in content else f"a {type(content[name]).__name__}"
            raise refused(path, f"refused: its {name} is {held}, not a {kind.__name__}")
    weights = content.get("state_dict", {})
    if not all(isinstance(key, str) and torch.is_tensor(value) for key, value in weights.items()):
        raise refused(path, "refused: its state_dict holds more than named tensors")
    checked: dict[str, Any] = content
    return checked


def _reason(error: BaseException) -> str:
    """Why torch did not load a file, without its advice to load it all the same."""
    wanted = re.search(r"GLOBAL ([\w.]+)", str(error))
    if isinstance(error, pickle.UnpicklingError) and wanted:
        return f"it wants to call {wanted[1]}"
    if isinstance(error, pickle.UnpicklingError):
        return "it is a pickle of more than tensors and plain values"
    return f"it cannot be read as a checkpoint ({type(error).__name__})"


def refused(path: Path, what: str) -> CheckpointError:
    """The error of a checkpoint that is whole and that no run of this kind wrote."""
    return CheckpointError(
        what,
        expected="a checkpoint as the run wrote it: tensors and plain values; nothing in one is ever executed",
        fix="restore it from a copy, or train again in a new run",
        file=path,
    )


def verify(path: Path) -> None:
    """Raise :class:`CheckpointError` unless the file matches the SHA-256 in its sidecar."""
    if not path.is_file():
        raise CheckpointError(
            "it is no file" if path.exists() else "there is no such checkpoint",
            expected="checkpoints/last.ckpt in a run folder",
            fix="start a new run, without resume",
            file=path,
        )
    if not sidecar(path).is_file():
        raise CheckpointError(
            f"its digest {sidecar(path).name} is missing",
            expected="the SHA-256 that was written with the checkpoint",
            fix="copy both files from where the run was made",
            file=path,
        )
    expected, actual = sidecar(path).read_text(encoding="utf-8", errors="replace").split(), sha256_of(path)
    if actual not in expected:
        raise CheckpointError(
            f"the checkpoint is damaged: it is {_described(path)}",
            expected=f"SHA-256 {expected[-1][:16] if expected else 'unknown'}…, not {actual[:16]}…",
            fix="restore the file from a copy, or start a new run without resume",
            file=path,
            value=actual,
        )


def sidecar(path: Path) -> Path:
    """Path of the file that holds a checkpoint's SHA-256."""
    return path.with_name(path.name + ".sha256")


def _write_digests(path: Path, digests: list[str]) -> None:
    with atomic_write(sidecar(path), "w") as file:
        file.write("\n".join(digests) + "\n")


def _described(path: Path) -> str:
    size = path.stat().st_size
    if size == 0:
        return "empty"
    with path.open("rb") as file:
        start = file.read(64).lstrip().lower()
    if start.startswith((b"<html", b"<!doctype")):
        return "an HTML page"
    return f"{size:,} bytes with another digest (cut short, or changed)"
