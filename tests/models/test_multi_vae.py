"""Mult-VAE against its formula in NumPy, its annealing, and its state in a checkpoint."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from tests.models.test_lightgcn import blocks, fit, interactions

from hydrarec.data.batching.batches import Batch, TrainingData
from hydrarec.data.batching.loaders import BatchLoader
from hydrarec.data.batching.samples import HistorySamples
from hydrarec.models.multi_vae import MultiVAE
from hydrarec.models.parts import histories
from hydrarec.tasks.ranking import RankingObjective

NUM_USERS, NUM_ITEMS = 7, 5  # user 6 and item 4 have no interaction
USERS, ITEMS = torch.arange(NUM_USERS), torch.arange(NUM_ITEMS)
SOME = Batch(torch.tensor([3, 0, 5]), torch.empty(0, dtype=torch.int64), torch.zeros(3))


def small_model(data: TrainingData | None = None, **changes: object) -> MultiVAE:
    torch.manual_seed(0)
    data = data or interactions()
    settings = {"hidden_dims": [4], "latent_dim": 2, "input_dropout": 0.0, "beta": 0.2, "anneal_steps": 10}
    model = MultiVAE(num_users=data.num_users, num_items=data.num_items, **{**settings, **changes})  # type: ignore[arg-type]
    model.observe(data)
    return model


def history_matrix(data: TrainingData) -> np.ndarray:
    matrix = np.zeros((data.num_users, data.num_items))
    matrix[data.users, data.items] = 1
    return matrix


def layers_of(model: MultiVAE) -> list[tuple[np.ndarray, np.ndarray]]:
    """Weights [in, out] and biases of the four layers of a network with one hidden layer on each side."""
    found = [(model.input_embedding.weight, model.input_bias)]
    linears = (model.encoder[1], model.decoder[0], model.decoder[2])
    found += [(layer.weight.T, layer.bias) for layer in linears]  # type: ignore[union-attr, misc]
    return [(weight.detach().double().numpy(), bias.detach().double().numpy()) for weight, bias in found]


def encoded(model: MultiVAE, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    (w1, b1), (w2, b2), *_ = layers_of(model)
    norm = np.maximum(np.sqrt((x**2).sum(1, keepdims=True)), 1e-12)
    both = np.tanh(x / norm @ w1 + b1) @ w2 + b2
    return both[:, :2], both[:, 2:]


def decoded(model: MultiVAE, z: np.ndarray) -> np.ndarray:
    *_, (w3, b3), (w4, b4) = layers_of(model)
    return np.tanh(z @ w3 + b3) @ w4 + b4


def test_scores_are_the_decoded_mean_without_dropout_or_noise() -> None:
    model = small_model(input_dropout=0.5).eval()
    mean, _ = encoded(model, history_matrix(interactions()))
    expected = torch.from_numpy(decoded(model, mean)).float()
    torch.testing.assert_close(model.catalogue_scores(USERS), expected)
    assert torch.equal(model.catalogue_scores(USERS), model.catalogue_scores(USERS))


@pytest.mark.parametrize("scratch", [2**24, 2 * NUM_ITEMS])  # all users at once, two at a time
def test_forward_gathers_from_the_catalogue_scores(scratch: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(histories, "GRAM_FLOATS", scratch)
    model = small_model().eval()
    every = model.catalogue_scores(USERS)
    shuffled = torch.tensor([6, 2, 2, 0, 5])
    for users, items in (
        (USERS[:, None], ITEMS),
        (shuffled, ITEMS),
        (shuffled[:, None], ITEMS.flip(0)[None, :3]),
        (torch.tensor(3), ITEMS),
        (torch.tensor(3), torch.tensor(2)),
        (shuffled[:0], ITEMS[:0]),
    ):
        torch.testing.assert_close(model(users, items), every[users, items])


@pytest.mark.parametrize("steps", [0, 4, 10, 25])
def test_the_loss_is_the_multinomial_likelihood_and_the_annealed_divergence(steps: int) -> None:
    model = small_model().train()
    model.steps.fill_(steps)
    torch.manual_seed(1)
    loss = model.batch_loss(SOME)
    torch.manual_seed(1)
    noise = torch.randn(3, 2).double().numpy()
    x = history_matrix(interactions())[SOME.users]
    mean, log_variance = encoded(model, x)
    logits = decoded(model, mean + noise * np.exp(log_variance / 2))
    log_softmax = logits - np.log(np.exp(logits).sum(1, keepdims=True))
    likelihood = (x * log_softmax).sum(1)
    divergence = 0.5 * (mean**2 + np.exp(log_variance) - log_variance - 1).sum(1)
    beta = 0.2 * min(1, steps / 10)
    assert loss.item() == pytest.approx((-likelihood + beta * divergence).mean(), rel=1e-5)
    loss.backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())


def test_the_divergence_counts_more_with_every_step_up_to_its_cap() -> None:
    model, weights = small_model().train(), []
    for _ in range(13):
        weights.append(model.kl_weight.item())
        model.batch_loss(SOME)
    assert weights == pytest.approx([0.02 * step for step in range(10)] + [0.2] * 3)


def test_dropout_scales_what_it_keeps_of_a_history() -> None:
    """With one item per user the first layer's input is 0 or 1/(1 − p)."""
    data = TrainingData(torch.arange(2000), torch.zeros(2000, dtype=torch.int64), torch.ones(2000), 2000, 2, None, "")
    model = small_model(data, input_dropout=0.75, hidden_dims=[]).train()
    mean, _ = model.encode(model.histories.take(torch.arange(2000)))
    inputs = (mean - model.input_bias[:2]) / model.input_embedding.weight[0, :2]
    kept = inputs[:, 0] > 2
    torch.testing.assert_close(inputs[kept], torch.full_like(inputs[kept], 4.0))
    torch.testing.assert_close(inputs[~kept], torch.zeros_like(inputs[~kept]))
    assert kept.float().mean().item() == pytest.approx(0.25, abs=0.04)


def test_a_user_without_a_history_gets_the_same_scores_as_any_other_such() -> None:
    model = small_model().eval()
    mean, _ = encoded(model, np.zeros((1, NUM_ITEMS)))
    expected = torch.from_numpy(decoded(model, mean)).float()
    torch.testing.assert_close(model.catalogue_scores(torch.tensor([6])), expected)


@pytest.mark.parametrize("hidden_dims", [[], [4], [6, 4]])
def test_the_decoder_mirrors_the_encoder(hidden_dims: list[int]) -> None:
    model = small_model(hidden_dims=hidden_dims)
    inwards = [NUM_ITEMS, model.input_embedding.weight.shape[1]]
    inwards += [layer.out_features for layer in model.encoder if isinstance(layer, torch.nn.Linear)]
    outwards = [layer.out_features for layer in model.decoder if isinstance(layer, torch.nn.Linear)]
    assert inwards == [NUM_ITEMS, *hidden_dims, 4]
    assert outwards == [*reversed(hidden_dims), NUM_ITEMS]
    assert model.catalogue_scores(USERS).shape == (NUM_USERS, NUM_ITEMS)


def test_learns_blocks_and_a_checkpoint_alone_restores_it(tmp_path: Path) -> None:
    data, held = blocks()
    model = small_model(data, hidden_dims=[16], latent_dim=4, input_dropout=0.5)
    popularity = torch.bincount(data.items, minlength=10)
    objective = RankingObjective(loss="bce", protocol="full", ks=[1], num_candidates=1, popularity=popularity)
    trainer = fit(
        model, BatchLoader(HistorySamples.of("users", data), batch_size=6, steps=2, seed=0), objective, epochs=60
    )
    scores = model.catalogue_scores(torch.arange(12))
    others = (torch.arange(12)[:, None] + torch.arange(10)) % 2 == 1
    assert (scores[held.users, held.items] > scores.masked_fill(~others, -torch.inf).amax(1)[held.users]).all()
    trainer.save_checkpoint(tmp_path / "x.ckpt")
    restored = MultiVAE.load_from_checkpoint(tmp_path / "x.ckpt").eval()
    assert torch.equal(restored.catalogue_scores(torch.arange(12)), scores)
    assert restored.steps.item() == 120
