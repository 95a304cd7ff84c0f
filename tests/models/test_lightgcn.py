"""LightGCN against dense matrix products, gradients included, and its cache in evaluation."""

from __future__ import annotations

from pathlib import Path

import pytest
import pytorch_lightning as pl
import torch
from torch import Tensor

from hydrarec.config.composition import compose_config
from hydrarec.data.batching.batches import Batch, TrainingData
from hydrarec.data.batching.loaders import BatchLoader
from hydrarec.data.batching.negatives import NegativeSampler
from hydrarec.data.batching.samples import ContrastedSamples
from hydrarec.models.base import Recommender
from hydrarec.models.lightgcn import Graph, LightGCN
from hydrarec.runs.checkpoint import AtomicCheckpointIO
from hydrarec.tasks.base import Objective
from hydrarec.tasks.ranking import RankingObjective
from hydrarec.training.assembly import factory

NUM_USERS, NUM_ITEMS = 7, 5  # user 6 and item 4 have no interaction
USERS, ITEMS = torch.arange(NUM_USERS), torch.arange(NUM_ITEMS)
PAIRS = Batch(torch.tensor([[0], [3], [6], [0]]), torch.tensor([[0, 3], [0, 4], [2, 1], [0, 4]]), torch.empty(4, 2))


def interactions() -> TrainingData:
    """Twelve pairs; user 6 and item 4 have none."""
    users = torch.tensor([0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 5, 5])
    items = torch.tensor([0, 1, 2, 0, 3, 1, 2, 0, 3, 2, 1, 3])
    return TrainingData(users, items, torch.ones(12), NUM_USERS, NUM_ITEMS, None, "")


def fit(model: Recommender, loader: BatchLoader, objective: Objective, epochs: int) -> pl.Trainer:
    """Train with Adam at 0.03; the trainer, for its checkpoint."""
    model.attach(
        objective=objective,
        optimizer=factory(compose_config(["optimizer.learning_rate=0.03", "optimizer.weight_decay=0"]).optimizer),
        scheduler=factory(compose_config([]).scheduler),
        steps_per_epoch=loader.steps_per_epoch,
        steps_per_call=2,
        seed=0,
    )
    trainer = pl.Trainer(
        accelerator="cpu",
        max_epochs=epochs,
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        enable_checkpointing=False,
        plugins=[AtomicCheckpointIO()],
        use_distributed_sampler=False,
    )
    trainer.fit(model.train(), loader)
    model.eval()
    return trainer


def small_model(data: TrainingData | None = None, **changes: object) -> LightGCN:
    torch.manual_seed(0)
    data = data or interactions()
    settings = {"embedding_dim": 3, "embedding": "library", "init": "normal", "init_scale": 1.0, "num_layers": 3}
    model = LightGCN(**{"num_users": data.num_users, "num_items": data.num_items, "l2": 0.1, **settings, **changes})  # type: ignore[arg-type]
    model.observe(data)
    model.objective = bpr_objective(data)
    return model


def bpr_objective(data: TrainingData) -> RankingObjective:
    popularity = torch.bincount(data.items, minlength=data.num_items)
    return RankingObjective(loss="bpr", protocol="full", ks=[1], num_candidates=1, popularity=popularity)


def dense_embeddings(weights: Tensor, data: TrainingData, num_layers: int) -> Tensor:
    """Eq. 8 with the whole (num_users + num_items)² matrix written down, in float64."""
    nodes = data.num_users + data.num_items
    adjacency = torch.zeros(nodes, nodes, dtype=torch.float64)
    adjacency[data.users, data.num_users + data.items] = 1
    adjacency = adjacency + adjacency.T
    scale = adjacency.sum(1).pow(-0.5).nan_to_num(posinf=0)
    normalised = scale[:, None] * adjacency * scale
    layers = [weights.double()]
    for _ in range(num_layers):
        layers.append(normalised @ layers[-1])
    return torch.stack(layers).mean(0)


def tables(model: LightGCN) -> Tensor:
    return torch.cat([model.user_embedding.weight, model.item_embedding.weight])


@pytest.mark.parametrize("num_layers", [1, 2, 3])
@pytest.mark.parametrize("with_gradient", [True, False])
def test_propagation_is_the_mean_of_powers_of_the_normalised_adjacency(num_layers: int, with_gradient: bool) -> None:
    model = small_model(num_layers=num_layers)
    expected = dense_embeddings(tables(model), interactions(), num_layers)
    with torch.set_grad_enabled(with_gradient):
        found = torch.cat(model.propagated())
    assert found.requires_grad == with_gradient
    torch.testing.assert_close(found, expected.float())
    torch.testing.assert_close(found[6], model.user_embedding.weight[6] / (num_layers + 1))  # no edge


def test_scores_are_dot_products_for_every_shape() -> None:
    model = small_model().eval()
    expected = dense_embeddings(tables(model), interactions(), 3).float()
    every = expected[:NUM_USERS] @ expected[NUM_USERS:].T
    torch.testing.assert_close(model.catalogue_scores(USERS), every)
    torch.testing.assert_close(model(USERS[:, None], ITEMS[None, :]), every)
    torch.testing.assert_close(model(USERS[:5], ITEMS), every[USERS[:5], ITEMS])
    torch.testing.assert_close(model(torch.tensor(3), ITEMS), every[3])
    assert model(torch.tensor(3), torch.tensor(2)).shape == ()


def test_loss_and_gradient_are_those_of_the_dense_formula() -> None:
    model = small_model().train()
    loss = model.batch_loss(PAIRS)
    loss.backward()
    weights = tables(model).detach().requires_grad_()
    final = dense_embeddings(weights, interactions(), 3)
    user, positive, negative = PAIRS.users[:, 0], NUM_USERS + PAIRS.items[:, 0], NUM_USERS + PAIRS.items[:, 1]
    margin = (final[user] * (final[positive] - final[negative])).sum(1)
    norms = sum(weights[rows].double().square().sum() for rows in (user, positive, negative))
    expected = -torch.log(torch.sigmoid(margin)).mean() + 0.1 / 2 * norms / len(user)
    expected.backward()
    torch.testing.assert_close(loss, expected.float())
    assert model.user_embedding.weight.grad is not None
    assert model.item_embedding.weight.grad is not None
    found = torch.cat([model.user_embedding.weight.grad, model.item_embedding.weight.grad])
    torch.testing.assert_close(found, weights.grad)


def test_evaluation_propagates_once_and_again_after_every_change(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    mean_of_layers = Graph.mean_of_layers
    monkeypatch.setattr(Graph, "mean_of_layers", lambda *args: calls.append(0) or mean_of_layers(*args))
    model = small_model().train()
    optimizer = torch.optim.Adam(model.parameters(), 0.1, fused=True)
    for expected in (3, 6, 9):  # forward, backward, evaluation
        optimizer.zero_grad()
        model.batch_loss(PAIRS).backward()
        optimizer.step()
        with torch.inference_mode():
            model.eval()
            found = [model(USERS[:, None], ITEMS), model.catalogue_scores(USERS), model.catalogue_scores(USERS)]
        assert len(calls) == expected
        final = dense_embeddings(tables(model), interactions(), 3).float()
        for scores in found:
            torch.testing.assert_close(scores, final[:NUM_USERS] @ final[NUM_USERS:].T)
        model.train()


@pytest.mark.parametrize("fused", [True, False])
@pytest.mark.parametrize("name", ["Adam", "SGD", "Adagrad"])
def test_what_evaluation_keeps_is_never_stale(name: str, fused: bool) -> None:
    """Steps of any optimiser, weights written in place, loaded weights and another graph, all in evaluation mode."""
    model = small_model().eval()
    optimizer = getattr(torch.optim, name)(model.parameters(), lr=0.1, fused=fused)

    @torch.no_grad()
    def check(data: TrainingData) -> None:
        final = dense_embeddings(tables(model), data, 3).float()
        torch.testing.assert_close(model.catalogue_scores(USERS), final[:NUM_USERS] @ final[NUM_USERS:].T)

    check(interactions())
    model.batch_loss(PAIRS).backward()
    optimizer.step()  # the fused ones change weights without a trace
    check(interactions())
    with torch.no_grad():
        model.user_embedding.weight[2, 1] = 7
    check(interactions())
    model.load_state_dict(
        {name: 0.5 * value if "weight" in name else value for name, value in model.state_dict().items()}
    )
    check(interactions())
    other = TrainingData(USERS[:5], ITEMS.flip(0), torch.ones(5), NUM_USERS, NUM_ITEMS, None, "")
    model.observe(other)
    check(other)


def test_weights_loaded_in_inference_mode_can_be_evaluated() -> None:
    with torch.inference_mode():
        model = small_model().eval()
        assert model(USERS[:, None], ITEMS).isfinite().all()


def blocks() -> tuple[TrainingData, TrainingData]:
    """Even users touch even items, odd users odd ones; one item of each user is withheld."""
    users, items = (grid.flatten() for grid in torch.meshgrid(torch.arange(12), torch.arange(10), indexing="ij"))
    alike, held = (users + items) % 2 == 0, items == (users * 3) % 10
    parts = [alike & ~held, alike & held]
    train, val = (TrainingData(users[m], items[m], torch.ones(int(m.sum())), 12, 10, None, "") for m in parts)
    return train, val


def test_learns_blocks_and_a_checkpoint_alone_restores_it(tmp_path: Path) -> None:
    train, held = blocks()
    model = small_model(train, init_scale=0.1, embedding_dim=8, l2=1e-4)
    sampler = NegativeSampler(train.users, train.items, 12, 10, None)
    samples = ContrastedSamples(train.users, train.items, torch.arange(len(train.users)), sampler, 1, 0)
    loader = BatchLoader(samples, batch_size=16, steps=2, seed=0)
    trainer = fit(model, loader, bpr_objective(train), epochs=40)
    scores = model.catalogue_scores(torch.arange(12))
    wanted = scores[held.users, held.items]
    others = (torch.arange(12)[:, None] + torch.arange(10)) % 2 == 1
    assert (wanted > scores.masked_fill(~others, -torch.inf).amax(1)[held.users]).all()
    trainer.save_checkpoint(tmp_path / "x.ckpt")
    restored = LightGCN.load_from_checkpoint(tmp_path / "x.ckpt").eval()
    assert torch.equal(restored.catalogue_scores(torch.arange(12)), scores)


def test_its_settings_train_it_with_bpr() -> None:
    config = compose_config(["task=ranking", "model=lightgcn"])
    assert config.model._target_ == "hydrarec.models.lightgcn.LightGCN"
    assert (config.task.objective.loss, config.task.datamodule.num_negatives) == ("bpr", 1)
    assert config.optimizer.weight_decay == 0
