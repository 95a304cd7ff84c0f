"""How much is computed at once: what fits into the caches of a CPU, or a small share of a GPU's memory."""

from __future__ import annotations

import torch

_SHARE = 256  # of a GPU's memory per block: several temporaries of this size live side by side


def floats_at_once(device: torch.device, on_cpu: int) -> int:
    """Float32 elements in one block of a computation on ``device``.

    On a CPU ``on_cpu``: blocks that stay in the caches are fastest. On a GPU they would be bound by the launches of
    kernels, so the block grows with the card: 142 million elements on 139 GiB, 8 million on 8 GiB. It depends on the card
    only, not on what is free, because the size of a block can change the last bits of a product.
    """
    if device.type == "cpu":
        return on_cpu
    return max(on_cpu, _memory(device) // (4 * _SHARE))


def _memory(device: torch.device) -> int:
    """Bytes of the device's memory, used and free."""
    return int(torch.cuda.get_device_properties(device).total_memory)
