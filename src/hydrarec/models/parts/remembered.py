"""A cache of one result, valid until its input tensors change."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

import torch
from torch import Tensor

T = TypeVar("T")


class Remembered(Generic[T]):
    """A cached result that is recomputed only if one of its input tensors has changed.

    While gradients are recorded it is always recomputed and never cached: a step needs its gradient, and fused optimisers
    change weights without incrementing their version.
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
    """A key that changes with the tensor's address and every in-place operation; inference tensors never change."""
    return tensor.data_ptr(), 0 if tensor.is_inference() else tensor._version
