"""Splits into training, validation and test rows: classes with ``__call__(interactions, source) -> Split``.

A split depends only on (interactions, split seed). Rows of :class:`~hydrarec.data.interactions.Interactions` are in
canonical order, so no split depends on the row order of a file.
"""

from hydrarec.data.splits.given import GivenSplit
from hydrarec.data.splits.global_time import GlobalTime
from hydrarec.data.splits.per_user import LeaveOneOut, UserRatio
from hydrarec.data.splits.rows import FoldSplit, LegacySplit, RandomSplit
from hydrarec.data.splits.split import Source, Split

__all__ = [
    "FoldSplit",
    "GivenSplit",
    "GlobalTime",
    "LeaveOneOut",
    "LegacySplit",
    "RandomSplit",
    "Source",
    "Split",
    "UserRatio",
]
