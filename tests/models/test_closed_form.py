"""The solved ranking models against dense linear algebra."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from hydrarec.data.batching.batches import TrainingData
from hydrarec.models import ials
from hydrarec.models.ease import EASE
from hydrarec.models.ials import IALS
from hydrarec.models.knn import ItemKNN, UserKNN
from hydrarec.models.parts import histories
from hydrarec.models.parts.histories import SparseRows
from hydrarec.models.pure_svd import PureSVD
from hydrarec.models.solved import SolvedRecommender

NUM_USERS, NUM_ITEMS = 30, 20
KNN = {"topk": 4, "shrink": 2.0, "normalize": True, "feature_weighting": "bm25"}
SETTINGS: dict[type[SolvedRecommender], dict[str, Any]] = {
    EASE: {"regularization": 3.0},
    IALS: {
        "embedding_dim": 5,
        "unobserved_weight": 0.1,
        "regularization": 0.02,
        "regularization_exponent": 1.0,
        "init_scale": 0.1,
    },
    PureSVD: {"embedding_dim": 4, "oversampling": 3, "iterations": 20},
    ItemKNN: KNN,
    UserKNN: KNN,
}
EVERY = pytest.mark.parametrize("family", SETTINGS, ids=lambda family: family.__name__)


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """So little memory that everything is done in several pieces."""
    monkeypatch.setattr(histories, "GRAM_FLOATS", 100)
    monkeypatch.setattr(ials, "_SCRATCH_FLOATS", 400)
    monkeypatch.setattr(ials, "_SLACK", 1)


def interactions() -> Tensor:
    """A binary matrix, float64 [30, 20]; user 7 and item 11 have nothing, user 3 has everything else."""
    chance = torch.linspace(0.1, 0.6, NUM_ITEMS)
    dense = (torch.rand(NUM_USERS, NUM_ITEMS, generator=torch.Generator().manual_seed(0)) < chance).double()
    dense[3], dense[7], dense[:, 11] = 1, 0, 0
    return dense


def data_of(dense: Tensor) -> TrainingData:
    users, items = dense.nonzero(as_tuple=True)
    return TrainingData(users, items, torch.ones(len(users)), *dense.shape, None, "fingerprint")


def made(family: type[SolvedRecommender], dense: Tensor, epochs: int = 1, **changes: Any) -> Any:
    torch.manual_seed(0)
    model = family(num_users=dense.shape[0], num_items=dense.shape[1], **{**SETTINGS[family], **changes})
    model.observe(data_of(dense))
    with torch.no_grad():
        for epoch in range(epochs):
            model.solve(data_of(dense), epoch)
    return model.eval()


def catalogue(model: SolvedRecommender) -> Tensor:
    return model.catalogue_scores(torch.arange(model.num_users))


def same(found: Tensor, expected: Tensor, tolerance: float = 1e-5) -> None:
    torch.testing.assert_close(found.double(), expected.double(), atol=tolerance, rtol=tolerance)


# -- the sparse matrix ------------------------------------------------------------------------------------------------


def test_sparse_rows_are_the_dense_matrix() -> None:
    dense = interactions().float()
    rows = SparseRows.by_user(data_of(dense))
    other = torch.randn(NUM_ITEMS, 6)
    same(rows.columns_first().T, dense)
    same(rows.transposed().columns_first(), dense)
    same(rows.times(other), dense @ other)
    chosen = torch.tensor([7, 3, 3, 0])
    same(rows.take(chosen).columns_first().T, dense[chosen])
    pieces = [columns for _, columns in rows.gram()]
    assert len(pieces) > 1
    same(torch.cat(pieces, dim=1), dense @ dense.T)


# -- what all promise -------------------------------------------------------------------------------------------------


@EVERY
def test_pairs_score_as_in_the_catalogue(family: type[SolvedRecommender]) -> None:
    model = made(family, interactions())
    every = catalogue(model)
    assert every.shape == (NUM_USERS, NUM_ITEMS)
    assert every.dtype == torch.float32
    users, items = torch.randint(NUM_USERS, (40, 1)), torch.randint(NUM_ITEMS, (40, 9))
    same(model(users, items), every[users, items])
    same(model(users[:9, 0], items[0]), every[users[:9, 0], items[0]])
    same(model(torch.tensor(3), torch.tensor(2)), every[3, 2])
    same(model(torch.tensor(3), torch.arange(NUM_ITEMS)), every[3])
    same(model(torch.arange(NUM_USERS)[:, None], torch.arange(NUM_ITEMS)), every)


@EVERY
def test_no_pairs_and_models_before_their_first_sweep(family: type[SolvedRecommender]) -> None:
    model = made(family, interactions(), epochs=0)
    none = torch.empty(0, dtype=torch.int64)
    assert model(none, none).shape == (0,)
    assert catalogue(model).isfinite().all()


@EVERY
def test_scores_are_the_callers_own(family: type[SolvedRecommender]) -> None:
    """An evaluation masks what the user has seen in them."""
    model = made(family, interactions())
    before = catalogue(model).clone()
    catalogue(model).fill_(-torch.inf)
    same(catalogue(model), before)


@EVERY
def test_a_saved_model_scores_the_same(family: type[SolvedRecommender], tmp_path: Path) -> None:
    model = made(family, interactions())
    checkpoint: dict[str, Any] = {"state_dict": model.state_dict()}
    model.on_save_checkpoint(checkpoint)
    torch.save(checkpoint, tmp_path / "x.pt")
    restored = family(**model.hparams)
    saved = torch.load(tmp_path / "x.pt", weights_only=True)
    restored.on_load_checkpoint(saved)
    restored.load_state_dict(saved["state_dict"])
    assert torch.equal(catalogue(restored.eval()), catalogue(model))


@EVERY
def test_the_same_seed_gives_the_same_bits(family: type[SolvedRecommender]) -> None:
    assert torch.equal(catalogue(made(family, interactions())), catalogue(made(family, interactions())))


@EVERY
def test_users_get_the_items_of_their_block_first(family: type[SolvedRecommender]) -> None:
    users, items = torch.arange(24).unsqueeze(1), torch.arange(16)
    block = (users + items) % 2 == 0
    held = block & ((users // 2 + items // 2) % 4 == 0)
    changes = {"feature_weighting": "none"} if family in (ItemKNN, UserKNN) else {}
    if family is PureSVD:
        changes = {"embedding_dim": 2}
    scores = catalogue(made(family, (block & ~held).double(), epochs=5, **changes))
    outside = torch.where(block, -torch.inf, scores).amax(1, keepdim=True)
    assert (scores > outside)[held].all()


@EVERY
def test_a_matrix_smaller_than_the_settings(family: type[SolvedRecommender]) -> None:
    wide = {"embedding_dim": 50} if family in (IALS, PureSVD) else {}
    assert catalogue(made(family, interactions()[:3, :2], **wide)).isfinite().all()


# -- each against its formula -----------------------------------------------------------------------------------------


def test_ease_is_the_constrained_ridge_regression_of_each_item_on_the_others() -> None:
    dense = interactions()
    expected = torch.zeros(NUM_ITEMS, NUM_ITEMS, dtype=torch.float64)
    for item in range(NUM_ITEMS):
        others = torch.arange(NUM_ITEMS) != item
        x = dense[:, others]
        expected[others, item] = torch.linalg.solve(x.T @ x + 3.0 * torch.eye(NUM_ITEMS - 1), x.T @ dense[:, item])
    model = made(EASE, dense)
    same(model.weights, expected)
    same(catalogue(model), dense @ expected)
    objective = (dense - dense @ expected).square().sum() + 3.0 * expected.square().sum()
    same(model.solve(data_of(dense), 0), objective / dense.sum())


def objective(model: IALS, dense: Tensor) -> Tensor:
    w, h = model.user_factors.double(), model.item_factors.double()
    scores = w @ h.T
    alpha, exponent = model.unobserved_weight, model.regularization_exponent
    of_users = ((dense.sum(1) + alpha * dense.shape[1]) ** exponent * w.square().sum(1)).sum()
    of_items = ((dense.sum(0) + alpha * dense.shape[0]) ** exponent * h.square().sum(1)).sum()
    observed = (dense * (scores - 1).square()).sum() + alpha * scores.square().sum()
    return observed + model.regularization * (of_users + of_items)


@pytest.mark.parametrize("exponent", [0.0, 0.5, 1.0])
def test_ials_solves_the_normal_equations_of_each_user(exponent: float) -> None:
    dense = interactions()
    model = made(IALS, dense, epochs=2, regularization_exponent=exponent)
    h = model.item_factors.double()
    found, _ = model.half_step(SparseRows.by_user(data_of(dense)), model.item_factors)
    for user in range(NUM_USERS):
        weights = torch.diag(dense[user] + 0.1)
        ridge = 0.02 * (dense[user].sum() + 0.1 * NUM_ITEMS) ** exponent * torch.eye(5, dtype=torch.float64)
        same(found[user], torch.linalg.solve(h.T @ weights @ h + ridge, h.T @ dense[user]), 1e-4)


def test_ials_never_climbs_and_reports_its_objective() -> None:
    dense = interactions()
    data = data_of(dense)
    users = SparseRows.by_user(data)
    model = made(IALS, dense, epochs=0)
    seen = [objective(model, dense)]
    for _ in range(4):
        model.user_factors, _ = model.half_step(users, model.item_factors)
        seen.append(objective(model, dense))
        loss = model.solve(data, 0)  # users again, then items
        seen.append(objective(model, dense))
        same(loss, seen[-1] / dense.sum())
    assert all(after <= before * (1 + 1e-6) for before, after in itertools.pairwise(seen))
    assert seen[-1] < 0.8 * seen[0]


def test_ials_starts_at_its_scale_over_the_root_of_the_dimension() -> None:
    model = made(IALS, torch.zeros(500, 400), epochs=0, embedding_dim=25, init_scale=0.2)
    assert model.item_factors.std().item() == pytest.approx(0.04, rel=0.03)
    assert model.user_factors.std().item() == pytest.approx(0.04, rel=0.03)


def test_pure_svd_projects_on_the_leading_right_singular_vectors() -> None:
    dense = interactions()
    leading = torch.linalg.svd(dense, full_matrices=False).Vh[:4].T
    model = made(PureSVD, dense, iterations=60)
    same(catalogue(model), dense @ leading @ leading.T, 1e-4)
    left = (dense - dense @ leading @ leading.T).square().sum() / dense.sum()
    same(model.solve(data_of(dense), 0), left, 1e-4)


def weighted(dense: Tensor, weighting: str) -> Tensor:
    """Users × items, by the formulas, element by element."""
    found = dense.clone()
    lengths = dense.sum(0)
    for user, item in dense.nonzero().tolist():
        idf = torch.log(NUM_ITEMS / (1 + dense[user].sum()))
        if weighting == "bm25":
            found[user, item] = 2.2 / (1.2 * (0.25 + 0.75 * lengths[item] / lengths.mean()) + 1) * idf
        elif weighting == "tfidf":
            found[user, item] = idf
    return found


def top(rows: Tensor, k: int, shrink: float, normalize: bool) -> Tensor:
    """Of each row the similarities to its k nearest other rows, else 0."""
    products, norms = rows @ rows.T, rows.norm(dim=1)
    similarity = products / (torch.outer(norms, norms) + shrink + 1e-6) if normalize else products
    similarity.fill_diagonal_(0)
    best = similarity.topk(k, dim=1)
    return torch.zeros_like(similarity).scatter(1, best.indices, best.values)


@pytest.mark.parametrize("weighting", ["none", "bm25", "tfidf"])
@pytest.mark.parametrize("normalize", [True, False])
@pytest.mark.parametrize("family", [ItemKNN, UserKNN])
def test_neighbours_are_the_formula(family: type[SolvedRecommender], weighting: str, normalize: bool) -> None:
    dense = interactions() * (torch.rand(NUM_USERS, NUM_ITEMS, generator=torch.Generator().manual_seed(1)) < 0.8)
    k = 4 if weighting == "bm25" else NUM_USERS  # the others tie, and any of the tied may be left out
    x = weighted(dense, weighting)
    model = made(family, dense, topk=k, feature_weighting=weighting, normalize=normalize)
    if family is ItemKNN:
        expected = x @ top(x.T, min(k, NUM_ITEMS), 2.0, normalize).T
    else:
        expected = top(x, k, 2.0, normalize) @ x
    same(catalogue(model), expected)
    assert model.neighbours.dtype == torch.int32
    assert (model.similarities[:, :-1] >= model.similarities[:, 1:]).all()
