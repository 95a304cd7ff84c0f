"""Similarity of two embeddings of the same items: Procrustes alignment and centred kernel alignment (CKA)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Procrustes:
    """The orthogonal map of one matrix onto another: x ↦ scale · (x − source_mean) · rotation + target_mean.

    Attributes:
        rotation: orthogonal, float64 [D, D] with D the larger width; may include a reflection.
        scale: 1 if not scaled. source_mean, target_mean: float64 [D]; zeros if not centred.
        aligned: the source mapped onto the target, float64 [n, D].
        distance: normalised residual, from 0 (a rotated copy) to 1 (nothing in common).
    """

    rotation: Floats
    scale: float
    source_mean: Floats
    target_mean: Floats
    aligned: Floats
    distance: float


def procrustes(source: Floats, target: Floats, *, centred: bool, scaled: bool) -> Procrustes:
    """Orthogonal Procrustes alignment of ``source`` [n, D₁] onto ``target`` [n, D₂] (Schönemann 1966), row i onto row i.

    The narrower matrix is padded with zero columns, so that the rotation can use the other's extra dimensions.
    ``centred`` also aligns the means, ``scaled`` the sizes (Schönemann & Carroll 1970). With A and B the matrices, centred
    if asked, and s the sum of the singular values of AᵀB, the distance is

    - scaled: 1 − s² / (‖A‖² ‖B‖²), the residual in units of ‖B‖² (scipy's ``disparity`` if centred too);
    - not scaled: 1 − 2s / (‖A‖² + ‖B‖²), the residual ‖AR − B‖² in units of ‖A‖² + ‖B‖².

    Two zero matrices have distance 0; a zero matrix and a non-zero one have distance 1.
    """
    width = max(source.shape[1], target.shape[1])
    a, b = _padded(source, width), _padded(target, width)
    source_mean, target_mean = (m.mean(axis=0) if centred else np.zeros(width) for m in (a, b))
    a, b = a - source_mean, b - target_mean
    left, singular, right = np.linalg.svd(a.T @ b)
    rotation = left @ right
    square_a, square_b, total = float(np.square(a).sum()), float(np.square(b).sum()), float(singular.sum())
    scale = total / square_a if scaled and square_a > 0 else 1.0
    if scaled:
        whole, common = square_a * square_b, total**2
    else:
        whole, common = square_a + square_b, 2 * total
    distance = 1 - common / whole if whole > 0 else float(square_a != square_b)
    return Procrustes(
        rotation=rotation,
        scale=scale,
        source_mean=source_mean,
        target_mean=target_mean,
        aligned=scale * (a @ rotation) + target_mean,
        distance=min(1.0, max(0.0, distance)),
    )


def linear_cka(first: Floats, second: Floats) -> float:
    """Linear CKA of embeddings [n, D₁] and [n, D₂] of the same items (Kornblith et al. 2019, eq. 3): from 0 to 1.

    ‖AᵀB‖² / (‖AᵀA‖ ‖BᵀB‖) of the centred matrices. It is biased towards 1 as the widths approach n; see
    :func:`debiased_cka`. NaN if a matrix is constant.
    """
    a, b = first - first.mean(axis=0), second - second.mean(axis=0)
    norms = np.linalg.norm(a.T @ a) * np.linalg.norm(b.T @ b)
    return float(np.square(a.T @ b).sum() / norms) if norms > 0 else np.nan


def debiased_cka(first: Floats, second: Floats) -> float:
    """Linear CKA from the unbiased estimate of HSIC (Song et al. 2012, eq. 5): 0 on average for unrelated embeddings.

    At most 1; can be slightly negative by chance. NaN for fewer than 4 items or if a matrix is constant.
    """
    if len(first) < 4:
        return np.nan
    a, b = first - first.mean(axis=0), second - second.mean(axis=0)
    own = _unbiased_hsic(a, a) * _unbiased_hsic(b, b)
    return float(_unbiased_hsic(a, b) / np.sqrt(own)) if own > 0 else np.nan


def _unbiased_hsic(a: Floats, b: Floats) -> float:
    """Unbiased HSIC up to the factor 1 / (n(n − 3)), without an n × n matrix; needs centred columns: 1ᵀA Aᵀ = 0.

    With K̃ = K without its diagonal: tr(K̃L̃) + (1ᵀK̃1)(1ᵀL̃1) / ((n−1)(n−2)) − 2/(n−2) · 1ᵀK̃L̃1, where K̃1 = −diag K.
    """
    n = len(a)
    diagonal_a, diagonal_b = np.square(a).sum(axis=1), np.square(b).sum(axis=1)
    diagonals = diagonal_a @ diagonal_b
    trace = np.square(a.T @ b).sum() - diagonals
    return float(trace + diagonal_a.sum() * diagonal_b.sum() / ((n - 1) * (n - 2)) - 2 / (n - 2) * diagonals)


def _padded(matrix: Floats, width: int) -> Floats:
    return np.pad(matrix, ((0, 0), (0, width - matrix.shape[1])))
