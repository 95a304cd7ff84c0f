"""Fold-in of new users: against closed forms, against trained users, and the contract of all models."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.models.conftest import NUM_ITEMS, Make, implicit, tasks_of
from tests.models.test_contract import fit
from torch import Tensor

from hydrarec.core.errors import CheckpointError, ConfigError
from hydrarec.data.batching.batches import TrainingData
from hydrarec.models.base import Recommender
from hydrarec.models.bayesian_svdpp import BayesianSVDpp
from hydrarec.models.bias import Bias
from hydrarec.models.embedding_recommender import NOISE_RATIO, EmbeddingRecommender
from hydrarec.models.ials import IALS
from hydrarec.models.lightgcn import LightGCN
from hydrarec.models.parts.fold_in import Population, distinct_history
from hydrarec.models.svdpp import SVDpp

HISTORY = torch.tensor([3, 0, 1])
RATINGS = torch.tensor([1.0, 5.0, 2.0])
NOTHING = torch.empty(0, dtype=torch.int64), torch.empty(0)
PLANTED_USERS, PLANTED_ITEMS, RANK = 80, 60, 3
MADE_OF_HISTORIES = ("ease", "item_knn", "multi_vae", "pure_svd", "popularity", "bias")


def targets_of(make: Make) -> Tensor:
    return RATINGS if make.task == "rating" else torch.ones(3)


def trained(make: Make) -> Recommender:
    """With every table filled with something else than what is before training, of the task that it was made for."""
    model = make()
    model.task = make.task
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(0, 0.5)
        if hasattr(model, "solve"):
            model.objective = torch.nn.Module()  # type: ignore[assignment]
            model.objective.loss = lambda scores, targets: scores.mean()  # type: ignore[method-assign]
            for epoch in range(3):
                model.solve(make.data(), epoch)
    return model


def same(found: Tensor, expected: Tensor, tolerance: float = 1e-4) -> None:
    torch.testing.assert_close(found.double(), expected.double(), atol=tolerance, rtol=tolerance)


# -- what all promise -------------------------------------------------------------------------------------------------


def folds_in(model: Recommender) -> bool:
    """Whether it can score for users whom training never saw; a model need not."""
    return type(model).scores_of_history is not Recommender.scores_of_history


def test_a_model_scores_for_a_newcomer_or_says_that_it_cannot(make: Make) -> None:
    model = trained(make)
    if not folds_in(model):
        with pytest.raises(ConfigError, match=f"{type(model).__name__} cannot score for a user it has never seen"):
            model.scores_of_history(HISTORY, targets_of(make))
        return
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    scores = model.scores_of_history(HISTORY, targets_of(make))
    assert scores.shape == (NUM_ITEMS,)
    assert scores.dtype == torch.float32
    assert scores.isfinite().all()
    assert not scores.requires_grad
    again = model.scores_of_history(HISTORY, targets_of(make))
    assert torch.equal(again, scores)
    with torch.inference_mode():
        same(model.scores_of_history(HISTORY + 0, targets_of(make) + 0), scores)
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    assert all(parameter.grad is None for parameter in model.parameters())


def test_the_order_of_a_history_and_an_item_named_twice_change_nothing(make: Make) -> None:
    model, targets = trained(make), targets_of(make)
    if not folds_in(model):
        return
    scores = model.scores_of_history(HISTORY, targets)
    assert torch.equal(model.scores_of_history(HISTORY.flip(0), targets.flip(0)), scores)
    assert torch.equal(model.scores_of_history(torch.cat([HISTORY, HISTORY]), torch.cat([targets, targets])), scores)
    scores.fill_(-torch.inf)  # they are the caller's own
    assert model.scores_of_history(HISTORY, targets).isfinite().all()


def test_a_newcomer_without_a_history_gets_finite_scores(make: Make) -> None:
    model = trained(make)
    if not folds_in(model):
        return
    scores = model.scores_of_history(*NOTHING)
    assert scores.shape == (NUM_ITEMS,)
    assert scores.isfinite().all()


def test_the_mean_user_stands_for_one_without_a_history() -> None:
    model = trained(Make("rating", "biased_dot"))
    user = model.user_embedding.weight.mean(0) @ model.item_embedding.weight.T + model.user_bias.weight.mean()
    same(model.scores_of_history(*NOTHING), user + model.item_bias.weight[:, 0] + model.mean)


def test_twice_rated_items_have_their_mean() -> None:
    items, targets = distinct_history(torch.tensor([4, 1, 4]), torch.tensor([2.0, 3.0, 5.0]))
    assert items.tolist() == [1, 4]
    assert targets.tolist() == [3.0, 3.5]


def test_a_history_makes_what_is_in_it_likelier(make: Make) -> None:
    model, targets = trained(make), targets_of(make)
    if (
        not isinstance(model, EmbeddingRecommender) or make.name == "svdpp"
    ):  # there the history is part of the scores as it stands
        return
    before, after = model.scores_of_history(*NOTHING), model.scores_of_history(HISTORY, targets)
    if make.task == "rating":
        assert (after[HISTORY] - targets).square().sum() < 0.9 * (before[HISTORY] - targets).square().sum()
    else:
        assert after.log_softmax(0)[HISTORY].sum() > before.log_softmax(0)[HISTORY].sum() + 0.1


@pytest.mark.parametrize("task", ["rating", "ranking"])
def test_a_checkpoint_keeps_the_task(task: str, tmp_path: Path) -> None:
    make = Make(task, "biased_dot")
    model = make()
    fit(model, make.data(), 2, tmp_path).save_checkpoint(tmp_path / "x.ckpt")
    restored = type(model).load_from_checkpoint(tmp_path / "x.ckpt").eval()
    assert restored.task == task
    assert torch.equal(
        restored.scores_of_history(HISTORY, torch.ones(3)), model.scores_of_history(HISTORY, torch.ones(3))
    )


def test_without_a_task_a_history_means_nothing() -> None:
    with pytest.raises(CheckpointError, match="to rate or to rank") as caught:
        Make("rating", "dot")().scores_of_history(HISTORY, RATINGS)
    assert "replay" in caught.value.fix


# -- the prior ---------------------------------------------------------------------------------------------------------


def test_a_population_is_the_mean_and_the_covariance_of_many_rows() -> None:
    mixing = torch.tensor([[2.0, 0.0, 0.0], [1.0, 0.5, 0.0], [-1.0, 0.3, 0.1]])
    rows = torch.randn(20_000, 3, generator=torch.Generator().manual_seed(0)) @ mixing.T + torch.tensor([1.0, 2.0, 3.0])
    mean, factor = Population.of(rows)
    same(mean, rows.mean(0), 1e-5)
    same(factor @ factor.T, torch.cov(rows.T, correction=0), 1e-3)


def test_correlations_of_few_rows_shrink_and_variances_stay() -> None:
    rows = torch.randn(6, 10, generator=torch.Generator().manual_seed(0))
    rows[:, 4] = 0.7
    _, factor = Population.of(rows)
    covariance = factor @ factor.T
    own = torch.cov(rows.T, correction=0)
    same(covariance.diagonal(), own.diagonal(), 1e-6)
    off = ~torch.eye(10, dtype=torch.bool)
    assert 0 < covariance[off].abs().sum() < 0.7 * own[off].abs().sum()
    assert (covariance[4] == 0).all()
    others = torch.arange(10) != 4
    assert torch.linalg.eigvalsh(covariance[others][:, others]).min() > 1e-3
    single = Population.of(rows[:1])
    assert (single.factor == 0).all()


# -- closed forms ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("embedding", ["library", "lookup", "sparse"])
@pytest.mark.parametrize("name", ["dot", "biased_dot"])
def test_a_model_that_is_linear_in_the_user_is_folded_in_by_ridge_regression(name: str, embedding: str) -> None:
    torch.manual_seed(1)
    make = Make("rating", name)
    made = make(num_users=30, num_items=20, data=planted("rating")[0], embedding=embedding, embedding_dim=4)
    made.task = "rating"
    biased = name == "biased_dot"
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.normal_(0, 0.7)
    items, ratings = torch.tensor([2, 3, 5, 8, 13, 19]), torch.tensor([1.0, 5.0, 4.0, 2.0, 3.0, 5.0]).double()
    rows = torch.cat([getattr(made, table).weight for table in made.user_tables], dim=1).detach().double()
    design = made.item_embedding.weight.detach().double()
    offset = torch.zeros(20, dtype=torch.float64)
    if biased:
        design = torch.cat([design, torch.ones(20, 1)], dim=1)
        offset = made.item_bias.weight.detach()[:, 0].double() + made.mean
    mean, factor = Population.of(rows)
    inverse = torch.linalg.inv(factor @ factor.T)
    x = design[items]
    noise = NOISE_RATIO * (rows @ x.T).var(0, correction=0).mean()
    right = x.T @ (ratings - offset[items]) / noise + inverse @ mean
    row = torch.linalg.solve(x.T @ x / noise + inverse, right)
    same(made.scores_of_history(items, ratings.float()), design @ row + offset)


def test_where_feedback_is_implicit_the_gradient_of_the_posterior_vanishes() -> None:
    """``Σ⁻¹ (p − m) = Σ_{i ∈ N} q_i − n Σ_j softmax_j(s) q_j`` with the planted weights h of GMF inside q."""
    model = trained(Make("ranking", "gmf"))
    with torch.no_grad():
        model.output.weight.abs_().add_(0.1)
    scores = model.scores_of_history(HISTORY, torch.ones(3)).double()
    q = (model.item_embedding.weight * model.output.weight).detach().double()
    mean, factor = Population.of(model.user_embedding.weight)
    pull = q[HISTORY].sum(0) - 3 * scores.softmax(0) @ q
    row = mean + factor @ factor.T @ pull
    same(scores, q @ row + model.output.bias.detach())


def planted(task: str, seed: int = 0) -> tuple[TrainingData, Tensor]:
    """Ratings of most pairs by few factors, a bias and as much noise again, or what is liked; the scores before the noise."""
    generator = torch.Generator().manual_seed(seed)
    users, items = (
        torch.randn(count, RANK, generator=generator) / RANK**0.25 for count in (PLANTED_USERS, PLANTED_ITEMS)
    )
    scores = 3 + users @ items.T + 0.4 * torch.randn(PLANTED_USERS, 1, generator=generator)
    chosen = torch.rand(scores.shape, generator=generator) < 0.7
    if task == "ranking":
        chosen = (
            torch.rand(scores.shape, generator=generator) < (2 * (scores - scores.mean(1, keepdim=True)) - 1).sigmoid()
        )
    who, what = chosen.nonzero(as_tuple=True)
    ratings = scores[who, what] + torch.randn(len(who), generator=generator)
    data = TrainingData(who, what, ratings, PLANTED_USERS, PLANTED_ITEMS, (-5.0, 11.0), "")
    return (data if task == "rating" else implicit(data)), scores


@pytest.mark.parametrize("name", ["dot", "biased_dot"])
def test_a_known_users_ratings_land_near_the_trained_vector(name: str, tmp_path: Path) -> None:
    data, truth = planted("rating")
    dropout = {"user_dropout": 0.0, "item_dropout": 0.0} if name == "biased_dot" else {}
    width = RANK + 2 if name == "dot" else RANK
    model = Make("rating", name)(PLANTED_USERS, PLANTED_ITEMS, data, embedding_dim=width, init_scale=0.3, **dropout)
    fit(model, data, 20, tmp_path, learning_rate=0.01)
    cosines, own_errors, errors = [], [], []
    design, offset = model.item_embedding.weight.detach(), torch.zeros(PLANTED_ITEMS)
    if name == "biased_dot":
        offset = model.item_bias.weight.detach()[:, 0] + model.mean
        design = torch.cat([design, torch.ones(PLANTED_ITEMS, 1)], dim=1)
    for user in range(0, PLANTED_USERS, 4):
        mine = data.users == user
        scores = model.scores_of_history(data.items[mine], data.targets[mine])
        own = model.catalogue_scores(torch.tensor([user]))[0].detach()
        found, vector = (torch.linalg.lstsq(design, s - offset).solution for s in (scores, own))
        cosines.append(torch.cosine_similarity(found, vector, dim=0))
        held = torch.ones(PLANTED_ITEMS, dtype=torch.bool)
        held[data.items[mine]] = False
        own_errors.append((own - truth[user])[held].square().mean())
        errors.append((scores - truth[user])[held].square().mean())
        assert torch.corrcoef(torch.stack([scores, own]))[0, 1] > 0.95
    assert torch.stack(cosines).median() > 0.98
    assert torch.stack(errors).mean().sqrt() < 1.02 * torch.stack(own_errors).mean().sqrt()


@pytest.mark.parametrize("name", ["gmf", "mf", "lightgcn"])
def test_a_known_users_choices_land_near_the_trained_vector(name: str, tmp_path: Path) -> None:
    data, _ = planted("ranking")
    settings: dict[str, Any] = {"embedding_dim": 4, "init_scale": 1.0 if name == "lightgcn" else 0.2}
    model = Make("ranking", name)(PLANTED_USERS, PLANTED_ITEMS, data, **settings)
    fit(model, data, 10, tmp_path, learning_rate=0.01)
    correlations = []
    for user in range(0, PLANTED_USERS, 4):
        scores = model.scores_of_history(data.items[data.users == user], torch.ones(int((data.users == user).sum())))
        with torch.no_grad():
            own = model.catalogue_scores(torch.tensor([user]))[0]
        correlations.append(torch.corrcoef(torch.stack([scores, own]))[0, 1])
    assert torch.stack(correlations).median() > 0.95


# -- models that are made of histories ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", MADE_OF_HISTORIES)
def test_a_history_scores_as_its_own_user_does(name: str, tmp_path: Path) -> None:
    task = tasks_of(name)[0]
    data, _ = planted(task)
    model = Make(task, name)(PLANTED_USERS, PLANTED_ITEMS, data)
    fit(model, data, 2, tmp_path)
    for user in range(10):
        mine = data.users == user
        found = model.scores_of_history(data.items[mine], data.targets[mine])
        own = model.catalogue_scores(torch.tensor([user]))[0].detach()
        if name == "pure_svd":  # whose own user went through another product
            same(found, own, 1e-5)
        else:
            assert torch.equal(found, own)


def test_ials_solves_the_newcomer_like_any_user() -> None:
    data, _ = planted("ranking")
    model: Any = Make("ranking", "ials")(PLANTED_USERS, PLANTED_ITEMS, data, embedding_dim=5)
    for epoch in range(200):
        model.solve(data, epoch)
    for user in range(10):
        items = data.items[data.users == user]
        same(model.scores_of_history(items, torch.ones(len(items))), model.catalogue_scores(torch.tensor([user]))[0])
    assert isinstance(model, IALS)


def weights(histories: Tensor, counts: Tensor, weighting: str) -> Tensor:
    """Of a dense [U, num_items], by the formulas; ``counts`` of the items in training."""
    idf = torch.log(histories.shape[1] / (1 + histories.sum(1, keepdim=True)))
    gain = 2.2 / (1.2 * (0.25 + 0.75 * counts / counts.mean()) + 1)
    return {"none": histories, "tfidf": histories * idf, "bm25": histories * idf * gain}[weighting]


@pytest.mark.parametrize("weighting", ["none", "tfidf", "bm25"])
@pytest.mark.parametrize("normalize", [True, False])
def test_user_knn_takes_the_users_most_like_the_newcomer(weighting: str, normalize: bool) -> None:
    data, _ = planted("ranking")
    settings: dict[str, Any] = {"topk": 7, "shrink": 3.0, "normalize": normalize, "feature_weighting": weighting}
    model: Any = Make("ranking", "user_knn")(PLANTED_USERS, PLANTED_ITEMS, data, **settings)
    model.solve(data, 0)
    dense = torch.zeros(PLANTED_USERS, PLANTED_ITEMS).double()
    dense[data.users, data.items] = 1
    newcomer = torch.zeros(1, PLANTED_ITEMS).double()
    newcomer[0, ::3] = 1
    x, own = (weights(part, dense.sum(0), weighting) for part in (dense, newcomer))
    similarity = (own @ x.T)[0]
    if normalize:
        similarity = similarity / (own.norm() * x.norm(dim=1) + 3.0 + 1e-6)
    best = similarity.topk(8)
    if best.values[6] - best.values[7] < 1e-9:
        pytest.skip("tied users, any of whom may be left out")
    expected = similarity[best.indices[:7]] @ x[best.indices[:7]]
    same(model.scores_of_history(newcomer[0].nonzero().flatten(), torch.ones(20)), expected)


# -- the others --------------------------------------------------------------------------------------------------------


def test_the_bias_of_a_newcomer_is_a_damped_mean() -> None:
    model = trained(Make("rating", "bias"))
    assert isinstance(model, Bias)
    left = RATINGS - model.mean - model.item_bias[HISTORY]
    expected = model.mean + left.sum() / (model.user_regularization + 3) + model.item_bias
    same(model.scores_of_history(HISTORY, RATINGS), expected, 1e-6)


def test_svdpp_knows_the_newcomers_history_without_folding_in() -> None:
    """All users alike: the prior leaves no choice, and the implicit part is what remains."""
    model = trained(Make("rating", "svdpp"))
    assert isinstance(model, SVDpp)
    with torch.no_grad():
        for table in (model.user_embedding, model.user_bias):
            table.weight.copy_(table.weight[:1].clone().expand_as(table.weight))
    user = model.user_embedding.weight[0] + model.implicit_embedding.weight[HISTORY].sum(0) / math.sqrt(3)
    expected = (
        model.item_embedding.weight @ user + model.item_bias.weight[:, 0] + model.user_bias.weight[0] + model.mean
    )
    same(model.scores_of_history(HISTORY, RATINGS), expected.detach(), 1e-5)


def test_a_node_is_propagated_to_as_the_users_are() -> None:
    """All users alike in layer 0; layers 1 to K node by node, in float64."""
    model = trained(Make("ranking", "lightgcn"))
    assert isinstance(model, LightGCN)
    with torch.no_grad():
        model.user_embedding.weight.copy_(
            model.user_embedding.weight[:1].clone().expand_as(model.user_embedding.weight)
        )
    data = Make("ranking", "lightgcn").data()
    adjacency = torch.zeros(data.num_users, data.num_items).double()
    adjacency[data.users, data.items] = 1
    of_users, of_items = adjacency.sum(1), adjacency.sum(0)
    scaled = adjacency / (of_users[:, None] * of_items).clamp(min=1).sqrt()
    users, items = model.user_embedding.weight.detach().double(), model.item_embedding.weight.detach().double()
    user, item_sum = users[0].clone(), items.clone()
    for _ in range(model.num_layers):
        user = user + sum(items[i] / math.sqrt(3 * (1 + of_items[i])) for i in HISTORY.tolist())
        users, items = scaled @ items, scaled.T @ users
        item_sum = item_sum + items
    expected = item_sum @ user / (model.num_layers + 1) ** 2
    same(model.scores_of_history(HISTORY, torch.ones(3)), expected, 1e-5)


def test_bayesian_svdpp_takes_the_conditional_mean_of_each_sample() -> None:
    model = trained(Make("rating", "bayesian_svdpp"))
    assert isinstance(model, BayesianSVDpp)
    torch.manual_seed(0)
    model.user_samples.normal_(0, 0.5)
    model.item_samples.normal_(0, 0.5)
    model.num_stored.fill_(3)
    total = torch.zeros(NUM_ITEMS).double()
    for users, items in zip(model.user_samples[:3].double(), model.item_samples[:3].double(), strict=True):
        mean, factor = Population.of(users)
        inverse = torch.linalg.inv(factor @ factor.T)
        precision, right = inverse.clone(), inverse @ mean
        for item, rating in zip(HISTORY.tolist(), RATINGS.tolist(), strict=True):
            x = torch.cat([items[item, :-1], torch.ones(1)])
            weight = model.noise_precision * model.items.noise[item]
            precision = precision + weight * torch.outer(x, x)
            right = right + weight * (rating - model.mean - items[item, -1]) * x
        row = torch.linalg.solve(precision, right)
        total += items[:, :-1] @ row[:-1] + row[-1] + items[:, -1]
    same(model.scores_of_history(HISTORY, RATINGS), model.mean + total / 3)


def test_bayesian_svdpp_folds_a_known_user_in_near_the_posterior_mean(tmp_path: Path) -> None:
    data, _ = planted("rating")
    settings: dict[str, Any] = {"embedding_dim": RANK, "burn_in": 30, "thin": 2, "num_samples": 10}
    model = Make("rating", "bayesian_svdpp")(PLANTED_USERS, PLANTED_ITEMS, data, **settings)
    fit(model, data, 50, tmp_path)
    for user in range(10):
        mine = data.users == user
        found = model.scores_of_history(data.items[mine], data.targets[mine])
        assert torch.corrcoef(torch.stack([found, model.catalogue_scores(torch.tensor([user]))[0]]))[0, 1] > 0.95
