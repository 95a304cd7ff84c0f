"""What every model promises, whatever it computes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytorch_lightning as pl
import torch
from tests.models.conftest import NUM_ITEMS, NUM_USERS, training_data

from hydrarec.assembly import factory
from hydrarec.checkpointing import AtomicCheckpointIO, load
from hydrarec.config.composition import compose_config
from hydrarec.data.batches import Batch, BatchLoader, TrainingData
from hydrarec.models.base import Recommender
from hydrarec.models.solved import SolvedRecommender
from hydrarec.objectives import RatingObjective

Make = Callable[..., Recommender]


def fit(model: Recommender, data: TrainingData, epochs: int, folder: Path, learning_rate: float = 0.05) -> pl.Trainer:
    """Train on all of ``data`` with Adam in batches of 16; the trainer, for its checkpoint."""
    loader = BatchLoader(Batch(data.users, data.items, data.targets), batch_size=16, steps=4, seed=0)
    model.attach(
        objective=RatingObjective(loss="mse", clip=False, scale=data.scale),
        optimizer=factory(compose_config([f"optimizer.learning_rate={learning_rate}"]).optimizer),
        scheduler=factory(compose_config([]).scheduler),
        steps_per_epoch=loader.steps_per_epoch,
        steps_per_call=4,
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
        default_root_dir=folder,
        use_distributed_sampler=False,
    )
    trainer.fit(model.train(), loader)
    model.eval()
    return trainer


def checkerboard(users: int = 12, items: int = 10) -> tuple[TrainingData, TrainingData]:
    """Ratings of 5 where user and item are both even or both odd, else 1; the diagonal is withheld."""
    grid_users, grid_items = (
        grid.flatten() for grid in torch.meshgrid(torch.arange(users), torch.arange(items), indexing="ij")
    )
    targets = 1.0 + 4.0 * ((grid_users + grid_items) % 2 == 0)
    held = grid_users == grid_items
    parts = [TrainingData(grid_users[m], grid_items[m], targets[m], users, items, (1.0, 5.0)) for m in (~held, held)]
    return parts[0], parts[1]


def test_scores_have_the_shape_that_users_and_items_broadcast_to(make: Make) -> None:
    model = make()
    users, items = torch.arange(NUM_USERS), torch.arange(NUM_ITEMS)
    every = model(users[:, None], items[None, :])
    assert every.shape == (NUM_USERS, NUM_ITEMS)
    assert every.dtype == torch.float32
    torch.testing.assert_close(
        every, torch.stack([model(users, items[i].expand(NUM_USERS)) for i in range(NUM_ITEMS)], dim=1)
    )
    assert model(torch.tensor(3), torch.tensor(2)).shape == ()
    torch.testing.assert_close(model(torch.tensor(3), torch.tensor(2)), every[3, 2])


def test_a_batch_of_one_and_none(make: Make) -> None:
    model = make()
    assert model(torch.tensor([6]), torch.tensor([4])).shape == (1,)
    assert model(torch.empty(0, dtype=torch.int64), torch.empty(0, dtype=torch.int64)).shape == (0,)


def test_scores_of_users_and_items_never_seen_are_finite(make: Make) -> None:
    assert make()(torch.tensor([6, 6, 0]), torch.tensor([4, 0, 4])).isfinite().all()


def test_scoring_is_independent_of_the_batch(make: Make) -> None:
    model = make()
    data = training_data()
    whole = model(data.users, data.items)
    pieces = torch.cat([model(u, i) for u, i in zip(data.users.split(5), data.items.split(5), strict=True)])
    torch.testing.assert_close(whole, pieces, rtol=0, atol=1e-6)


def test_a_checkpoint_alone_restores_the_scores(make: Make, tmp_path: Path) -> None:
    model, data = make(), training_data()
    trainer = fit(model, data, 2, tmp_path)
    trainer.save_checkpoint(tmp_path / "x.ckpt")
    restored = type(model).load_from_checkpoint(tmp_path / "x.ckpt", weights_only=True).eval()
    assert torch.equal(restored(data.users, data.items), model(data.users, data.items))


def test_saved_hyper_parameters_are_the_arguments_and_plain(make: Make, tmp_path: Path) -> None:
    model = make()
    assert model.hparams["num_users"] == NUM_USERS
    assert all(_plain(value) for value in model.hparams.values())
    fit(model, training_data(), 1, tmp_path).save_checkpoint(tmp_path / "x.ckpt")
    assert set(load(tmp_path / "x.ckpt")["hyper_parameters"]) == set(model.hparams)
    assert not {"objective", "optimizer", "scheduler"} & set(model.hparams)


def _plain(value: object) -> bool:
    if isinstance(value, list | tuple):
        return all(_plain(entry) for entry in value)
    return value is None or type(value) in (bool, int, float, str)


def test_learns_its_training_ratings(make: Make, tmp_path: Path) -> None:
    model, data = make(), training_data()
    before = (model(data.users, data.items) - data.targets).square().mean()
    fit(model, data, 60, tmp_path)
    after = (model(data.users, data.items) - data.targets).square().mean()
    assert after < 0.5 * before or after < 0.6  # the bias model starts at the mean and cannot fit interactions


def test_learns_the_checkerboard(make: Make, tmp_path: Path) -> None:
    """The withheld diagonal is all 5; only interactions, not biases, can tell."""
    train, held = checkerboard()
    model = make(num_users=12, num_items=10, data=train)
    if isinstance(model, SolvedRecommender) and type(model).__name__ == "Bias":
        scores = model(held.users, held.items)
        assert (scores - train.targets.mean()).abs().max() < 0.5  # biases cannot, and must not pretend to
        return
    fit(model, train, 250, tmp_path, learning_rate=0.03)
    assert model(held.users, held.items).mean() > 4.0
