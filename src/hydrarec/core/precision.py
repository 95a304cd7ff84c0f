"""Float32 for what must not be rounded, whatever ``trainer.precision`` says."""

from __future__ import annotations

import torch


def full_precision(device: torch.device) -> torch.autocast:
    """A context without mixed precision: scores that are ranked (bfloat16 ties a tenth of them), and solved equations."""
    return torch.autocast(device.type, enabled=False)
