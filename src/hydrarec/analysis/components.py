"""Principal component analysis by the singular value decomposition (Pearson 1901; Jolliffe 2002, ch. 3)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Components:
    """The first K principal components of a matrix [n, D], strongest first.

    Attributes:
        components: the directions, orthonormal rows, float64 [K, D].
        scores: where each row of the matrix lies along them, float64 [n, K].
        variance: of the scores along *every* component, for a scree plot, float64 [min(n, D)]; uncentred, it is the mean
            square.
        share: of the total in each, sums to 1, float64 [min(n, D)]; zeros where the total is zero.
        mean: what was subtracted, float64 [D]; zeros if uncentred.
    """

    components: Floats
    scores: Floats
    variance: Floats
    share: Floats
    mean: Floats

    def scores_of(self, matrix: Floats) -> Floats:
        """The scores of further rows [m, D] on the same components: float64 [m, K]."""
        scores: Floats = (matrix - self.mean) @ self.components.T
        return scores


def principal_components(matrix: Floats, *, centred: bool, components: int) -> Components:
    """The first ``components`` (K) components of the rows of ``matrix``, float64 [n, D]; min(n, D) of them if K is more.

    ``centred`` subtracts each column's mean first and divides by n − 1: variance around the mean. Otherwise nothing is
    subtracted and the divisor is n: mean square, whose first component mostly points to the mean of all rows.

    Signs mean nothing, and are fixed by a rule: the loading of largest magnitude (the first of several) is positive.

    Raises:
        ValueError: fewer than 2 rows if centred, none otherwise, or values that are not finite.
    """
    n = len(matrix)
    if n < (2 if centred else 1) or components < 1:
        raise ValueError(f"no {components} components of {n} rows, centred: {centred}")
    if not np.isfinite(matrix).all():
        raise ValueError("the matrix holds values that are not finite")
    mean = matrix.mean(axis=0) if centred else np.zeros(matrix.shape[1])
    left, singular, right = np.linalg.svd(matrix - mean, full_matrices=False)
    signs = _signs(right)
    variance = singular**2 / (n - 1 if centred else n)
    total = variance.sum()
    return Components(
        components=(right * signs[:, None])[:components],
        scores=(left * (singular * signs))[:, :components],
        variance=variance,
        share=variance / total if total > 0 else np.zeros_like(variance),
        mean=mean,
    )


def _signs(directions: Floats) -> Floats:
    """±1 per row [K], which makes the entry of largest magnitude positive."""
    largest = np.abs(directions).argmax(axis=1)
    return np.where(directions[np.arange(len(directions)), largest] < 0, -1.0, 1.0)
