"""Value types of settings: a type with bounds, used as annotations in public signatures.

A parameter declares its valid values once, in the signature::

    def __init__(self, *, embedding_dim: Count, dropout: Fraction = ...) -> None

and :mod:`hydrarec.config.judge` checks a configuration against it before any data is read. This module is cheap to
import: no torch, no Hydra.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Literal, TypedDict


@dataclass(frozen=True)
class Bounds:
    """An interval of finite numbers; ``above``/``below`` exclude the end, ``at_least``/``at_most`` include it."""

    above: float | None = None
    at_least: float | None = None
    below: float | None = None
    at_most: float | None = None

    def admit(self, value: float) -> bool:
        return (
            math.isfinite(value)
            and (self.above is None or value > self.above)
            and (self.at_least is None or value >= self.at_least)
            and (self.below is None or value < self.below)
            and (self.at_most is None or value <= self.at_most)
        )

    def __str__(self) -> str:
        ends = [(">", self.above), ("≥", self.at_least), ("<", self.below), ("≤", self.at_most)]
        return " and ".join(f"{sign} {end:g}" for sign, end in ends if end is not None) or "finite"


Count = Annotated[int, Bounds(at_least=1)]  # sizes, counts
Index = Annotated[int, Bounds(at_least=0)]  # positions, patience
Seed = Annotated[int, Bounds(at_least=0, below=2**63)]
Dimension = Annotated[int, Bounds(at_least=1)]  # width of an embedding or a layer
Finite = Annotated[float, Bounds()]
Positive = Annotated[float, Bounds(above=0)]
NonNegative = Annotated[float, Bounds(at_least=0)]
Fraction = Annotated[float, Bounds(at_least=0, below=1)]  # dropout, momentum, shares
Share = Annotated[float, Bounds(above=0, below=1)]  # a part of a split that must not be empty

# torch.nn.Embedding; the same written by hand; with row-sparse gradients; a linear layer on one-hot rows
EmbeddingLayer = Literal["library", "lookup", "sparse", "one_hot"]
Initialization = Literal["normal", "uniform", "uniform_positive", "xavier_uniform", "xavier_normal", "zeros"]


class Stage(TypedDict):
    """One stage of a learning-rate schedule."""

    epochs: Count
    learning_rate: Positive
