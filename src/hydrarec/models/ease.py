"""EASE^R: a linear autoencoder in closed form."""

from __future__ import annotations

import torch
from torch import Tensor

from hydrarec.core.kinds import Positive
from hydrarec.data.batching.batches import TrainingData
from hydrarec.models.parts.histories import HistoryRecommender, SparseRows


class EASE(HistoryRecommender):
    """``s_u = x_u B``, each item predicted from a user's other items (Steck 2019, "Embarrassingly shallow autoencoders").

    B minimises ``‖X − XB‖² + λ‖B‖²`` with ``diag(B) = 0``, X binary (eq. 1–3); with ``P = (XᵀX + λI)⁻¹``::

        B_ij = −P_ij / P_jj  for i ≠ j                                                                    (eq. 8)

    and the minimum is ``Σ_j 1/P_jj − λ · num_items``. The inverse is taken in float64, in place; B is kept in float32. That is
    12 bytes per pair of items at the peak, 4 in the checkpoint: 165 MB and 55 MB for 3,706 items, 8.6 GB and 2.9 GB for
    26,744.

    Args:
        regularization: λ, in users.
    """

    observed = (*HistoryRecommender.observed, "weights")
    weights: Tensor  # B, float32 [num_items, num_items]

    def __init__(self, *, num_users: int, num_items: int, regularization: Positive) -> None:
        super().__init__(num_users=num_users, num_items=num_items)
        self.regularization = regularization

    def observe(self, data: TrainingData) -> None:
        super().observe(data)
        self.keep(SparseRows.by_user(data))
        self.weights = torch.zeros(data.num_items, data.num_items)

    def solve(self, data: TrainingData, epoch: int) -> Tensor:
        gram = self._gram(SparseRows.by_user(data).transposed())
        gram.diagonal().add_(self.regularization)
        # Of column-major matrices, whose result may overwrite its argument; a symmetric one is its own transpose.
        info = torch.empty((), dtype=torch.int32, device=gram.device)
        torch.linalg.cholesky_ex(gram, check_errors=True, out=(gram, info))
        inverse = torch.cholesky_inverse(gram, out=gram)
        diagonal = inverse.diagonal().clone()
        inverse.div_(-diagonal).fill_diagonal_(0)
        self.weights = inverse.to(torch.float32, memory_format=torch.contiguous_format)
        return (diagonal.reciprocal().sum() - self.regularization * self.num_items) / len(data.targets)

    def item_weights(self, items: Tensor) -> Tensor:
        return self.weights[:, items].T.contiguous()

    def _gram(self, histories: SparseRows) -> Tensor:
        """XᵀX, float64 [num_items, num_items], column-major."""
        shape = (self.num_items, self.num_items)
        gram = torch.empty(shape, dtype=torch.float64, device=histories.starts.device).T
        for first, columns in histories.gram():
            gram[:, first : first + columns.shape[1]] = columns  # counts, exact up to 2²⁴ in float32
        return gram

    def catalogue_scores(self, users: Tensor) -> Tensor:
        return self.kept(self.num_items).take(users).times(self.weights)

    def scores_of_history(self, items: Tensor, targets: Tensor) -> Tensor:
        return SparseRows.of_one(items, self.num_items).times(self.weights)[0]
