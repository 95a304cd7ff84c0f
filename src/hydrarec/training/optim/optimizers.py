"""Optimisers under their usual names; each is called with the model's parameters.

All but Adagrad and the row-wise Adam run PyTorch's fused kernels: one pass over the parameters per step, on CPU and CUDA alike.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch.nn import Parameter

from hydrarec.core.errors import ConfigError
from hydrarec.core.kinds import Decay, Fraction, Positive
from hydrarec.training.optim.rowwise import RowwiseAdam


def adam(
    parameters: Iterable[Parameter],
    *,
    learning_rate: Positive,
    weight_decay: Decay,
    betas: tuple[Fraction, Fraction],
    eps: Positive,
) -> torch.optim.Optimizer:
    """Adam (Kingma & Ba 2015); ``weight_decay`` is L2 added to the gradient."""
    return torch.optim.Adam(
        parameters, lr=learning_rate, weight_decay=weight_decay, betas=(betas[0], betas[1]), eps=eps, fused=True
    )


def adamw(
    parameters: Iterable[Parameter],
    *,
    learning_rate: Positive,
    weight_decay: Decay,
    betas: tuple[Fraction, Fraction],
    eps: Positive,
) -> torch.optim.Optimizer:
    """AdamW (Loshchilov & Hutter 2019); ``weight_decay`` shrinks the weights directly, decoupled from the gradient."""
    return torch.optim.AdamW(
        parameters, lr=learning_rate, weight_decay=weight_decay, betas=(betas[0], betas[1]), eps=eps, fused=True
    )


def sgd(
    parameters: Iterable[Parameter],
    *,
    learning_rate: Positive,
    weight_decay: Decay,
    momentum: Fraction,
    nesterov: bool,
) -> torch.optim.Optimizer:
    """Stochastic gradient descent with momentum; ``weight_decay`` is L2 added to the gradient.

    Raises:
        ConfigError: Nesterov momentum with ``momentum=0``.
    """
    if nesterov and momentum == 0:
        raise ConfigError(
            "optimizer.nesterov=true with optimizer.momentum=0",
            expected="a momentum above 0",
            fix="optimizer.momentum=0.9",
        )
    return torch.optim.SGD(
        parameters, lr=learning_rate, weight_decay=weight_decay, momentum=momentum, nesterov=nesterov, fused=True
    )


def adagrad(
    parameters: Iterable[Parameter], *, learning_rate: Positive, weight_decay: Decay, eps: Positive
) -> torch.optim.Optimizer:
    """Adagrad (Duchi, Hazan & Singer 2011)."""
    return torch.optim.Adagrad(parameters, lr=learning_rate, weight_decay=weight_decay, eps=eps)


def rowwise_adam(
    parameters: Iterable[Parameter],
    *,
    learning_rate: Positive,
    weight_decay: Decay,
    betas: tuple[Fraction, Fraction],
    eps: Positive,
) -> torch.optim.Optimizer:
    """Adam that updates only the rows a batch touches; needs ``model.embedding=sparse``."""
    return RowwiseAdam(parameters, lr=learning_rate, weight_decay=weight_decay, betas=(betas[0], betas[1]), eps=eps)
