"""PureSVD: the truncated singular value decomposition of the interactions."""

from __future__ import annotations

import torch
from torch import Tensor

from hydrarec.core.console import progress
from hydrarec.core.kinds import Dimension, Index, Repeats
from hydrarec.data.batching.batches import TrainingData
from hydrarec.models.parts.factors import FactorRecommender
from hydrarec.models.parts.histories import SparseRows


class PureSVD(FactorRecommender):
    """``s_u = x_u Q Qᵀ`` with Q the leading right singular vectors of the binary X (Cremonesi, Koren & Turrin 2010, §3.3).

    Q is found by randomised subspace iteration (Halko, Martinsson & Tropp 2011, alg. 4.4), with a QR decomposition per
    product. Factors: ``w_u = x_u Q``, ``h_i`` = row i of Q. The loss is the residual ``‖X − XQQᵀ‖²``.

    Args:
        embedding_dim: number of singular vectors; those beyond the rank of X give zero factors.
        oversampling: additional vectors during the iteration.
        iterations: number of subspace iterations; each multiplies by XᵀX.

    Departure: observed entries are 1, others 0; in the paper the observed ones are ratings.
    """

    def __init__(
        self, *, num_users: int, num_items: int, embedding_dim: Dimension, oversampling: Index, iterations: Repeats
    ) -> None:
        super().__init__(num_users=num_users, num_items=num_items, embedding_dim=embedding_dim)
        self.oversampling, self.iterations = oversampling, iterations

    def solve(self, data: TrainingData, epoch: int) -> Tensor:
        users = SparseRows.by_user(data)
        items = users.transposed()
        width = min(self.embedding_dim + self.oversampling, self.num_users, self.num_items)
        basis = torch.randn(self.num_items, width, device=data.users.device)
        with progress("PureSVD", self.iterations, "iterations") as advance:
            for _ in range(self.iterations):
                images = torch.linalg.qr(users.times(basis)).Q
                basis = torch.linalg.qr(items.times(images)).Q
                advance(1)
        images = users.times(basis)  # [num_users, width]: in this subspace the decomposition is small
        rotation = torch.linalg.svd(images, full_matrices=False).Vh[: self.embedding_dim].T
        kept = rotation.shape[1]
        self.user_factors.zero_()[:, :kept] = images @ rotation
        self.item_factors.zero_()[:, :kept] = basis @ rotation
        return 1 - self.user_factors.double().square().sum() / len(data.targets)

    def scores_of_history(self, items: Tensor, targets: Tensor) -> Tensor:
        """``x Q Qᵀ``: projects the new user's history like any other."""
        return self.item_factors @ self.item_factors[torch.unique(items)].sum(0)
