"""How many components are more than chance? Parallel analysis (Horn 1965) with a null made of the data themselves.

Component k is kept if its share of what the stronger ones leave exceeds the ``quantile`` of that share in shuffled data;
the first that does not ends the search. What is shuffled for component k is the *residual* of the k − 1 kept ones, as in
Vitale et al. (2017, J. Chemometrics 31:e2937): shuffling the whole matrix spreads a strong component over all null
eigenvalues, which then hide weaker ones that are real ("shadowing", Dobriban & Owen 2019). A shuffled residual fills all
n × D dimensions again, where the residual itself has k − 1 fewer each way: it is projected back onto those and scaled to
the residual's sum of squares.

Shuffling means:

- centred: every column is permuted by itself (Buja & Eyuboglu 1992). Columns keep their means and variances, and lose what
  they have in common.
- uncentred: every entry's sign is drawn at random (Hong, Sheng & Dobriban 2020). A permutation would keep the columns'
  means, and with them the first uncentred component in full; nothing could rise above that null. Under random signs the
  null is "no direction, the mean's included, holds more than its entries' squares by chance".
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ParallelAnalysis:
    """Observed and null eigenvalues, largest first, in the unit of :attr:`Components.variance`.

    Attributes:
        observed: variance along each component, float64 [min(n, D)].
        null: what shuffled data reach at that rank in a share ``quantile`` of cases, float64 [min(n, D)]. Up to the first
            component not kept each is the largest null eigenvalue of its own test; beyond, the further null eigenvalues
            of that last test.
        kept: number of leading components above their null.
    """

    observed: Floats
    null: Floats
    kept: int


def parallel_analysis(matrix: Floats, *, centred: bool, quantile: float, resamples: int, seed: int) -> ParallelAnalysis:
    """Test the components of the rows of ``matrix``, float64 [n, D], one after another.

    ``quantile``: of the null, in (0, 1); 0.95 keeps one component of pure noise in 5 % of cases. ``resamples``: shuffled
    copies per test. The last possible component is never kept: nothing is left to hold it against.

    Raises:
        ValueError: fewer than 2 rows or columns.
    """
    n, width = matrix.shape
    if min(n, width) < 2:
        raise ValueError(f"no parallel analysis of {n} rows and {width} columns")
    generator = np.random.default_rng(seed)
    residual = matrix - matrix.mean(axis=0) if centred else matrix.copy()
    left, singular, right = np.linalg.svd(residual, full_matrices=False)
    observed = singular**2
    negligible = observed.sum() * max(n, width) * np.finfo(np.float64).eps
    rank = min(n - centred, width)
    null = np.zeros(len(observed))
    kept = 0
    while kept < rank and observed[kept:].sum() > negligible:
        removed_left = left[:, :kept]
        if centred:
            removed_left = np.concatenate([np.full((n, 1), n**-0.5), removed_left], axis=1)
        shuffled = _null(residual, removed_left, right[:kept], centred, resamples, generator)
        limits = np.quantile(shuffled, quantile, axis=0)[: len(observed) - kept]
        null[kept : kept + len(limits)] = limits
        if kept == rank - 1 or observed[kept] <= limits[0]:
            break
        residual -= singular[kept] * np.outer(left[:, kept], right[kept])
        kept += 1
    divisor = n - centred
    return ParallelAnalysis(observed=observed / divisor, null=null / divisor, kept=kept)


def _null(
    residual: Floats, left: Floats, right: Floats, centred: bool, resamples: int, generator: np.random.Generator
) -> Floats:
    """Squared singular values of ``resamples`` shuffled residuals, largest first: float64 [resamples, min(n, D)].

    ``left`` [n, a] and ``right`` [b, D] span what the residual has lost, orthonormal.
    """
    energy = np.square(residual).sum()
    drawn = np.empty((resamples, min(residual.shape)))
    for number in range(resamples):
        shuffled = generator.permuted(residual, axis=0) if centred else _random_signs(residual, generator)
        shuffled -= left @ (left.T @ shuffled)
        shuffled -= (shuffled @ right.T) @ right
        gram = shuffled.T @ shuffled if shuffled.shape[0] >= shuffled.shape[1] else shuffled @ shuffled.T
        drawn[number] = np.linalg.eigvalsh(gram)[::-1] * (energy / np.trace(gram))
    return drawn


def _random_signs(matrix: Floats, generator: np.random.Generator) -> Floats:
    flipped: Floats = np.where(generator.integers(0, 2, matrix.shape, dtype=np.int8), matrix, -matrix)
    return flipped
