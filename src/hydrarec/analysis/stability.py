"""Stability of components: comparison with the components of other runs over the same items.

Two components with nearly equal variance can rotate into each other from seed to seed: each axis is then an accident,
while the plane they span is a finding. So each component of the first run is judged twice against every other run:

- as an axis: r² with its counterpart, matched one to one (the assignment with the largest total r², Kuhn 1955);
- as part of the subspace: R² of its regression on all components kept in that run, which is invariant to rotation.

R² is the most that a rotation of the kept components could reach. To draw another run's scores over the first's, align
them with :func:`hydrarec.analysis.alignment.procrustes`.

The null comes from unrelated components of the same size: the same scores, with the other runs' items permuted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

Floats = NDArray[np.float64]
Verdict = Literal["finding", "finding up to rotation", "accident"]


@dataclass(frozen=True, eq=False)
class Stability:
    """The K components of the first of R runs, compared with those of the other R − 1.

    Attributes:
        axis, subspace: mean r² and R² over the other runs, float64 [K]. Rotation explains their difference.
        axis_by_run, subspace_by_run: float64 [R − 1, K].
        axis_null, subspace_null: the ``quantile`` of both means for unrelated components, float64 [K].
        counterparts: the matched component in each other run, int64 [R − 1, K], −1 if it has too few.
        signs: ±1, sign of the correlation with the counterpart, float64 [R − 1, K].
        verdicts: [K]; see :func:`stability`.
    """

    axis: Floats
    subspace: Floats
    axis_by_run: Floats
    subspace_by_run: Floats
    axis_null: Floats
    subspace_null: Floats
    counterparts: NDArray[np.int64]
    signs: Floats
    verdicts: tuple[Verdict, ...]


def stability(scores: Sequence[Floats], *, least: float, quantile: float, resamples: int, seed: int) -> Stability:
    """Judge the components of the first run.

    Args:
        scores: of each run's components, float64 [n, K_r], over the same n items in the same order.
        least: share of a component's variance that the other runs must explain, in (0, 1]; exceeding chance is not
            enough with many items: with 3,000, r² = 0.002 already does.
        quantile: of the null, in (0, 1). resamples: number of permutations of the items. seed: their seed.

    A component is a ``finding`` if its axis value is above its null and at least ``least``, a ``finding up to rotation``
    if only its subspace value is, else an ``accident``.

    Raises:
        ValueError: fewer than 2 runs, or runs over different numbers of items.
    """
    if len(scores) < 2 or len({len(run) for run in scores}) != 1:
        raise ValueError("stability needs at least 2 runs over the same items")
    reference, others = _standardised(scores[0]), [_standardised(run) for run in scores[1:]]
    bases = [_basis(run) for run in others]
    matched = [_matched(reference, run) for run in others]
    axis_by_run = np.stack([squares for squares, _, _ in matched])
    subspace_by_run = np.stack([_explained(reference, basis) for basis in bases])
    null = _null(reference, others, bases, resamples, np.random.default_rng(seed))
    axis_null, subspace_null = np.quantile(null, quantile, axis=0)
    axis, subspace = axis_by_run.mean(axis=0), subspace_by_run.mean(axis=0)
    stable_axis = (axis >= least) & (axis > axis_null)
    stable_part = (subspace >= least) & (subspace > subspace_null)
    return Stability(
        axis=axis,
        subspace=subspace,
        axis_by_run=axis_by_run,
        subspace_by_run=subspace_by_run,
        axis_null=axis_null,
        subspace_null=subspace_null,
        counterparts=np.stack([places for _, places, _ in matched]),
        signs=np.stack([signs for _, _, signs in matched]),
        verdicts=tuple(_verdict(bool(a), bool(s)) for a, s in zip(stable_axis, stable_part, strict=True)),
    )


def _verdict(axis: bool, part: bool) -> Verdict:
    if axis:
        return "finding"
    return "finding up to rotation" if part else "accident"


def _null(
    reference: Floats, others: Sequence[Floats], bases: Sequence[Floats], resamples: int, generator: np.random.Generator
) -> Floats:
    """Mean r² and R² over the other runs, each with its items permuted: float64 [resamples, 2, K]."""
    drawn = np.empty((resamples, 2, reference.shape[1]))
    for number in range(resamples):
        orders = [generator.permutation(len(reference)) for _ in others]
        axes = [_matched(reference, run[order])[0] for run, order in zip(others, orders, strict=True)]
        parts = [_explained(reference, basis[order]) for basis, order in zip(bases, orders, strict=True)]
        drawn[number] = np.mean(axes, axis=0), np.mean(parts, axis=0)
    return drawn


def _standardised(scores: Floats) -> Floats:
    """Columns with mean 0 and length 1, so that inner products are correlations; zeros if constant."""
    centred = scores - scores.mean(axis=0)
    lengths = np.linalg.norm(centred, axis=0)
    varies = lengths > 1e-12 * np.maximum(np.linalg.norm(scores, axis=0), np.finfo(np.float64).tiny)
    return np.where(varies, centred / np.where(varies, lengths, 1.0), 0.0)


def _basis(columns: Floats) -> Floats:
    """An orthonormal basis of the columns' span: float64 [n, rank]."""
    left, singular, _ = np.linalg.svd(columns, full_matrices=False)
    return left[:, singular > 1e-10 * max(1.0, float(singular[0]))]


def _matched(reference: Floats, run: Floats) -> tuple[Floats, NDArray[np.int64], Floats]:
    """r² of each reference component with its counterpart, the counterpart (−1: none), and the sign of r: [K] each."""
    correlation = np.clip(reference.T @ run, -1.0, 1.0)
    rows, columns = linear_sum_assignment(-(correlation**2))
    squares = np.zeros(len(correlation))
    counterparts = np.full(len(correlation), -1, np.int64)
    signs = np.ones(len(correlation))
    squares[rows] = correlation[rows, columns] ** 2
    counterparts[rows] = columns
    signs[rows] = np.where(correlation[rows, columns] < 0, -1.0, 1.0)
    return squares, counterparts, signs


def _explained(reference: Floats, basis: Floats) -> Floats:
    """R² of each reference component in the span of ``basis``: float64 [K]."""
    return np.minimum(np.square(basis.T @ reference).sum(axis=0), 1.0)
