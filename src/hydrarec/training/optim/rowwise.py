"""Adam whose cost per step depends on the rows that a batch touches, not on the size of the table."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor
from torch.nn import Parameter
from torch.optim.adam import adam as dense_adam


class RowwiseAdam(torch.optim.Optimizer):
    """Adam (Kingma & Ba 2015) that updates only the touched rows of tables with sparse gradients.

    Departures from Adam for such tables, as in ``torch.optim.SparseAdam`` ("lazy"): in steps whose batch does not touch a
    row, its moments do not decay and its weights do not change; weight decay acts on touched rows only.

    Args:
        parameters: may have dense or row-sparse gradients.
        lr, betas, eps: as in Adam. weight_decay: L2 added to the gradient.
    """

    def __init__(
        self,
        parameters: Iterable[Parameter],
        *,
        lr: float,
        betas: tuple[float, float],
        eps: float,
        weight_decay: float,
    ) -> None:
        super().__init__(parameters, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """Take one step with the current gradients."""
        if closure is not None:  # passed by Lightning's wrapper; run it first
            with torch.enable_grad():
                closure()
        for group in self.param_groups:
            dense = []
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                state = self.state[parameter]
                if not state:
                    state["step"] = torch.zeros((), dtype=torch.float32)
                    state["exp_avg"] = torch.zeros_like(parameter)
                    state["exp_avg_sq"] = torch.zeros_like(parameter)
                if parameter.grad.is_sparse:
                    _step_of_rows(parameter, parameter.grad.coalesce(), state, group)
                else:
                    dense.append(parameter)
            self._step_of_dense(dense, group)

    def _step_of_dense(self, parameters: list[Parameter], group: dict[str, Any]) -> None:
        if not parameters:
            return
        states = [self.state[parameter] for parameter in parameters]
        dense_adam(
            list[Tensor](parameters),
            [parameter.grad for parameter in parameters if parameter.grad is not None],
            [state["exp_avg"] for state in states],
            [state["exp_avg_sq"] for state in states],
            [],
            [state["step"] for state in states],
            fused=parameters[0].device.type == "cpu",  # on CUDA the fused kernel needs its step counts there too
            amsgrad=False,
            beta1=group["betas"][0],
            beta2=group["betas"][1],
            lr=group["lr"],
            weight_decay=group["weight_decay"],
            eps=group["eps"],
            maximize=False,
        )


def _step_of_rows(table: Parameter, gradient: Tensor, state: dict[str, Tensor], group: dict[str, Any]) -> None:
    """Take Adam's step for the rows in ``gradient`` (coalesced, sparse in its first dimension)."""
    rows, values = gradient.indices()[0], gradient.values()
    if group["weight_decay"]:
        values = values.add(table.index_select(0, rows), alpha=group["weight_decay"])
    state["step"] += 1
    number, (beta1, beta2) = float(state["step"]), group["betas"]
    mean = state["exp_avg"].index_select(0, rows).mul_(beta1).add_(values, alpha=1 - beta1)
    square = state["exp_avg_sq"].index_select(0, rows).mul_(beta2).addcmul_(values, values, value=1 - beta2)
    state["exp_avg"].index_copy_(0, rows, mean)
    state["exp_avg_sq"].index_copy_(0, rows, square)
    scale = square.sqrt_().div_((1 - beta2**number) ** 0.5).add_(group["eps"])
    table.index_add_(0, rows, mean.div_(scale), alpha=-group["lr"] / (1 - beta1**number))
