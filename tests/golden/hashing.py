"""Four short hashes of a finished run's results, and the environment on which their bits depend.

Paths, times and configuration hashes are excluded: they may differ although the results are equal.
"""

from __future__ import annotations

import csv
import hashlib
import json
import platform
from pathlib import Path

import numpy as np
import scipy
import torch

DIGITS = 16  # of SHA-256 in hexadecimal
TIMES = ("seconds", "samples_per_second")  # columns of history.csv


def environment() -> dict[str, str]:
    """Environment on which the bits of a result depend, in addition to hydrarec's code."""
    return {
        "torch": torch.__version__,
        "numpy": np.__version__,
        "scipy": scipy.__version__,
        "machine": platform.machine(),
        "processor": _processor(),
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
    }


def _processor() -> str:
    """Name of the processor: linear-algebra libraries choose their kernels by it."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def hashes_of_run(folder: Path) -> dict[str, str]:
    """Hashes of the best checkpoint's weights, the final metrics, the predictions or ranks, and the history."""
    [outcomes] = [path for name in ("predictions.npz", "ranks.npz") if (path := folder / name).exists()]
    return {
        "weights": _weights(folder / "checkpoints" / "best.ckpt"),
        "result": _result(folder / "result.json"),
        "outcomes": _arrays(outcomes),
        "history": _history(folder / "history.csv"),
    }


def _weights(path: Path) -> str:
    state = torch.load(path, map_location="cpu", weights_only=True)["state_dict"]
    return _digest({name: _array(np.asarray(tensor.detach())) for name, tensor in state.items()})


def _result(path: Path) -> str:
    result = json.loads(path.read_text(encoding="utf-8"))
    return _digest({name: value for name, value in result.items() if name != "seconds"})


def _arrays(path: Path) -> str:
    with np.load(path) as file:
        return _digest({name: _array(file[name]) for name in file.files})


def _history(path: Path) -> str:
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return _digest([{name: value for name, value in row.items() if name not in TIMES} for row in rows])


def _array(array: np.ndarray) -> list:
    """Type, shape and the bytes' hash, all of which a JSON text holds."""
    return [str(array.dtype), list(array.shape), hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()]


def _digest(content: object) -> str:
    """Of plain content, whose JSON text is exact: floats are written with all their digits."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:DIGITS]
