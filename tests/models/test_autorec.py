"""AutoRec against its formula written out rating by rating, on planted factors, and for users it has never seen."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from tests.models.conftest import NUM_ITEMS, NUM_USERS, Make, training_data
from tests.models.test_contract import fit
from torch import Tensor

from hydrarec.data.batching.batches import Batch, TrainingData
from hydrarec.models import autorec
from hydrarec.models.autorec import AutoRec
from hydrarec.models.bias import damped_mean
from hydrarec.models.parts.histories import SparseRows
from hydrarec.tasks.rating import RatingObjective

USERS, ITEMS = torch.arange(NUM_USERS), torch.arange(NUM_ITEMS)  # user 6 and item 4 have no rating
SIDES = pytest.mark.parametrize("name", ["i_autorec", "u_autorec"])
NOTHING = torch.empty(0, dtype=torch.int64)


def made(name: str, **changes: object) -> AutoRec:
    """A small network whose weights and biases are all at work."""
    settings = {"hidden_dim": 3, "input_dropout": 0.0, "regularization": 0.5, "bias_regularization": 2.0, **changes}
    model = Make("rating", name)(**settings)
    assert isinstance(model, AutoRec)
    with torch.no_grad():
        model.hidden_bias.normal_()
        model.output_bias.normal_()
    model.objective = RatingObjective(loss="mse", clip=False, scale=(1.0, 5.0))
    return model.train()


def batch_of(model: AutoRec, rows: Tensor) -> Batch:
    zeros = torch.zeros(len(rows))
    return Batch(NOTHING, rows, zeros) if model.trains_on == "items" else Batch(rows, NOTHING, zeros)


# -- the oracle: one rating after the other, in float64 ----------------------------------------------------------------


def naive_scores(model: AutoRec, weights: dict[str, Tensor], row: int) -> list[Tensor]:
    """h(r) of every column, without mean and biases."""
    data = training_data()
    rows, columns = (data.items, data.users) if model.trains_on == "items" else (data.users, data.items)
    before = weights["hidden_bias"]
    for r, c, rating in zip(rows.tolist(), columns.tolist(), data.targets.tolist(), strict=True):
        if r == row:
            before = before + rating * weights["encoder.weight"][c]
    code = 1 / (1 + torch.exp(-before))
    return [code @ w + b for w, b in zip(weights["decoder.weight"], weights["output_bias"], strict=True)]


def naive_baseline(model: AutoRec, user: int, item: int) -> float:
    return float(model.mean) + float(model.user_bias[user]) + float(model.item_bias[item])


def naive_objective(model: AutoRec, weights: dict[str, Tensor], rows: list[int]) -> Tensor:
    """Σ over the ratings of ``rows`` of the squared error."""
    data, total = training_data(), torch.zeros((), dtype=torch.float64)
    for user, item, rating in zip(data.users.tolist(), data.items.tolist(), data.targets.tolist(), strict=True):
        row, column = (item, user) if model.trains_on == "items" else (user, item)
        if row in rows:
            score = naive_scores(model, weights, row)[column] + naive_baseline(model, user, item)
            total = total + (rating - score) ** 2
    return total


def doubled(model: AutoRec) -> dict[str, Tensor]:
    return {name: weight.detach().double().requires_grad_() for name, weight in model.named_parameters()}


@SIDES
def test_scores_are_the_formulas(name: str) -> None:
    model = made(name).eval()
    weights, scores = doubled(model), model(USERS[:, None], ITEMS)
    for user in USERS.tolist():
        for item in ITEMS.tolist():
            row, column = (item, user) if model.trains_on == "items" else (user, item)
            expected = naive_scores(model, weights, row)[column] + naive_baseline(model, user, item)
            assert scores[user, item].item() == pytest.approx(float(expected), abs=1e-5)
    torch.testing.assert_close(model.catalogue_scores(USERS), scores)


@SIDES
def test_the_objective_of_all_rows_is_the_papers_by_rating(name: str) -> None:
    model, data = made(name), training_data()
    rows = torch.unique(data.items if model.trains_on == "items" else data.users)
    weights = doubled(model)
    error = naive_objective(model, weights, rows.tolist())
    norms = weights["encoder.weight"].square().sum() + weights["decoder.weight"].square().sum()
    expected = (error + 0.5 / 2 * norms) / 12
    expected.backward()
    penalty = model.penalty()
    assert penalty is not None
    found = model.batch_loss(batch_of(model, rows)) + penalty
    assert found.item() == pytest.approx(expected.item(), rel=1e-5)
    found.backward()
    for parameter, own in model.named_parameters():
        torch.testing.assert_close(own.grad, weights[parameter].grad.float(), rtol=1e-4, atol=1e-6, msg=parameter)  # type: ignore[union-attr]


@SIDES
def test_the_losses_of_batches_average_to_that_of_all_rows(name: str) -> None:
    """Weighted by their rows, as an epoch and several processes weigh them."""
    model, data = made(name), training_data()
    rows = torch.unique(data.items if model.trains_on == "items" else data.users)
    whole = model.batch_loss(batch_of(model, rows))
    shares = rows.flip(0).split(3)
    parts = torch.stack([model.batch_loss(batch_of(model, share)) * len(share) for share in shares])
    torch.testing.assert_close(parts.sum() / len(rows), whole)


@SIDES
def test_an_empty_share_of_a_batch_can_be_gone_back_through(name: str) -> None:
    model = made(name)
    loss = model.batch_loss(batch_of(model, NOTHING))
    loss.backward()
    assert loss.shape == ()


def test_without_regularization_there_is_no_penalty() -> None:
    assert made("i_autorec", regularization=0.0).penalty() is None


# -- what comes before the network -------------------------------------------------------------------------------------


@SIDES
def test_biases_are_those_that_minimise_the_regularised_squares(name: str) -> None:
    model, data = made(name), training_data()
    mean = data.targets.mean()
    assert model.mean.item() == pytest.approx(float(mean))
    for own, theirs, indices, others in (
        (model.user_bias, model.item_bias, data.users, data.items),
        (model.item_bias, model.user_bias, data.items, data.users),
    ):
        for index, bias in enumerate(own.tolist()):
            rated = indices == index
            left = (data.targets - mean - theirs[others])[rated].sum()
            assert bias == pytest.approx(float(left) / (2.0 + int(rated.sum())), abs=1e-5)


@SIDES
def test_without_biases_the_mean_alone_comes_first(name: str) -> None:
    model = made(name, bias_regularization=None)
    assert model.user_bias.count_nonzero() == model.item_bias.count_nonzero() == 0
    with torch.no_grad():
        model.decoder.weight.zero_()
        model.output_bias.zero_()
    torch.testing.assert_close(model(USERS[:, None], ITEMS), training_data().targets.mean().expand(7, 5))


@SIDES
def test_what_has_no_rating_in_training(name: str) -> None:
    """A column keeps the mean and the other side's bias; a row is encoded from nothing."""
    model = Make("rating", name)(hidden_dim=3)
    assert isinstance(model, AutoRec)
    column = model(torch.tensor(6), ITEMS) if name == "i_autorec" else model(USERS, torch.tensor(4))
    bias = model.item_bias if name == "i_autorec" else model.user_bias
    torch.testing.assert_close(column, model.mean + bias)
    row = 4 if name == "i_autorec" else 6
    torch.testing.assert_close(model.codes()[row], torch.sigmoid(model.hidden_bias))


@SIDES
def test_dropout_rescales_what_it_keeps_of_the_input_alone(name: str) -> None:
    model = made(name, input_dropout=0.75)
    histories = SparseRows(torch.arange(2001), torch.zeros(2000, dtype=torch.int64), torch.full((2000,), 3.0), 7)
    with torch.no_grad():
        model.encoder.weight.fill_(0.1)
        model.hidden_bias.zero_()
    inputs = torch.logit(model.encode(histories))[:, 0]
    kept = inputs > 0.1
    torch.testing.assert_close(inputs[kept], torch.full_like(inputs[kept], 0.1 * 3 * 4))
    torch.testing.assert_close(inputs[~kept], torch.zeros_like(inputs[~kept]), atol=1e-6, rtol=0)
    assert kept.float().mean().item() == pytest.approx(0.25, abs=0.04)
    torch.testing.assert_close(torch.logit(model.eval().encode(histories)), torch.full((2000, 3), 0.3))


# -- what was learned ---------------------------------------------------------------------------------------------------


@SIDES
def test_scores_are_products_of_the_vectors(name: str) -> None:
    model = made(name).eval()
    users, items = model.vectors("user"), model.vectors("item")
    assert (users.shape, items.shape) == ((NUM_USERS, 3), (NUM_ITEMS, 3))
    assert users.dtype == items.dtype == torch.float32
    assert not users.requires_grad
    assert not items.requires_grad
    bias = model.output_bias.unsqueeze(1) if name == "i_autorec" else model.output_bias
    rest = model.mean + model.user_bias.unsqueeze(1) + model.item_bias + bias
    torch.testing.assert_close(users @ items.T + rest, model.catalogue_scores(USERS))


@SIDES
def test_codes_are_kept_until_a_weight_changes(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model = made(name).eval()
    with torch.no_grad():
        before = model.codes()
        assert model.codes() is before
        model.hidden_bias.add_(1)
        assert not torch.equal(model.codes(), before)
        after = model.codes()
    monkeypatch.setattr(autorec, "_ROWS", 2)
    torch.testing.assert_close(model.codes(), after)  # with gradients computed anew, in pieces
    model.batch_loss(batch_of(model, torch.tensor([0])))  # a step may follow, which changes weights without a trace
    with torch.no_grad():
        assert model.codes() is not after


def planted(seed: int = 0) -> tuple[TrainingData, TrainingData, np.ndarray]:
    """Half of 60 × 40 ratings 3 + p_u q_i to train, a tenth to test; and all of them."""
    draw = np.random.default_rng(seed)
    every = 3 + np.outer(draw.normal(size=60), draw.normal(size=40))
    part = draw.random((60, 40))
    users, items = np.meshgrid(np.arange(60), np.arange(40), indexing="ij")
    parts = []
    for chosen in (part < 0.5, part > 0.9):
        columns = (torch.from_numpy(grid[chosen]) for grid in (users, items, every.astype(np.float32)))
        parts.append(TrainingData(*columns, 60, 40, (1.0, 5.0), ""))
    return parts[0], parts[1], every


def trained(name: str, data: TrainingData, folder: Path) -> AutoRec:
    model = Make("rating", name)(60, 40, data, hidden_dim=20, regularization=0.1, input_dropout=0.0)
    assert isinstance(model, AutoRec)
    fit(model, data, 100, folder, learning_rate=0.01)
    return model


@SIDES
def test_planted_factors_are_recovered(name: str, tmp_path: Path) -> None:
    data, held, _ = planted()
    model = trained(name, data, tmp_path)
    with torch.no_grad():
        error = (model(held.users, held.items) - held.targets).square().mean()
        of_biases = (naive_baselines(model, held) - held.targets).square().mean()
    assert of_biases > 0.7, "mean and biases do not know the factors"
    assert error < 0.05 * of_biases


def naive_baselines(model: AutoRec, data: TrainingData) -> Tensor:
    return model.mean + model.user_bias[data.users] + model.item_bias[data.items]


# -- users who were not in training ------------------------------------------------------------------------------------


def test_u_autorec_knows_a_user_by_the_history_alone() -> None:
    model, data = made("u_autorec").eval(), training_data()
    for user in range(6):
        own = data.users == user
        scores = model.scores_of_history(data.items[own], data.targets[own])
        torch.testing.assert_close(scores, model.catalogue_scores(torch.tensor([user])).squeeze(0))
    torch.testing.assert_close(
        model.scores_of_history(NOTHING, torch.empty(0)), model.catalogue_scores(torch.tensor([6])).squeeze(0)
    )


def test_u_autorec_without_biases_adds_none_for_a_new_user() -> None:
    model, data = made("u_autorec", bias_regularization=None).eval(), training_data()
    own = data.users == 0
    scores = model.scores_of_history(data.items[own], data.targets[own])
    torch.testing.assert_close(scores, model.catalogue_scores(torch.tensor([0])).squeeze(0))


@pytest.mark.parametrize("bias_regularization", [2.0, None])
def test_i_autorec_solves_a_new_users_weights_by_ridge_regression(bias_regularization: float | None) -> None:
    model = made("i_autorec", bias_regularization=bias_regularization).eval()
    items, ratings = torch.tensor([3, 0]), torch.tensor([5.0, 2.0])
    centred = ratings - model.mean - model.item_bias[items]
    bias = centred.sum() / (2 + (bias_regularization or 0))
    codes = model.codes().detach()
    weights = torch.zeros(3, requires_grad=True)
    for _ in range(20):  # Newton's steps: the objective is quadratic, so that one would do
        error = (centred - bias - codes[items] @ weights).square().sum() + 0.5 / 2 * weights.square().sum()
        (gradient,) = torch.autograd.grad(error, weights)
        curvature = 2 * codes[items].T @ codes[items] + 0.5 * torch.eye(3)
        weights = (weights - torch.linalg.solve(curvature, gradient)).detach().requires_grad_()
    expected = model.mean + bias + model.item_bias + codes @ weights.detach()
    torch.testing.assert_close(model.scores_of_history(items, ratings), expected, rtol=1e-4, atol=1e-4)


@SIDES
def test_a_new_user_without_ratings_gets_the_items_biases_or_the_empty_code(name: str) -> None:
    model = made(name).eval()
    scores = model.scores_of_history(NOTHING, torch.empty(0))
    assert scores.shape == (NUM_ITEMS,)
    assert scores.dtype == torch.float32
    if name == "i_autorec":
        torch.testing.assert_close(scores, model.mean + model.item_bias)


@SIDES
def test_a_new_user_with_a_known_users_ratings_is_treated_like_that_user(name: str, tmp_path: Path) -> None:
    data, _, every = planted()
    model = trained(name, data, tmp_path)
    distances, spread = [], every.std()
    for user in range(10):
        own = data.users == user
        scores = model.scores_of_history(data.items[own], data.targets[own])
        distances.append((scores - model.catalogue_scores(torch.tensor([user])).squeeze(0)).square().mean())
    assert torch.stack(distances).mean().sqrt() < 0.2 * spread


def test_a_bias_is_damped() -> None:
    bias = damped_mean(torch.tensor([1.0, 2.0]), torch.tensor([0, 0]), 2, 1.0)
    assert bias.tolist() == [1.0, 0.0]
