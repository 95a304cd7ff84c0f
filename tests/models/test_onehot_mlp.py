"""One-hot input and embeddings are one function class: with equal weights equal scores, gradients and training runs."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from tests.conftest import Execute
from tests.models.conftest import NUM_ITEMS, NUM_USERS, Make, training_data
from tests.models.test_contract import every_score, fit

from hydrarec.config.composition import compose_config
from hydrarec.core.errors import ConfigError
from hydrarec.models.mlp import MLP
from hydrarec.models.parts import layers
from hydrarec.models.parts.layers import OneHot, embedding_table
from hydrarec.training.assembly import factory
from hydrarec.training.memory_estimate import check_size


def pair_of_models(task: str = "rating") -> tuple[MLP, MLP]:
    """An MLP, and another on one-hot input with its weights."""
    embedded, one_hot = Make(task, "mlp")(), Make(task, "onehot_mlp")()
    assert isinstance(embedded, MLP)
    assert isinstance(one_hot, MLP)
    with torch.no_grad():
        for parameter in (*embedded.parameters(), *one_hot.parameters()):
            parameter.normal_()  # whatever they started with
    one_hot.load_state_dict(embedded.state_dict())
    return embedded, one_hot


def test_the_input_is_one_hot_and_the_first_layer_linear_without_bias() -> None:
    layer = OneHot(3, 2)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]))
    assert layer._rows(torch.tensor([2, 0])).tolist() == [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]
    assert layer(torch.tensor([[2], [0]])).tolist() == [[[5.0, 6.0]], [[1.0, 2.0]]]
    assert layer(torch.tensor(1)).tolist() == [3.0, 4.0]
    assert layer(torch.empty(0, 4, dtype=torch.int64)).shape == (0, 4, 2)


def test_the_two_layers_over_the_concatenated_rows_are_one_block_diagonal_layer() -> None:
    """[x_u, x_i] · [[P, 0], [0, Q]] = [p_u, q_i], what the tower is given."""
    _, model = pair_of_models()
    users, items = torch.tensor([0, 3, 6]), torch.tensor([4, 1, 1])
    concatenated = torch.zeros(3, NUM_USERS + NUM_ITEMS)
    concatenated[torch.arange(3), users] = 1
    concatenated[torch.arange(3), NUM_USERS + items] = 1
    weight = torch.block_diag(model.user_embedding.weight.detach(), model.item_embedding.weight.detach())
    expected = torch.cat([model.user_embedding(users), model.item_embedding(items)], dim=1)
    torch.testing.assert_close(concatenated @ weight, expected)


@pytest.mark.parametrize("task", ["rating", "ranking"])
def test_equal_weights_give_equal_scores_and_gradients(task: str) -> None:
    embedded, one_hot = pair_of_models(task)
    torch.testing.assert_close(every_score(one_hot), every_score(embedded), rtol=1e-6, atol=1e-6)
    everyone = torch.arange(NUM_USERS)
    torch.testing.assert_close(
        one_hot.catalogue_scores(everyone), embedded.catalogue_scores(everyone), rtol=1e-6, atol=1e-6
    )
    data = training_data()  # users and items come several times each
    for model in (embedded, one_hot):
        (model(data.users, data.items) - data.targets).square().mean().backward()
    found = dict(one_hot.named_parameters())
    assert set(found) == {name for name, _ in embedded.named_parameters()}
    for name, parameter in embedded.named_parameters():
        assert parameter.grad is not None
        assert found[name].grad is not None
        torch.testing.assert_close(found[name].grad, parameter.grad, rtol=1e-6, atol=1e-6, msg=name)
    assert embedded.user_embedding.weight.grad is not None
    assert embedded.user_embedding.weight.grad.abs().sum() > 0


def test_they_start_and_train_alike(tmp_path: Path) -> None:
    """With one seed they draw the same weights and the same dropout."""
    scores = []
    for name in ("mlp", "onehot_mlp"):
        model = Make("rating", name)()
        fit(model, training_data(), 5, tmp_path)
        scores.append(every_score(model))
    torch.testing.assert_close(scores[0], scores[1], rtol=1e-4, atol=1e-4)


def test_a_catalogue_exists_a_few_one_hot_rows_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    _, model = pair_of_models("ranking")
    whole = model.catalogue_scores(torch.arange(NUM_USERS))
    made: list[int] = []
    original = OneHot._rows

    def counted(self: OneHot, indices: torch.Tensor) -> torch.Tensor:
        made.append(len(indices) * len(self.weight))
        return original(self, indices)

    monkeypatch.setattr(OneHot, "_rows", counted)
    monkeypatch.setattr(layers, "_ONE_HOT_FLOATS", 2 * NUM_ITEMS)
    pieces = model.catalogue_scores(torch.arange(NUM_USERS))
    assert max(made) <= 2 * NUM_ITEMS
    torch.testing.assert_close(pieces, whole, rtol=1e-6, atol=1e-6)


def test_every_layer_draws_the_same_weights() -> None:
    drawn = []
    for layer in ("library", "one_hot"):
        torch.manual_seed(1)
        drawn.append(embedding_table(layer, 4, 3, "normal", 0.1).weight.detach())  # type: ignore[arg-type]
    assert torch.equal(*drawn)


def test_a_run_with_one_hot_input(execute: Execute, workplace: Path) -> None:
    results = [execute(workplace / name, f"model={name}")["metrics"]["test/rmse"] for name in ("mlp", "onehot_mlp")]
    assert results[1] == pytest.approx(results[0], abs=1e-4)


class _Large:
    num_users, num_items = 10**6, 10**5

    def __len__(self) -> int:
        return 10**6


def test_batches_too_large_for_this_machine_are_refused() -> None:
    large = _Large()
    refused = compose_config(["model=onehot_mlp", "model.embedding_dim=1", "task.datamodule.batch_size=10000000"])
    with pytest.raises(ConfigError, match=r"batch_size=10000000, needs about 40,9\d\d\.\d GiB") as caught:
        check_size(refused, factory(refused.model), large)  # type: ignore[arg-type]
    assert "model.embedding=library" in caught.value.fix
    fits = compose_config(["model=mlp", "model.embedding_dim=1", "task.datamodule.batch_size=10000000"])
    check_size(fits, factory(fits.model), large)  # type: ignore[arg-type]
