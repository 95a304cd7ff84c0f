"""The eigenbasis used to integrate out implicit features."""

from __future__ import annotations

import torch
from torch import Tensor


def implicit_basis(pattern: Tensor) -> tuple[Tensor, Tensor]:
    """L [n, rank] and e [rank, 1] of N Nᵀ = L diag(e) Lᵀ, from the smaller Gram matrix of N = ``pattern``.

    Eigenvalues below 1e-6 of the largest are treated as 0.
    """
    wide = pattern.shape[0] <= pattern.shape[1]
    eigenvalues, vectors = torch.linalg.eigh(_gram(pattern if wide else pattern.to_sparse_coo().T.to_sparse_csr()))
    kept = eigenvalues > 1e-6 * eigenvalues.max()
    eigenvalues, vectors = eigenvalues[kept], vectors[:, kept]
    basis = vectors if wide else (pattern @ vectors) / eigenvalues.sqrt()
    return basis.float().contiguous(), eigenvalues.float().unsqueeze(-1)


def _gram(matrix: Tensor, block: int = 512) -> Tensor:
    """A Aᵀ, dense [n, n], of a sparse CSR matrix A [n, m]; at most ``block`` rows of A are dense at a time."""
    starts, columns, values = matrix.crow_indices(), matrix.col_indices(), matrix.values()
    parts = []
    for first in range(0, matrix.shape[0], block):
        own = starts[first : first + block + 1]
        inside = slice(int(own[0]), int(own[-1]))
        size = (len(own) - 1, matrix.shape[1])
        rows = torch.sparse_csr_tensor(own - own[0], columns[inside], values[inside], size).to_dense()
        parts.append(matrix @ rows.T)
    return torch.cat(parts, dim=1)
