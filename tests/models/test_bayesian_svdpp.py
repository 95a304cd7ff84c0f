"""The Gibbs sampler's conditionals against dense linear algebra, and its posterior against what was planted."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from hydrarec.core.errors import ConfigError
from hydrarec.data.batching.batches import TrainingData
from hydrarec.models import bayesian_svdpp
from hydrarec.models.bayesian_svdpp import BayesianSVDpp, GibbsSide
from hydrarec.tasks.rating import RatingObjective

OWN = torch.tensor([0, 0, 1, 2, 2, 2])  # row 3 has no rating
THEIRS = torch.tensor([0, 2, 1, 0, 1, 2])
TARGET = torch.tensor([1.0, -0.5, 0.3, 0.8, -1.2, 0.1])
WEIGHTS = torch.tensor([1.0, 2.0, 0.5, 1.5, 1.0, 0.7])
ALPHA = torch.tensor(3.0)


COPIES = 5000  # of the four rows, so that one call draws each of them so many times


def side() -> GibbsSide:
    torch.manual_seed(0)
    made = GibbsSide(4 * COPIES, 3, 0.5)
    made.observe(OWN.repeat(COPIES) + 4 * torch.arange(COPIES).repeat_interleave(6), THEIRS.repeat(COPIES), 3)
    made.precision = torch.tensor([2.0, 3.0, 4.0])
    made.prior_mean = torch.tensor([0.1, -0.2, 0.3])
    made.implicit = (0.1 * torch.randn(4, 3)).repeat(COPIES, 1)
    return made


def conditional(made: GibbsSide, other: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and precision of the four rows by the textbook, one row at a time."""
    means, precisions = [], []
    for row in range(4):
        precision, right = torch.diag(made.precision), made.precision * made.expected()[row]
        for k in torch.nonzero(row == OWN).flatten():
            x = torch.cat([other[THEIRS[k], :2], torch.ones(1)])
            precision = precision + ALPHA * WEIGHTS[k] * torch.outer(x, x)
            right = right + ALPHA * WEIGHTS[k] * (TARGET[k] - other[THEIRS[k], 2]) * x
        means.append(torch.linalg.solve(precision, right))
        precisions.append(precision)
    return torch.stack(means), torch.stack(precisions)


def test_rows_are_drawn_from_their_conditional() -> None:
    """Its mean exactly; mean and covariance of the draws within four standard errors or so."""
    other = torch.randn(3, 3, generator=torch.Generator().manual_seed(1))
    made = side()
    mean, precision = conditional(made, other)
    found = made.draw(other, TARGET.repeat(COPIES), WEIGHTS.repeat(COPIES), ALPHA, (1.0, 0.01))
    torch.testing.assert_close(found, mean.repeat(COPIES, 1), atol=1e-5, rtol=1e-5)
    draws = made.rows.view(COPIES, 4, 3)
    torch.testing.assert_close(draws.mean(0), mean, atol=0.04, rtol=0)
    for row in range(4):
        torch.testing.assert_close(torch.cov(draws[:, row].T), torch.linalg.inv(precision[row]), atol=0.04, rtol=0)


@pytest.mark.parametrize("wide", [True, False])
def test_the_basis_is_the_eigenbasis_of_the_implicit_features(wide: bool) -> None:
    rows, others = (3, 4) if wide else (4, 3)
    own, theirs = (THEIRS, OWN) if wide else (OWN, THEIRS)
    made = GibbsSide(rows, 2, 0.1)
    made.observe(own, theirs, others)
    pattern = torch.zeros(rows, others)
    pattern[own, theirs] = 1
    pattern = pattern / pattern.sum(1, keepdim=True).clamp(min=1).sqrt()  # N_uj = |N(u)|^(−1/2)
    torch.testing.assert_close(made.basis * made.spectrum.T @ made.basis.T, pattern @ pattern.T, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(made.basis.T @ made.basis, torch.eye(len(made.spectrum)), atol=1e-5, rtol=1e-5)


def test_gamma_has_mean_shape_over_rate() -> None:
    torch.manual_seed(0)
    draws = bayesian_svdpp._gamma(4.0, torch.full((20_000,), 2.0))
    assert draws.mean().item() == pytest.approx(2.0, abs=0.03)
    assert draws.var().item() == pytest.approx(4.0 / 2.0**2, abs=0.05)


def small_model(**changes: object) -> BayesianSVDpp:
    settings = {"embedding_dim": 2, "burn_in": 2, "thin": 2, "num_samples": 3, "noise_shape": 5.0}
    priors = {"precision_shape": 1.0, "precision_rate": 0.01, "init_scale": 0.1}
    torch.manual_seed(0)
    model = BayesianSVDpp(**{"num_users": 4, "num_items": 3, **settings, **priors, **changes})  # type: ignore[arg-type]
    model.objective = RatingObjective(loss="mse", clip=False, scale=(1.0, 5.0))
    return model


def data() -> TrainingData:
    return TrainingData(OWN, THEIRS, TARGET + 3, 4, 3, (1.0, 5.0), "")


def test_stores_every_thin_th_sample_after_burn_in_and_forgets_the_oldest() -> None:
    model = small_model()
    model.observe(data())
    stored = []
    for epoch in range(12):
        model.solve(data(), epoch)
        stored.append(int(model.num_stored))
    assert stored == [0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5]


def test_the_score_is_the_mean_over_the_stored_samples() -> None:
    model = small_model()
    model.observe(data())
    for epoch in range(6):
        model.solve(data(), epoch)
    users, items = torch.arange(4)[:, None], torch.arange(3)[None, :]
    each = []
    for user, item in zip(model.user_samples[:2], model.item_samples[:2], strict=True):
        each.append(user[:, :2] @ item[:, :2].T + user[:, 2:] + item[:, 2:].T)
    torch.testing.assert_close(model(users, items), 3 + TARGET.mean() + torch.stack(each).mean(0))


def test_noisy_users_get_smaller_weights() -> None:
    random = torch.Generator().manual_seed(0)
    users, items = torch.arange(40).repeat_interleave(50), torch.arange(50).repeat(40)
    noise = torch.where(users < 20, 0.1, 1.0) * torch.randn(2000, generator=random)
    noisy = TrainingData(users, items, 3 + noise, 40, 50, (0.0, 6.0), "")
    model = small_model(num_users=40, num_items=50, noise_shape=2.0)
    model.observe(noisy)
    for epoch in range(30):
        model.solve(noisy, epoch)
    assert model.users.noise[:20].median() > 5 * model.users.noise[20:].median()


def test_a_matrix_too_large_for_its_eigenvectors_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bayesian_svdpp, "LARGEST_BASIS", 2)
    with pytest.raises(ConfigError, match="eigenvectors of a 3 × 3 matrix"):
        small_model().observe(data())
