"""EASE^R: a linear autoencoder with a closed-form solution."""

from __future__ import annotations

import torch
from torch import Tensor

from hydrarec.core.console import progress
from hydrarec.core.kinds import Positive
from hydrarec.data.batching.batches import TrainingData
from hydrarec.models.parts.histories import HistoryRecommender, SparseRows
from hydrarec.models.solved import SolvedRecommender

BYTES_PER_PAIR = 12  # the inverse in float64, and B


class EASE(HistoryRecommender, SolvedRecommender):
    """``s_u = x_u B``: predicts each item from a user's other items (Steck 2019, "Embarrassingly shallow autoencoders").

    B minimises ``‖X − XB‖² + λ‖B‖²`` with ``diag(B) = 0``, X binary (eq. 1–3); with ``P = (XᵀX + λI)⁻¹``::

        B_ij = −P_ij / P_jj  for i ≠ j                                                                    (eq. 8)

    and the minimum is ``Σ_j 1/P_jj − λ · num_items``. The inverse is computed in float64, in place; B is stored in float32.
    This takes 12 bytes per pair of items at the peak and 4 in the checkpoint: 165 MB and 55 MB for 3,706 items, 8.6 GB and
    2.9 GB for 26,744.

    Args:
        regularization: λ, in users.
    """

    observed = (*HistoryRecommender.observed, "weights")
    weights: Tensor  # B, float32 [num_items, num_items]

    def __init__(self, *, num_users: int, num_items: int, regularization: Positive) -> None:
        super().__init__(num_users=num_users, num_items=num_items)
        self.regularization = regularization

    def working_bytes(self, interactions: int, batch_size: int) -> int:
        return BYTES_PER_PAIR * self.num_items**2 + 32 * interactions

    def observe(self, data: TrainingData) -> None:
        super().observe(data)
        self.weights = torch.zeros(data.num_items, data.num_items)

    def solve(self, data: TrainingData, epoch: int) -> Tensor:
        items = SparseRows.by_user(data).transposed()
        # XᵀX, column-major, so that the decomposition can overwrite it; a symmetric matrix is its own transpose.
        gram = torch.empty(self.num_items, self.num_items, dtype=torch.float64, device=items.starts.device).T
        size = f"EASE, {self.num_items:,} × {self.num_items:,}"
        with progress(f"{size}: step 1 of 3, counting", self.num_items, "items") as advance:
            for first, columns in items.gram():
                gram[:, first : first + columns.shape[1]] = columns  # counts, exact up to 2²⁴ in float32
                advance(columns.shape[1])
        gram.diagonal().add_(self.regularization)
        info = torch.empty((), dtype=torch.int32, device=gram.device)
        with progress(f"{size}: step 2 of 3, decomposing"):
            torch.linalg.cholesky_ex(gram, check_errors=True, out=(gram, info))
        with progress(f"{size}: step 3 of 3, inverting (twice as long as step 2)"):
            inverse = torch.cholesky_inverse(gram, out=gram)
        diagonal = inverse.diagonal().clone()
        inverse.div_(-diagonal).fill_diagonal_(0)
        self.weights = inverse.to(torch.float32, memory_format=torch.contiguous_format)
        return (diagonal.reciprocal().sum() - self.regularization * self.num_items) / len(data.targets)

    def item_weights(self, items: Tensor) -> Tensor:
        return self.weights[:, items].T.contiguous()

    def scores_from(self, histories: SparseRows) -> Tensor:
        return histories.times(self.weights)
