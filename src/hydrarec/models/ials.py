"""Matrix factorisation for implicit feedback by alternating least squares."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor
from torch.nn import functional

from hydrarec.core.blocks import floats_at_once
from hydrarec.core.console import progress
from hydrarec.core.kinds import Dimension, Exponent, NonNegative, Positive
from hydrarec.data.batching.batches import TrainingData
from hydrarec.models.parts.factors import FactorRecommender
from hydrarec.models.parts.histories import SparseRows

_SCRATCH_FLOATS = 2**22  # size of systems and rows per batch: 16 MiB, fits in caches
_LEAST_FILL = 0.8  # a batch has rows of at least this share of the longest row's length
_SLACK = 8  # entries by which a row may be shorter still


class IALS(FactorRecommender):
    """``s_ui = ⟨w_u, h_i⟩`` by alternating least squares over all pairs (Hu, Koren & Volinsky 2008), with the loss of Rendle
    et al. (2022), "Revisiting the performance of iALS on item recommendation benchmarks", eq. 3–6::

        Σ_{(u,i) ∈ S} (s_ui − 1)² + α Σ_{u,i} s_ui² + λ (Σ_u (|I_u| + α·num_items)^ν ‖w_u‖² + Σ_i (|U_i| + α·num_users)^ν ‖h_i‖²)

    S is the set of interactions, α the weight of all pairs, including observed ones. Given H, each user solves ::

        (Σ_{i ∈ I_u} h_i h_iᵀ + α HᵀH + λ (|I_u| + α·num_items)^ν I) w_u = Σ_{i ∈ I_u} h_i

    and likewise each item given W. One epoch updates users, then items; the reported loss is the objective afterwards, per
    interaction. Users and items start at N(0, (init_scale/√d)²).

    Systems are built from padded batches of rows of similar length and solved by batched Cholesky decompositions in
    float32, a block at a time.

    Departure: users and items without interactions are set to zeros, the minimum, instead of keeping their initial values.

    Args:
        embedding_dim: d.
        unobserved_weight: α.
        regularization: λ.
        regularization_exponent: ν; 1: proportional to the row's weight, 0: equal for all rows.
        init_scale: scale of the initial factors.
    """

    def __init__(
        self,
        *,
        num_users: int,
        num_items: int,
        embedding_dim: Dimension,
        unobserved_weight: Positive,
        regularization: Positive,
        regularization_exponent: Exponent,
        init_scale: NonNegative,
    ) -> None:
        super().__init__(num_users=num_users, num_items=num_items, embedding_dim=embedding_dim)
        self.unobserved_weight = unobserved_weight
        self.regularization, self.regularization_exponent = regularization, regularization_exponent
        self.user_factors.normal_(0, init_scale / embedding_dim**0.5)
        self.item_factors.normal_(0, init_scale / embedding_dim**0.5)
        self._histories: tuple[SparseRows, SparseRows] | None = None

    def observe(self, data: TrainingData) -> None:
        super().observe(data)
        self._histories = None

    def solve(self, data: TrainingData, epoch: int) -> Tensor:
        if self._histories is None:  # sorted once
            users = SparseRows.by_user(data)
            self._histories = users, users.transposed()
        users, items = self._histories
        with progress(f"iALS, sweep {epoch + 1}", self.num_users + self.num_items, "users and items") as advance:
            self.user_factors, _ = self.half_step(users, self.item_factors, advance)
            self.item_factors, explained = self.half_step(items, self.user_factors, advance)
        # The minimum of ‖h‖²_A − 2 bᵀh + |U_i|, at h = A⁻¹b, is |U_i| − bᵀh: the whole loss except the users' penalty.
        of_users = (self._strength(users).double() * self.user_factors.double().square().sum(1)).sum()
        return 1 + (of_users - explained) / len(data.targets)

    def half_step(
        self, histories: SparseRows, others: Tensor, advance: Callable[[float], None] | None = None
    ) -> tuple[Tensor, Tensor]:
        """The optimal factors of the rows of ``histories``, float32 [num_rows, d], given its columns' factors ``others``.

        Also returns Σ bᵀw over the rows, float64 []: the part of the loss that the rows' factors w explain.
        """
        strength = self._strength(histories)
        gram = self.unobserved_weight * (others.T @ others)
        others = functional.pad(others, (0, 0, 0, 1))  # the last row, zeros, is for padding
        solved = others.new_zeros(histories.num_rows, self.embedding_dim)
        explained = others.new_zeros((), dtype=torch.float64)
        for rows, members in _batches(histories, self.embedding_dim):
            factors = others[members]  # [R, L, d]
            systems = torch.baddbmm(gram, factors.mT, factors)
            systems.diagonal(dim1=1, dim2=2).add_(strength[rows].unsqueeze(1))
            right = factors.sum(1)
            found = torch.cholesky_solve(right.unsqueeze(2), torch.linalg.cholesky(systems)).squeeze(2)
            solved[rows] = found
            explained += (right.double() * found.double()).sum()
            if advance is not None:
                advance(len(rows))
        return solved, explained

    def scores_of_history(self, items: Tensor, targets: Tensor) -> Tensor:
        """As in the base, by a half step for the new user, which is exact given H."""
        factors, _ = self.half_step(SparseRows.of_one(items, self.num_items), self.item_factors)
        return self.item_factors @ factors[0]

    def _strength(self, histories: SparseRows) -> Tensor:
        """λ (|I_u| + α·num_items)^ν for each row, float32 [num_rows]; likewise for items."""
        weight = histories.starts.diff() + self.unobserved_weight * histories.num_columns
        return self.regularization * weight.pow(self.regularization_exponent)


def _batches(histories: SparseRows, width: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Batches of non-empty rows of similar length: rows int64 [R], columns int64 [R, L] padded with ``num_columns``."""
    by_length = torch.argsort(histories.starts.diff(), descending=True, stable=True)
    lengths = histories.starts.diff()[by_length]
    device, on_host = lengths.device, lengths.tolist()
    begin, stop = 0, int((lengths > 0).sum())
    most = floats_at_once(device, _SCRATCH_FLOATS)
    padded = functional.pad(histories.columns, (0, 1), value=histories.num_columns)
    while begin < stop:
        longest = on_host[begin]
        end = min(stop, begin + max(1, most // (width * (longest + 2 * width))))
        while on_host[end - 1] < _LEAST_FILL * longest - _SLACK:
            end -= 1
        rows, places = by_length[begin:end], torch.arange(longest, device=device)
        entries = histories.starts[rows].unsqueeze(1) + places
        yield rows, padded[entries.masked_fill(places >= lengths[begin:end].unsqueeze(1), -1)]
        begin = end
