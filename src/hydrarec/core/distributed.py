"""Communication between the processes of one run; with one process every function is the identity."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from pytorch_lightning.strategies import DDPStrategy
from torch import Tensor, distributed


class Replicas(DDPStrategy):
    """A strategy with one model replica per device, synchronised by :func:`average_gradients`.

    It does not use the ``DistributedDataParallel`` wrapper, which allows only one backward pass per training step and
    would weight shares of different sizes equally.
    """

    def configure_ddp(self) -> None:
        """Do not wrap the model."""


def is_distributed() -> bool:
    """Whether this process is one of several."""
    return distributed.is_available() and distributed.is_initialized() and distributed.get_world_size() > 1


def broadcast_from_rank0(value: int, device: torch.device) -> int:
    """Return rank 0's value on every rank."""
    if not is_distributed():
        return value
    word = torch.tensor(value, device=device)
    distributed.broadcast(word, src=0)
    return int(word)


def sum_over_ranks(*values: float, device: torch.device) -> list[float]:
    """Sum each value over all processes, in float64."""
    if not is_distributed():
        return list(values)
    sums = torch.tensor(values, dtype=torch.float64, device=device)
    distributed.all_reduce(sums)
    return sums.tolist()


def average_gradients(parameters: Iterable[Tensor], samples: int) -> None:
    """Replace each gradient by its mean over the samples of all processes, as if one process had the whole batch.

    Args:
        parameters: the parameters, in the same order on every rank.
        samples: number of samples behind this process's mean gradients; 0 for an empty share, which is ignored.
    """
    if not is_distributed():
        return
    trained = [parameter for parameter in parameters if parameter.requires_grad]
    flat = [torch.zeros_like(p) if p.grad is None or not samples else p.grad * samples for p in trained]
    words = torch.cat([*(part.reshape(-1) for part in flat), flat[0].new_tensor([samples])])
    distributed.all_reduce(words)
    means = (words[:-1] / words[-1]).split([parameter.numel() for parameter in trained])
    for parameter, mean in zip(trained, means, strict=True):
        parameter.grad = mean.view_as(parameter)
