"""Bayesian SVD++ by Gibbs sampling: the rated items (or rating users) define a prior on the factors of each row."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from hydrarec.core.errors import ConfigError
from hydrarec.core.kinds import Count, Dimension, Index, NonNegative, Positive
from hydrarec.data.batching.batches import TrainingData
from hydrarec.models.base import Side
from hydrarec.models.parts.fold_in import Population, distinct_history
from hydrarec.models.parts.implicit_basis import implicit_basis
from hydrarec.models.solved import SolvedRecommender

LARGEST_BASIS = 12_000  # largest Gram matrix to decompose; 12,000² float64 take 1.2 GB


class BayesianSVDpp(SolvedRecommender):
    """Posterior mean of a biased factor model with implicit features on both sides and per-user and per-item noise.

    Model, with D = ``embedding_dim`` + 1 columns, the last of which is the bias, and ``y_ui = r_ui − μ``::

        y_ui ~ N(⟨p_u, q_i⟩ + b_u + b_i, 1 / (α w_u v_i))
        [p_u, b_u] ~ N(m + F_u, diag(1/λ))     F = N Y     Y_jk ~ N(0, 1/λ'_k)     N_uj = |N(u)|^(−1/2) for j ∈ N(u)
        [q_i, b_i] likewise, with N_iu = |N(i)|^(−1/2) for the users u ∈ N(i) who rated i in training
        α, λ_k, λ'_k ~ Gamma(shape, rate)      w_u, v_i ~ Gamma(h, h)      m flat

    This is Bayesian SVD++ "flipped" (Rendle, Zhang & Koren 2019, "On the difficulty of evaluating baselines", §3) on top
    of Bayesian matrix factorisation (Salakhutdinov & Mnih 2008), with the noise of robust Bayesian matrix factorisation
    (Lakshminarayanan, Bouchard & Archambeau 2011). One epoch is one Gibbs sweep: users, items, noise.

    Departures: diagonal Gaussian–Gamma priors as in libFM instead of Gaussian–Wishart ones. The implicit features Y are
    integrated out exactly: in the eigenbasis of N Nᵀ = L diag(e) Lᵀ, ``F = L f`` with independent ``f_jk ~ N(0, e_j/λ'_k)``,
    whose conditional is diagonal. A stored sample is a draw of the users with the items' conditional *mean* given that draw
    (Rao–Blackwell). Users and items unseen in training get the mean of their side.

    Args:
        embedding_dim: number of factors, excluding the bias.
        burn_in: sweeps before the first stored sample; until then scores use the current state.
        thin: sweeps per stored sample.
        num_samples: maximum of stored samples; then the oldest is replaced. Needs burn_in + thin · num_samples epochs.
        noise_shape: h; larger values make the noise more equal. 0 disables the noise weights.
        precision_shape, precision_rate: parameters of the Gamma priors on precisions.
        init_scale: standard deviation of the initial factors.

    Raises:
        ConfigError: the smaller side of the training matrix is too large for the eigendecomposition.
    """

    mean: Tensor  # float32 []
    noise_precision: Tensor  # α, float32 []
    num_stored: Tensor  # int64 []
    user_samples: Tensor  # float32 [num_samples, num_users, D]
    item_samples: Tensor  # float32 [num_samples, num_items, D]

    tasks = ("rating",)  # the likelihood is for ratings

    def __init__(
        self,
        *,
        num_users: int,
        num_items: int,
        embedding_dim: Dimension,
        burn_in: Index,
        thin: Count,
        num_samples: Count,
        noise_shape: NonNegative,
        precision_shape: Positive,
        precision_rate: Positive,
        init_scale: Positive,
    ) -> None:
        super().__init__(num_users=num_users, num_items=num_items)
        self.burn_in, self.thin, self.num_samples = burn_in, thin, num_samples
        self.noise_shape, self.gamma = noise_shape, (precision_shape, precision_rate)
        self.users = GibbsSide(num_users, embedding_dim + 1, init_scale)
        self.items = GibbsSide(num_items, embedding_dim + 1, init_scale)
        self.register_buffer("mean", torch.zeros(()))
        self.register_buffer("noise_precision", torch.ones(()))
        self.register_buffer("num_stored", torch.zeros((), dtype=torch.int64))
        self.register_buffer("user_samples", torch.zeros(num_samples, num_users, embedding_dim + 1))
        self.register_buffer("item_samples", torch.zeros(num_samples, num_items, embedding_dim + 1))

    def working_bytes(self, interactions: int, batch_size: int) -> int:
        smaller = min(self.num_users, self.num_items)  # its Gram matrix is decomposed in float64, with a workspace
        return 40 * smaller**2 + 2 * 4 * smaller * (self.num_users + self.num_items) + 64 * interactions

    def observe(self, data: TrainingData) -> None:
        super().observe(data)
        self.mean.copy_(data.targets.double().mean())
        self.users.observe(data.users, data.items, self.num_items)
        self.items.observe(data.items, data.users, self.num_users)

    def forward(self, users: Tensor, items: Tensor) -> Tensor:
        stored = min(int(self.num_stored), self.num_samples)
        if stored == 0:
            return self.mean + self._score(self.users.rows[users], self.items.rows[items])
        samples = zip(self.user_samples[:stored], self.item_samples[:stored], strict=True)
        total = sum(self._score(user[users], item[items]) for user, item in samples)
        return self.mean + total / stored

    def vectors(self, side: Side) -> Tensor:
        """The factors of the latest stored sample; their mean is meaningless because factors rotate between samples."""
        return self._samples(side)[-1][:, :-1]

    def biases(self, side: Side) -> Tensor:
        """The mean bias over the stored samples."""
        return self._samples(side)[:, :, -1].mean(0)

    def scores_of_history(self, items: Tensor, targets: Tensor) -> Tensor:
        """Scores from the new user's conditional mean, averaged over the samples.

        Departures: implicit features are not stored, so the new user's prior is the mean and covariance of the users' rows
        in each sample, which reflect those features too. The noise is that of the latest sweep, with w = 1 for the new user.
        """
        items, targets = distinct_history(items, targets)
        precisions = self.noise_precision * self.items.noise[items]
        scores = []
        for users, others in zip(self._samples("user"), self._samples("item"), strict=True):
            design = torch.cat([others[items, :-1], torch.ones_like(others[items, -1:])], dim=1)
            left = targets - self.mean - others[items, -1]
            row = Population.of(users).posterior_mean(design, left, precisions).float()
            scores.append(self._score(row, others))
        return self.mean + torch.stack(scores).mean(0)

    def _samples(self, side: Side) -> Tensor:
        """The stored samples, float32 [S, n, D + 1], latest last; the current state if none is stored."""
        stored = int(self.num_stored)
        if stored == 0:
            return (self.users if side == "user" else self.items).rows.unsqueeze(0)
        samples = self.user_samples if side == "user" else self.item_samples
        return samples[:stored] if stored <= self.num_samples else samples.roll(-(stored % self.num_samples), 0)

    def _score(self, user: Tensor, item: Tensor) -> Tensor:
        """Inner product of the factors plus both biases: float32 [..., D] each → [...]."""
        return (user[..., :-1] * item[..., :-1]).sum(-1) + user[..., -1] + item[..., -1]

    def solve(self, data: TrainingData, epoch: int) -> Tensor:
        """Run one Gibbs sweep; return the mean loss of the training part under the new state."""
        target = data.targets - self.mean
        weights = self.users.noise[data.users] * self.items.noise[data.items]
        self.users.draw(self.items.rows, target, weights, self.noise_precision, self.gamma)
        item_means = self.items.draw(self.users.rows, target, weights, self.noise_precision, self.gamma)
        scores = self._score(self.users.rows[data.users], self.items.rows[data.items])
        squared = (target - scores).square()
        if self.noise_shape > 0:
            self.users.draw_noise(self.noise_precision * squared * self.items.noise[data.items], self.noise_shape)
            self.items.draw_noise(self.noise_precision * squared * self.users.noise[data.users], self.noise_shape)
            weights = self.users.noise[data.users] * self.items.noise[data.items]
        shape, rate = self.gamma
        self.noise_precision.copy_(_gamma(shape + len(target) / 2, rate + (weights * squared).sum() / 2))
        self._store(epoch, item_means)
        return self.objective.loss(self.mean + scores, data.targets)

    def _store(self, epoch: int, item_means: Tensor) -> None:
        if epoch < self.burn_in or (epoch - self.burn_in) % self.thin != self.thin - 1:
            return
        place = int(self.num_stored) % self.num_samples
        unseen = (self.users.counts == 0).unsqueeze(-1)
        self.user_samples[place] = torch.where(unseen, self.users.expected(), self.users.rows)
        self.item_samples[place] = item_means
        self.num_stored += 1


class GibbsSide(nn.Module):
    """One side (users or items): its rows, prior, and training pattern.

    The pattern is recomputed by :meth:`observe` and not saved; ``other`` denotes the rows of the opposite side.
    """

    rows: Tensor  # float32 [n, D]: factors, bias
    implicit: Tensor  # F, float32 [n, D]
    prior_mean: Tensor  # m, float32 [D]
    precision: Tensor  # λ, float32 [D]
    implicit_precision: Tensor  # λ', float32 [D]
    noise: Tensor  # w or v, float32 [n]

    def __init__(self, num_rows: int, width: int, init_scale: float) -> None:
        super().__init__()
        rows = init_scale * torch.randn(num_rows, width)
        rows[:, -1] = 0
        self.register_buffer("rows", rows)
        self.register_buffer("implicit", torch.zeros(num_rows, width))
        self.register_buffer("prior_mean", torch.zeros(width))
        self.register_buffer("precision", torch.full((width,), 10.0))
        self.register_buffer("implicit_precision", torch.full((width,), 10.0))
        self.register_buffer("noise", torch.ones(num_rows))
        for name in ("own", "theirs", "order", "starts", "counts", "basis", "spectrum"):
            self.register_buffer(name, torch.empty(0), persistent=False)

    def observe(self, own: Tensor, theirs: Tensor, num_others: int) -> None:
        """Store the training pattern; ``own``, ``theirs``: int64 [N], this and the other side's index of each rating."""
        n = len(self.rows)
        self.own, self.theirs, self.num_others = own, theirs, num_others
        self.order = torch.argsort(own * num_others + theirs)
        self.counts = torch.bincount(own, minlength=n)
        self.starts = torch.cat([self.counts.new_zeros(1), self.counts.cumsum(0)])
        if min(n, num_others) > LARGEST_BASIS:
            raise ConfigError(
                f"bayesian_svdpp takes the eigenvectors of a {min(n, num_others):,} × {min(n, num_others):,} matrix",
                expected=f"users or items, whichever are fewer, at most {LARGEST_BASIS:,}",
                fix="model=biased_dot, or a smaller data set",
            )
        self.basis, self.spectrum = implicit_basis(self._sparse(self.counts[own].double().rsqrt()))

    def expected(self) -> Tensor:
        """The prior mean of each row, float32 [n, D]."""
        return self.implicit + self.prior_mean

    def draw(
        self, other: Tensor, target: Tensor, weights: Tensor, noise_precision: Tensor, gamma: tuple[float, float]
    ) -> Tensor:
        """Draw the rows given the other side, then this side's prior; return the rows' conditional means, [n, D]."""
        n, width = self.rows.shape
        design = torch.cat([other[:, :-1], other.new_ones(len(other), 1)], dim=1)
        gram = (self._sparse(weights) @ (design[:, :, None] * design[:, None, :]).flatten(1)).view(n, width, width)
        precision = noise_precision * gram + torch.diag(self.precision)
        residual = (target - other[self.theirs, -1]) * weights
        right = noise_precision * (self._sparse(residual) @ design) + self.precision * self.expected()
        factor = torch.linalg.cholesky(precision)
        half = torch.linalg.solve_triangular(factor, right.unsqueeze(-1), upper=False)
        both = torch.cat([half, half + torch.randn_like(half)], dim=2)  # the mean, and the mean plus noise
        mean, self.rows = (
            part.contiguous() for part in torch.linalg.solve_triangular(factor.mT, both, upper=True).unbind(2)
        )
        self._draw_prior(gamma)
        return mean

    def _draw_prior(self, gamma: tuple[float, float]) -> None:
        shape, rate = gamma
        n = len(self.rows)
        spread = (self.precision * n).rsqrt()
        self.prior_mean = (self.rows - self.implicit).mean(0) + torch.randn_like(spread) * spread
        precision = self.precision + self.implicit_precision / self.spectrum  # [rank, D]
        mean = self.precision * (self.basis.T @ (self.rows - self.prior_mean)) / precision
        coefficients = mean + torch.randn_like(mean) * precision.rsqrt()
        self.implicit = self.basis @ coefficients
        self.implicit_precision = _gamma(
            shape + len(self.spectrum) / 2, rate + (coefficients.square() / self.spectrum).sum(0) / 2
        )
        self.precision = _gamma(shape + n / 2, rate + (self.rows - self.expected()).square().sum(0) / 2)

    def draw_noise(self, scaled: Tensor, shape: float) -> None:
        """Draw the noise weights; ``scaled``: α · squared error · the other side's weight, [N]."""
        sums = torch.zeros_like(self.noise).index_add_(0, self.own, scaled)
        self.noise = _gamma(shape + self.counts / 2, shape + sums / 2)

    def _sparse(self, values: Tensor) -> Tensor:
        """The training pattern as a CSR matrix [n, num_others], with one value per rating."""
        size = (len(self.rows), self.num_others)
        return torch.sparse_csr_tensor(self.starts, self.theirs[self.order], values[self.order], size)


def _gamma(shape: float | Tensor, rate: Tensor) -> Tensor:
    """One draw of Gamma(shape, rate) per element of ``rate``."""
    return torch._standard_gamma(shape + torch.zeros_like(rate)) / rate
