"""Exact nearest neighbours among embeddings, in blocks: the full similarity matrix is never in memory."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]
Measure = Literal["cosine", "inner"]
NONE = -1  # fills up lists of fewer than k neighbours
CHUNK = 2**22  # similarities in memory at once: 32 MiB


class Neighbours(NamedTuple):
    """Neighbours: ``items``, nearest first, int64 [Q, k], padded with −1; ``similarities``, float64 [Q, k], with NaN."""

    items: Indices
    similarities: Floats


class Overlap(NamedTuple):
    """Overlap of the neighbours in two models.

    Attributes:
        shared: |A ∩ B| / max(|A|, |B|) of each query, float64 [Q]; NaN if neither has neighbours.
        mean: mean of ``shared``. expected: its value for independent random sets: min(|A|, |B|) / candidates.
        jaccard: mean of |A ∩ B| / |A ∪ B|. expected_jaccard: by chance, |A ∩ B| being hypergeometric.
    """

    shared: Floats
    mean: float
    expected: float
    jaccard: float
    expected_jaccard: float


def nearest_neighbours(
    vectors: Floats, *, k: int, measure: Measure, queries: Indices | None = None, among: Indices | None = None
) -> Neighbours:
    """The ``k`` items most similar to each query, without the query itself, ties by index.

    Args:
        vectors: float64 [n, D]. measure: ``cosine`` or ``inner`` product.
        queries: items to find neighbours of, int [Q]; all if None. among: candidates, int [m]; all items if None.

    Under ``cosine``, a zero vector has no direction: it has no neighbours and is no item's neighbour.
    """
    queries = np.arange(len(vectors)) if queries is None else np.asarray(queries, np.int64)
    among = np.arange(len(vectors)) if among is None else np.unique(np.asarray(among, np.int64))
    directed = np.ones(len(vectors), np.bool_)
    if measure == "cosine":
        vectors, directed = _unit(vectors)
        among = among[directed[among]]
    candidates = vectors[among]
    items = np.full((len(queries), k), NONE, np.int64)
    similarities = np.full((len(queries), k), np.nan)
    step = max(1, CHUNK // max(1, len(among)))
    for start in range(0, len(queries), step):
        block = queries[start : start + step]
        scores = vectors[block] @ candidates.T
        scores[block[:, None] == among] = -np.inf
        scores[~directed[block]] = -np.inf
        best = _top(scores, min(k, len(among)))
        values = np.take_along_axis(scores, best, axis=1)
        found = values > -np.inf
        width = best.shape[1]
        items[start : start + step, :width] = np.where(found, among[best], NONE)
        similarities[start : start + step, :width] = np.where(found, values, np.nan)
    return Neighbours(items, similarities)


def overlap(first: Indices, second: Indices, *, candidates: int) -> Overlap:
    """Compare the neighbours of the same queries in two models, int64 [Q, k] each (−1: none), chosen among ``candidates``.

    ``candidates``: number of items that could be a neighbour of a query, without the query itself.
    """
    sizes = np.stack([(first != NONE).sum(axis=1), (second != NONE).sum(axis=1)])
    row = np.arange(len(first))[:, None] * (max(int(first.max(initial=0)), int(second.max(initial=0))) + 1)
    both = (np.isin(first + row, (second + row)[second != NONE]) & (first != NONE)).sum(axis=1)
    some = sizes.max(axis=0) > 0
    shared = np.full(len(first), np.nan)
    shared[some] = both[some] / sizes.max(axis=0)[some]
    if not some.any():
        return Overlap(shared, np.nan, np.nan, np.nan, np.nan)
    jaccard = both[some] / (sizes.sum(axis=0) - both)[some]
    kinds, how_many = np.unique(sizes[:, some], axis=1, return_counts=True)
    by_chance = np.array([_by_chance(int(a), int(b), candidates) for a, b in kinds.T])
    expected, expected_jaccard = how_many @ by_chance / how_many.sum()
    return Overlap(shared, float(np.nanmean(shared)), float(expected), float(jaccard.mean()), float(expected_jaccard))


def _by_chance(a: int, b: int, candidates: int) -> tuple[float, float]:
    """Expected overlap and Jaccard index of random sets of ``a`` and ``b`` among ``candidates``."""
    common = np.arange(min(a, b) + 1)
    chances = stats.hypergeom(candidates, a, b).pmf(common)
    return float(chances @ common / max(a, b)), float(chances @ (common / (a + b - common)))


def _unit(vectors: Floats) -> tuple[Floats, NDArray[np.bool_]]:
    """Vectors scaled to length 1, and which are non-zero: bool [n]; a common scale first prevents overflow of squares."""
    largest = np.abs(vectors).max(axis=1, keepdims=True, initial=0.0)
    scaled = vectors / np.where(largest > 0, largest, 1.0)
    lengths = np.linalg.norm(scaled, axis=1, keepdims=True)
    return scaled / np.where(lengths > 0, lengths, 1.0), largest[:, 0] > 0


def _top(scores: Floats, k: int) -> Indices:
    """Columns of the ``k`` largest values in each row, largest first, ties by column: int64 [R, k]."""
    if k == 0:
        return np.zeros((len(scores), 0), np.int64)
    limit = -np.partition(-scores, k - 1, axis=1)[:, k - 1 : k]
    chosen = scores >= limit
    if np.count_nonzero(chosen) > k * len(scores):  # ties at the k-th value: keep the first
        above = scores > limit
        tied = chosen & ~above
        chosen = above | (tied & (np.cumsum(tied, axis=1) <= k - above.sum(axis=1, keepdims=True)))
    columns = np.nonzero(chosen)[1].reshape(len(scores), k)
    order = np.argsort(-np.take_along_axis(scores, columns, axis=1), axis=1, kind="stable")
    return np.take_along_axis(columns, order, axis=1)
