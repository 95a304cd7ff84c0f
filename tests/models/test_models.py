"""Each model against its formula, calculated by hand."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from hydrarec.core.errors import ConfigError
from hydrarec.data.batching.batches import TrainingData
from hydrarec.models.bias import Bias
from hydrarec.models.dot import BiasedDot, Dot
from hydrarec.models.mlp import MLP
from hydrarec.models.parts.layers import Lookup, RatingRange, embedding_table, initialize
from hydrarec.models.svdpp import SVDpp
from hydrarec.tasks.rating import RatingObjective

SMALL = {
    "num_users": 3,
    "num_items": 4,
    "embedding_dim": 2,
    "embedding": "library",
    "init": "normal",
    "init_scale": 0.1,
    "l2": 0.0,
}
DATA = TrainingData(
    torch.tensor([0, 0, 1]),
    torch.tensor([0, 1, 1]),
    torch.tensor([5.0, 4.0, 3.0]),
    num_users=3,
    num_items=4,
    scale=(1.0, 5.0),
    fingerprint="",
)


def biased(**changes: object) -> BiasedDot:
    settings = {
        "global_mean": False,
        "bias_init_scale": 0.0,
        "rating_range": False,
        "range_margin": 0.0,
        "user_dropout": 0.0,
        "item_dropout": 0.0,
        "sample_l2": 0.0,
    }
    return BiasedDot(**{**SMALL, **settings, **changes})  # type: ignore[arg-type]


def mlp(**changes: object) -> MLP:
    settings = {"hidden_dims": [3], "input_dropout": 0.0, "dropout": [0.0], "rating_range": False, "range_margin": 0.0}
    return MLP(**{**SMALL, **settings, **changes})  # type: ignore[arg-type]


def test_dot_is_the_inner_product() -> None:
    model = Dot(**SMALL)
    with torch.no_grad():
        model.user_embedding.weight[1] = torch.tensor([1.0, 2.0])
        model.item_embedding.weight[3] = torch.tensor([3.0, 4.0])
    assert model(torch.tensor([1]), torch.tensor([3])).item() == 1 * 3 + 2 * 4


def test_l2_is_the_squared_norm_of_both_whole_tables() -> None:
    model = Dot(**{**SMALL, "l2": 0.5})
    with torch.no_grad():
        model.user_embedding.weight.fill_(1.0)  # 3 × 2 ones
        model.item_embedding.weight.fill_(2.0)  # 4 × 2 twos
    penalty = model.penalty()
    assert penalty is not None
    assert penalty.item() == 0.5 * (6 * 1 + 8 * 4)
    assert Dot(**SMALL).penalty() is None


def test_biased_dot_adds_biases_and_the_mean() -> None:
    model = biased(global_mean=True)
    model.observe(DATA)
    with torch.no_grad():
        model.user_embedding.weight.zero_()
        model.user_bias.weight[1] = 0.25
        model.item_bias.weight[2] = -1.0
    assert model(torch.tensor([1]), torch.tensor([2])).item() == pytest.approx((5 + 4 + 3) / 3 + 0.25 - 1.0)


def test_biased_dot_without_a_global_mean_starts_at_nothing() -> None:
    model = biased()
    model.observe(DATA)
    with torch.no_grad():
        model.user_embedding.weight.zero_()
    assert model(torch.tensor([0]), torch.tensor([0])).item() == 0.0


def test_in_the_rating_range_a_score_of_zero_is_the_mean_of_the_training_ratings() -> None:
    model = biased(rating_range=True, range_margin=0.5, global_mean=True)
    model.observe(DATA)
    with torch.no_grad():
        model.user_embedding.weight.zero_()
    assert model(torch.tensor([2]), torch.tensor([3])).item() == pytest.approx(4.0, abs=1e-5)


@pytest.mark.parametrize(("margin", "low", "high"), [(0.0, 1.0, 5.0), (0.5, 0.5, 5.5)])
def test_rating_range_is_a_scaled_sigmoid(margin: float, low: float, high: float) -> None:
    scaled = RatingRange(margin)
    scaled.observe((1.0, 5.0))
    scores = scaled(torch.tensor([-100.0, 0.0, 100.0, 1.0]))
    torch.testing.assert_close(scores, torch.tensor([low, 3.0, high, low + (high - low) / (1 + math.exp(-1))]))


def test_dropout_acts_in_training_only_and_on_each_embedding_by_itself() -> None:
    model = biased(user_dropout=0.5, embedding_dim=64, init="normal", init_scale=1.0)
    users, items = torch.zeros(1, dtype=torch.int64), torch.zeros(1, dtype=torch.int64)
    torch.manual_seed(0)
    noisy = model.train()(users, items)
    assert not torch.equal(noisy, model.eval()(users, items))
    assert torch.equal(model.eval()(users, items), model.eval()(users, items))


def test_mlp_is_its_formula() -> None:
    model = mlp(hidden_dims=[3, 2], dropout=[0.0, 0.0]).eval()
    users, items = torch.tensor([0, 2]), torch.tensor([1, 3])
    inputs = torch.cat([model.user_embedding.weight[users], model.item_embedding.weight[items]], 1)
    first, (second,) = model.tower.first, [layer for layer in model.tower.rest if isinstance(layer, nn.Linear)]
    hidden = (inputs @ first.weight.T + first.bias).clamp(min=0)
    hidden = (hidden @ second.weight.T + second.bias).clamp(min=0)
    torch.testing.assert_close(model(users, items), (hidden @ model.output.weight.T + model.output.bias).squeeze(-1))


def test_mlp_wants_one_dropout_rate_per_hidden_layer() -> None:
    with pytest.raises(ConfigError, match="1 rates for 2 hidden layers"):
        mlp(hidden_dims=[3, 2])


def test_svdpp_adds_what_the_user_has_rated() -> None:
    model = SVDpp(**SMALL)
    model.observe(DATA)
    y, p, q = model.implicit_embedding.weight, model.user_embedding.weight, model.item_embedding.weight
    user0 = p[0] + (y[0] + y[1]) / math.sqrt(2)  # N(0) = {0, 1}
    user1 = p[1] + y[1]  # N(1) = {1}
    expected = torch.stack([4.0 + user0 @ q[2], 4.0 + user1 @ q[3], 4.0 + p[2] @ q[0]])  # N(2) is empty
    torch.testing.assert_close(model(torch.tensor([0, 1, 2]), torch.tensor([2, 3, 0])), expected)


def solve(model: Bias, data: TrainingData, epochs: int) -> Tensor:
    """Observe and sweep; the loss after the last sweep."""
    model.objective = RatingObjective(loss="mse", clip=False, scale=(1.0, 5.0))
    model.observe(data)
    return [model.solve(data, epoch) for epoch in range(epochs)][-1]


def test_bias_solves_its_two_normal_equations_in_turn() -> None:
    model = Bias(num_users=3, num_items=4, user_regularization=1.0, item_regularization=2.0)
    solve(model, DATA, epochs=1)
    # μ = 4; b_i first, with b_u = 0: item 0: (5 − 4)/(2 + 1); item 1: ((4 − 4) + (3 − 4))/(2 + 2)
    torch.testing.assert_close(model.item_bias, torch.tensor([1 / 3, -1 / 4, 0.0, 0.0]))
    # b_u: user 0: ((1 − 1/3) + (0 + 1/4))/(1 + 2); user 1: (−1 + 1/4)/(1 + 1); user 2 has no rating
    torch.testing.assert_close(model.user_bias, torch.tensor([(2 / 3 + 1 / 4) / 3, (-3 / 4) / 2, 0.0]))


def test_bias_converges_to_ridge_regression() -> None:
    random = torch.Generator().manual_seed(1)
    users, items = torch.randint(6, (60,), generator=random), torch.randint(5, (60,), generator=random)
    data = TrainingData(users, items, 5 * torch.rand(60, generator=random), 6, 5, (0.0, 5.0), "")
    model = Bias(num_users=6, num_items=5, user_regularization=3.0, item_regularization=2.0)
    solve(model, data, epochs=200)
    design = torch.cat([nn.functional.one_hot(users, 6), nn.functional.one_hot(items, 5)], 1).double()
    ridge = torch.diag(torch.tensor([3.0] * 6 + [2.0] * 5, dtype=torch.float64))
    exact = torch.linalg.solve(
        design.T @ design + ridge, design.T @ (data.targets.double() - data.targets.double().mean())
    )
    torch.testing.assert_close(torch.cat([model.user_bias, model.item_bias]).double(), exact, atol=1e-4, rtol=1e-4)


def test_the_embedding_layer_written_by_hand_is_the_librarys() -> None:
    """Values, gradients, and three steps of Adam, bit for bit (reference B3)."""
    torch.manual_seed(0)
    hand, library = Lookup(9, 4), nn.Embedding(9, 4)
    with torch.no_grad():
        hand.weight.copy_(library.weight)
    indices = torch.tensor([[0, 3, 3], [8, 0, 3]])
    optimizers = [torch.optim.Adam(layer.parameters(), 0.1) for layer in (hand, library)]
    for _ in range(3):
        for layer, optimizer in zip((hand, library), optimizers, strict=True):
            optimizer.zero_grad()
            values = layer(indices)
            assert values.shape == (2, 3, 4)
            values.square().sum().backward()
            optimizer.step()
        assert hand.weight.grad is not None
        assert torch.equal(hand.weight.grad, library.weight.grad)
        assert torch.equal(hand.weight, library.weight)


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [("normal", -0.6, 0.6), ("uniform", -0.1, 0.1), ("uniform_positive", 0.0, 0.1), ("zeros", 0.0, 0.0)],
)
def test_initialisation_by_name_and_scale(name: str, low: float, high: float) -> None:
    weight = embedding_table("library", 200, 50, name, 0.1).weight
    assert low <= weight.min().item() <= weight.max().item() <= high
    if name == "normal":
        assert weight.std().item() == pytest.approx(0.1, rel=0.05)
    if name.startswith("uniform"):
        assert weight.mean().item() == pytest.approx((low + high) / 2, abs=0.005)


def test_unknown_initialisation() -> None:
    with pytest.raises(ValueError, match="gaussian"):
        initialize(torch.empty(2), "gaussian", 1.0)
