"""Contract tests that every model must pass under every task it supports."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest
import pytorch_lightning as pl
import torch
from omegaconf import DictConfig
from tests.models.conftest import NUM_ITEMS, NUM_USERS, Make, implicit, model_config
from torch import Tensor

from hydrarec.config.composition import compose_config
from hydrarec.data.batching.batches import TrainingData
from hydrarec.data.batching.loaders import BatchLoader, Samples
from hydrarec.data.batching.negatives import NegativeSampler
from hydrarec.data.batching.samples import ContrastedSamples, HistorySamples, RatedSamples
from hydrarec.models.base import Recommender, Side
from hydrarec.runs.checkpoint import AtomicCheckpointIO, load
from hydrarec.tasks.base import Objective
from hydrarec.tasks.ranking import RankingObjective
from hydrarec.tasks.rating import RatingObjective
from hydrarec.training.assembly import factory

NUM_NEGATIVES = 4
STEPS = 8  # per call of the Trainer: all of an epoch
WITHOUT_INTERACTIONS = ("bias", "popularity")  # they know users or items, not pairs


def samples_of(model: Recommender, data: TrainingData, excluded: TrainingData) -> Samples:
    """What the task's DataModule would train on; no negative is a pair of ``excluded``."""
    if model.trains_on != "interactions":
        return HistorySamples.of(model.trains_on, data)
    if data.scale is not None:
        return RatedSamples(data.users, data.items, data.targets)
    sampler = NegativeSampler(excluded.users, excluded.items, data.num_users, data.num_items)
    positions = torch.arange(len(data.users))
    return ContrastedSamples(data.users, data.items, positions, sampler, NUM_NEGATIVES, seed=0)


def objective_of(data: TrainingData) -> Objective:
    if data.scale is not None:
        return RatingObjective(loss="mse", clip=False, scale=data.scale)
    counts = torch.bincount(data.items, minlength=data.num_items)
    return RankingObjective(loss="bce", protocol="full", ks=[2], num_candidates=9, popularity=counts)


@cache  # composing takes longer than most of these models train
def compose_once(*overrides: str) -> DictConfig:
    return compose_config(list(overrides))


def optimizer_config(learning_rate: float, weight_decay: float) -> DictConfig:
    overrides = f"optimizer.learning_rate={learning_rate}", f"optimizer.weight_decay={weight_decay}"
    return compose_once(*overrides).optimizer


def fit(
    model: Recommender,
    data: TrainingData,
    epochs: int,
    folder: Path,
    *,
    learning_rate: float = 0.05,
    weight_decay: float = 0.0,
    excluded: TrainingData | None = None,
) -> pl.Trainer:
    """Train on all of ``data`` in batches of 16 with what goes with the model; the trainer, for its checkpoint."""
    loader = BatchLoader(samples_of(model, data, excluded or data), batch_size=16, steps=STEPS, seed=0)
    model.attach(
        objective=objective_of(data),
        optimizer=factory(optimizer_config(learning_rate, weight_decay)),
        scheduler=factory(compose_once().scheduler),
        steps_per_epoch=loader.steps_per_epoch,
        steps_per_call=STEPS,
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


def every_score(model: Recommender) -> Tensor:
    """[num_users, num_items]"""
    with torch.no_grad():
        return model(torch.arange(model.num_users)[:, None], torch.arange(model.num_items)[None, :])


def checkerboard(users: int = 12, items: int = 10) -> tuple[TrainingData, TrainingData]:
    """Ratings of 5 where user and item are both even or both odd, else 1; the diagonal is withheld."""
    grid_users, grid_items = (
        grid.flatten() for grid in torch.meshgrid(torch.arange(users), torch.arange(items), indexing="ij")
    )
    targets = 1.0 + 4.0 * ((grid_users + grid_items) % 2 == 0)
    held = grid_users == grid_items
    parts = [
        TrainingData(grid_users[m], grid_items[m], targets[m], users, items, (1.0, 5.0), "") for m in (~held, held)
    ]
    return parts[0], parts[1]


def fives(data: TrainingData) -> TrainingData:
    """Only the pairs rated 5, as implicit feedback."""
    liked = data.targets == 5
    return implicit(
        TrainingData(
            data.users[liked], data.items[liked], data.targets[liked], data.num_users, data.num_items, None, ""
        )
    )


# -- scoring -----------------------------------------------------------------------------------------------------------


def test_scores_have_the_shape_that_users_and_items_broadcast_to(make: Make) -> None:
    model = make()
    users, items = torch.arange(NUM_USERS), torch.arange(NUM_ITEMS)
    every = model(users[:, None], items[None, :])
    assert every.shape == (NUM_USERS, NUM_ITEMS)
    assert every.dtype == torch.float32
    each = torch.stack([model(users, items[i].expand(NUM_USERS)) for i in range(NUM_ITEMS)], dim=1)  # [B] × [B]
    torch.testing.assert_close(every, each)
    candidates = torch.tensor([[0, 3], [4, 4], [2, 1]])
    own = model(users[1:4, None], candidates)  # [B, 1] × [B, C]
    assert own.shape == (3, 2)
    torch.testing.assert_close(own, every[1:4].gather(1, candidates))
    assert model(torch.tensor(3), torch.tensor(2)).shape == ()
    torch.testing.assert_close(model(torch.tensor(3), torch.tensor(2)), every[3, 2])


def test_a_catalogue_is_scored_like_its_pairs(make: Make, tmp_path: Path) -> None:
    model, items = make(), torch.arange(NUM_ITEMS)
    fit(model, make.data(), 1, tmp_path)  # so that no term is zero
    for users in (torch.arange(NUM_USERS), torch.tensor([6]), torch.tensor([2, 0, 2])):
        scores = model.catalogue_scores(users)
        assert scores.dtype == torch.float32
        torch.testing.assert_close(scores, model(users[:, None], items), atol=1e-5, rtol=0)


def test_a_catalogue_is_scored_in_any_number_of_pieces(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    model, users = make(), torch.arange(NUM_USERS)
    whole = model.catalogue_scores(users)
    monkeypatch.setattr("hydrarec.models.base._SCRATCH_FLOATS", 1)
    torch.testing.assert_close(model.catalogue_scores(users), whole, atol=1e-5, rtol=0)


def test_a_batch_of_one_and_none(make: Make) -> None:
    model = make()
    assert model(torch.tensor([6]), torch.tensor([4])).shape == (1,)
    assert model(torch.empty(0, dtype=torch.int64), torch.empty(0, dtype=torch.int64)).shape == (0,)
    assert model(torch.empty(0, 1, dtype=torch.int64), torch.empty(0, 5, dtype=torch.int64)).shape == (0, 5)


def test_scores_of_users_and_items_never_seen_are_finite(make: Make) -> None:
    assert make()(torch.tensor([6, 6, 0]), torch.tensor([4, 0, 4])).isfinite().all()


def test_scoring_is_independent_of_the_batch(make: Make) -> None:
    model, data = make(), make.data()
    whole = model(data.users, data.items)
    pieces = torch.cat([model(u, i) for u, i in zip(data.users.split(5), data.items.split(5), strict=True)])
    torch.testing.assert_close(whole, pieces, rtol=0, atol=1e-6)


# -- checkpoints -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("side", "rows"), [("user", NUM_USERS), ("item", NUM_ITEMS)])
def test_learned_embeddings_and_biases_have_a_row_each(make: Make, side: Side, rows: int) -> None:
    model = make().eval()
    vectors, biases = model.vectors(side), model.biases(side)
    for learned in (vectors, biases):
        assert learned is None or (learned.dtype == torch.float32 and not learned.requires_grad)
    assert vectors is None or (vectors.ndim == 2 and len(vectors) == rows)
    assert biases is None or biases.shape == (rows,)


def test_a_checkpoint_alone_restores_the_scores(make: Make, tmp_path: Path) -> None:
    model = make()
    fit(model, make.data(), 2, tmp_path).save_checkpoint(tmp_path / "x.ckpt")
    restored = type(model).load_from_checkpoint(tmp_path / "x.ckpt", weights_only=True).eval()
    assert torch.equal(every_score(restored), every_score(model))
    users = torch.arange(NUM_USERS)
    assert torch.equal(restored.catalogue_scores(users), model.catalogue_scores(users))


def test_saved_hyper_parameters_are_the_arguments_and_plain(make: Make, tmp_path: Path) -> None:
    model = make()
    expected = {key: value for key, value in model_config(make.task, make.name).model.items() if key != "_target_"}
    assert dict(model.hparams) == {**expected, "num_users": NUM_USERS, "num_items": NUM_ITEMS}
    assert all(_plain(value) for value in model.hparams.values())
    fit(model, make.data(), 1, tmp_path).save_checkpoint(tmp_path / "x.ckpt")
    assert set(load(tmp_path / "x.ckpt")["hyper_parameters"]) == set(model.hparams)
    assert not {"objective", "optimizer", "scheduler"} & set(model.hparams)


def _plain(value: object) -> bool:
    if isinstance(value, list | tuple):
        return all(_plain(entry) for entry in value)
    return value is None or type(value) in (bool, int, float, str)


# -- learning ----------------------------------------------------------------------------------------------------------


def test_learns_its_training_data(make: Make, tmp_path: Path) -> None:
    model, data = make(), make.data()
    before = (every_score(model)[data.users, data.items] - data.targets).square().mean()
    fit(model, data, 60, tmp_path)
    scores = every_score(model)
    if make.task == "rating":
        after = (scores[data.users, data.items] - data.targets).square().mean()
        assert after < 0.5 * before or after < 0.6  # the bias model starts at the mean and cannot fit interactions
    else:
        assert auc(scores, data, data) > 0.65


# Weight decay and epochs. Small initial values find the few factors of the checkerboard without decay, large ones memorise
# what they are shown; deep ReLU layers die under as much decay as those need.
CHECKERBOARD_TRIALS = ((0.0, 60), (0.01, 120))


def test_learns_the_checkerboard(make: Make, tmp_path: Path) -> None:
    """The withheld diagonal is all 5; only interactions, not biases, can tell."""
    train, held = checkerboard()
    if make.task == "rating" and make.name in WITHOUT_INTERACTIONS:
        scores = make(num_users=12, num_items=10, data=train)(held.users, held.items)
        assert (scores - train.targets.mean()).abs().max() < 0.5
    elif make.name in WITHOUT_INTERACTIONS:
        assert 0.3 < checkerboard_auc(make, tmp_path, 0.0, 1) < 0.7  # and must not pretend to
    elif make.task == "rating":
        assert any(checkerboard_score(make, tmp_path, *trial) > 4.0 for trial in CHECKERBOARD_TRIALS)
    else:
        assert any(checkerboard_auc(make, tmp_path, *trial) > 0.95 for trial in CHECKERBOARD_TRIALS)


def checkerboard_score(make: Make, folder: Path, weight_decay: float, epochs: int) -> float:
    """The mean score of the withheld ratings, which are all 5."""
    train, held = checkerboard()
    weaker = {"regularization": 10.0} if make.name.endswith("autorec") else {}  # theirs is made for 10⁵ ratings
    model = make(num_users=12, num_items=10, data=train, **weaker)
    fit(model, train, epochs, folder, learning_rate=0.03, weight_decay=weight_decay)
    return model(held.users, held.items).mean().item()


def checkerboard_auc(make: Make, folder: Path, weight_decay: float, epochs: int) -> float:
    """The AUC of the withheld pairs, all of them liked."""
    train, held = checkerboard()
    known, relevant, both = fives(train), fives(held), fives(_together(train, held))
    rank = {"embedding_dim": 2} if make.name == "pure_svd" else {}  # with more it repeats the withheld zeros
    model = make(num_users=12, num_items=10, data=known, **rank)
    fit(model, known, epochs, folder, learning_rate=0.03, weight_decay=weight_decay, excluded=both)
    return auc(every_score(model), relevant, both)


def _together(one: TrainingData, other: TrainingData) -> TrainingData:
    """Both parts, sorted by user, then item."""
    users, items = torch.cat([one.users, other.users]), torch.cat([one.items, other.items])
    order = torch.argsort(users * one.num_items + items)
    targets = torch.cat([one.targets, other.targets])
    return TrainingData(users[order], items[order], targets[order], one.num_users, one.num_items, one.scale, "")


def auc(scores: Tensor, relevant: TrainingData, touched: TrainingData) -> float:
    """Share of the pairs (relevant item, item that its user has not touched) in the right order; a tie counts half."""
    untouched = torch.ones_like(scores, dtype=torch.bool)
    untouched[touched.users, touched.items] = False
    others = scores[relevant.users]  # [N, num_items]
    right = (scores[relevant.users, relevant.items, None] - others).sign().add(1).div(2)
    return right[untouched[relevant.users]].mean().item()
