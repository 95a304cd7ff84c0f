"""Inner products of selected row pairs of two matrices, with a gradient that needs no copy of the rows."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from hydrarec.core.blocks import floats_at_once
from hydrarec.models.parts.histories import SparseRows

_SCRATCH_FLOATS = 2**18  # size of gathered rows per block: 1 MiB, fits in caches


class SampledProduct(torch.autograd.Function):
    """``s_n = ⟨left[rows_n], right[columns_n]⟩``: only the entries (rows_n, columns_n) of ``left · rightᵀ``.

    ``apply(left float32 [R, d], right float32 [C, d], rows int64 [N], columns int64 [N]) -> float32 [N]``. Time is
    O(N · d) instead of O(R · C), memory O(N) instead of O(N · d). The gradients are products with the sparse matrix of
    the scores' gradients.
    """

    @staticmethod
    def forward(ctx: Any, left: Tensor, right: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
        ctx.save_for_backward(left, right, rows, columns)
        scores = left.new_empty(len(rows))
        step = max(1, floats_at_once(left.device, _SCRATCH_FLOATS) // left.shape[1])
        for some, their_rows, their_columns in zip(
            scores.split(step), rows.split(step), columns.split(step), strict=True
        ):
            torch.sum(left.index_select(0, their_rows).mul_(right.index_select(0, their_columns)), -1, out=some)
        return scores

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, None, None]:
        left, right, rows, columns = ctx.saved_tensors
        shape = len(left), len(right)
        left_gradient = SparseRows.of_entries(rows, columns, gradient, shape).times(right)
        right_gradient = SparseRows.of_entries(columns, rows, gradient, shape[::-1]).times(left)
        return left_gradient, right_gradient, None, None
