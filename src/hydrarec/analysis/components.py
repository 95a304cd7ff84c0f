"""Principal component analysis by singular value decomposition (Pearson 1901; Jolliffe 2002, ch. 3)."""

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
        scores: coordinates of each row of the matrix on the components, float64 [n, K].
        variance: variance of the scores on *every* component, for a scree plot, float64 [min(n, D)]; mean square if
            uncentred.
        share: share of the total variance, sums to 1, float64 [min(n, D)]; zeros if the total is zero.
        mean: the mean subtracted, float64 [D]; zeros if uncentred.
    """

    components: Floats
    scores: Floats
    variance: Floats
    share: Floats
    mean: Floats

    def scores_of(self, matrix: Floats) -> Floats:
        """The scores of other rows [m, D] on these components: float64 [m, K]."""
        scores: Floats = (matrix - self.mean) @ self.components.T
        return scores


def principal_components(matrix: Floats, *, centred: bool, components: int) -> Components:
    """The first ``components`` (K) components of the rows of ``matrix``, float64 [n, D]; at most min(n, D).

    ``centred`` subtracts each column's mean first and divides by n − 1: variance around the mean. Otherwise nothing is
    subtracted and the divisor is n: mean square, whose first component usually points to the mean of all rows.

    Signs are arbitrary, so a rule fixes them: the loading of largest magnitude (the first if tied) is positive.

    Raises:
        ValueError: fewer than 2 rows if centred, no rows otherwise, or values that are not finite.
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
    """±1 per row [K]: the sign that makes the entry of largest magnitude positive."""
    largest = np.abs(directions).argmax(axis=1)
    return np.where(directions[np.arange(len(directions)), largest] < 0, -1.0, 1.0)
