"""Value types of settings: a type with bounds, used as annotations in public signatures.

A parameter declares its valid values once, in the signature::

    def __init__(self, *, embedding_dim: Count, dropout: Fraction = ...) -> None

and :mod:`hydrarec.config.judge` checks a configuration against it before any data is read. This module is cheap to
import: no torch, no Hydra.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Annotated, Literal, TypedDict

SMALLEST = 2**-126  # of float32: what is smaller trains as 0


@dataclass(frozen=True)
class Bounds:
    """An interval of finite numbers; ``above``/``below`` exclude the end, ``at_least``/``at_most`` include it."""

    above: float | None = None
    at_least: float | None = None
    below: float | None = None
    at_most: float | None = None

    def admit(self, value: float) -> bool:
        return (
            -math.inf < value < math.inf  # unlike isfinite, also for a whole number that no float holds
            and (value == 0 or abs(value) >= SMALLEST)
            and (self.above is None or value > self.above)
            and (self.at_least is None or value >= self.at_least)
            and (self.below is None or value < self.below)
            and (self.at_most is None or value <= self.at_most)
        )

    def __str__(self) -> str:
        ends = [(">", self.above), ("≥", self.at_least), ("<", self.below), ("≤", self.at_most)]
        return (
            " and ".join(
                f"{sign} {end:,.0f}" if 1e4 <= abs(end) < 1e10 else f"{sign} {end:g}"
                for sign, end in ends
                if end is not None
            )
            or "finite"
        )


@dataclass(frozen=True)
class Pattern:
    """The texts that a regular expression matches as a whole; ``words`` describe them."""

    words: str
    regex: str

    def admits(self, text: str) -> bool:
        return re.fullmatch(self.regex, text) is not None

    def __str__(self) -> str:
        return self.words


Count = Annotated[int, Bounds(at_least=1, below=2**31)]  # sizes, counts
Index = Annotated[int, Bounds(at_least=0, below=2**31)]  # positions, patience
Repeats = Annotated[int, Bounds(at_least=1, at_most=1000000)]  # epochs, resamples: each takes time
Parallel = Annotated[int, Bounds(at_least=1, at_most=1024)]  # threads, processes
Layers = Annotated[int, Bounds(at_least=1, at_most=64)]
Mebibytes = Annotated[int, Bounds(at_least=1, below=2**24)]
Seed = Annotated[int, Bounds(at_least=0, below=2**63)]
Dimension = Annotated[int, Bounds(at_least=1, below=2**31)]  # width of an embedding or a layer
Finite = Annotated[float, Bounds(at_least=-1e15, at_most=1e15)]  # with squares that float32 holds
Positive = Annotated[float, Bounds(above=0, at_most=1e15)]
NonNegative = Annotated[float, Bounds(at_least=0, at_most=1e15)]
Decay = Annotated[float, Bounds(at_least=0, at_most=1e6)]  # of weights per step
Exponent = Annotated[float, Bounds(at_least=0, at_most=10)]
Fraction = Annotated[float, Bounds(at_least=0, below=1)]  # dropout, momentum, shares
Share = Annotated[float, Bounds(above=0, below=1)]  # a part of a split that must not be empty

# One folder inside another: no separators and not "..", and nothing that a terminal obeys or hides.
FolderName = Annotated[
    str,
    Pattern(
        "a plain folder name: no slashes, no control characters, not . or ..",
        r"(?!\.{1,2}$)[^/\\\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]{1,200}",
    ),
]
# Of a package index: neither an address nor an option of pip, which could run code.
Requirement = Annotated[str, Pattern("<package>==<version>", r"[A-Za-z0-9][\w.-]*==\w[\w.+!-]*")]

# torch.nn.Embedding; the same written by hand; with row-sparse gradients; a linear layer on one-hot rows
EmbeddingLayer = Literal["library", "lookup", "sparse", "one_hot"]
Initialization = Literal["normal", "uniform", "uniform_positive", "xavier_uniform", "xavier_normal", "zeros"]


class Stage(TypedDict):
    """One stage of a learning-rate schedule."""

    epochs: Repeats
    learning_rate: Positive
