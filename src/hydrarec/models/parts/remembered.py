"""What costs more to compute than to keep: results that stay until what they were computed from changes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

import torch
from torch import Tensor

T = TypeVar("T")


class Remembered(Generic[T]):
    """A result that is computed anew only when one of the tensors behind it has changed.

    With gradients recorded it is computed anew in any case, and forgotten: fused optimisers leave a weight's version as it
    is, but a step needs a gradient from here.
    """

    def __init__(self) -> None:
        self._kept: tuple[list[tuple[int, int]], T] | None = None

    def __call__(self, compute: Callable[[], T], tensors: Sequence[Tensor]) -> T:
        if torch.is_grad_enabled():
            self.forget()
            return compute()
        versions = [_version(tensor) for tensor in tensors]
        if self._kept is None or self._kept[0] != versions:
            self._kept = versions, compute()
        return self._kept[1]

    def forget(self) -> None:
        self._kept = None


def _version(tensor: Tensor) -> tuple[int, int]:
    """Changes with the tensor's place and with every operation in place; tensors made for inference only never change."""
    return tensor.data_ptr(), 0 if tensor.is_inference() else tensor._version
