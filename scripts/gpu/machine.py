"""The machine: its card, memory, arithmetic, and the ways to get an epoch's order onto it."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import torch

from gpu.harness import Here, timed

_PRECISIONS = (("fp32", torch.float32, "highest"), ("tf32", torch.float32, "high"), ("bf16", torch.bfloat16, "highest"))


def machine() -> dict[str, Any]:
    """Card and versions, copy TB/s, matmul TFLOP/s, and seconds to draw, sort and copy an epoch's order."""
    found: dict[str, Any] = {"torch": torch.__version__, "python": sys.version.split()[0], "cores": os.cpu_count()}
    size = 2**16 if Here.tiny else 2**29
    source, target = torch.empty(size, device=Here.device).normal_(), torch.empty(size, device=Here.device)
    found["copy TB/s"] = 8 * size / timed(lambda: target.copy_(source)) / 1e12
    side = 256 if Here.tiny else 8192
    for name, dtype, precision in _PRECISIONS:
        torch.set_float32_matmul_precision(precision)
        x, y = (torch.randn(side, side, device=Here.device, dtype=dtype) for _ in range(2))
        found[f"matmul {name} TFLOP/s"] = 2 * side**3 / timed(lambda x=x, y=y: x @ y) / 1e12
    torch.set_float32_matmul_precision("highest")
    return found | _orders()


def _orders() -> dict[str, Any]:
    found: dict[str, Any] = {"randperm on the CPU s": timed(lambda: torch.randperm(Here.rows), 2)}
    keys = torch.randint(2**62, (Here.rows,), device=Here.device)
    found["argsort of int64 hashes on the device s"] = timed(lambda: keys.argsort(), 3)
    small = keys.int()
    found["argsort of int32 hashes on the device s"] = timed(lambda: small.argsort(), 3)
    host = torch.randperm(Here.rows)
    found["pageable copy of an order s"] = timed(lambda: host.to(Here.device), 3)
    if Here.cuda:
        pinned = host.int().pin_memory()
        found["pinned int32 copy of an order s"] = timed(lambda: pinned.to(Here.device, non_blocking=True), 3)
        found["card"] = torch.cuda.get_device_name()
        asked = ["nvidia-smi", "--query-gpu=name,driver_version,memory.total,power.limit", "--format=csv,noheader"]
        found["nvidia-smi"] = subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()
    return found


PARTS = [(20.0, machine)]
