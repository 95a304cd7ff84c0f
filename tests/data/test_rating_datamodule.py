"""The DataModule of ratings: parts, devices and counts."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from tests.data.test_splits import NoFolds, interactions

from hydrarec.data.batching.batches import Unit
from hydrarec.data.datamodules.explicit import RatingDataModule
from hydrarec.data.splits import RandomSplit


def module(unit: Unit = "interactions", batch_size: int = 7) -> RatingDataModule:
    data = interactions()
    split = RandomSplit(seed=0, val=0.2, test=0.2)(data, NoFolds())
    return RatingDataModule(
        interactions=data, split=split, unit=unit, batch_size=batch_size, eval_batch_size=5, steps_per_call=2, seed=0
    )


def test_batches_hold_the_rows_of_their_part_and_no_others() -> None:
    made = module()
    for part in ("train", "val", "test"):
        rows = getattr(made.split, part)
        loader = getattr(made, f"{part}_dataloader")()
        seen = {(int(u), int(i)): float(t) for chunk in loader for b in chunk for u, i, t in zip(*b, strict=True)}
        data = made.interactions
        wanted = zip(data.users[rows], data.items[rows], data.ratings[rows], strict=True)
        assert seen == {(int(u), int(i)): float(t) for u, i, t in wanted}


@pytest.mark.parametrize("unit", ["users", "items"])
def test_whole_users_or_items_come_once_each_without_their_ratings(unit: Unit) -> None:
    made = module(unit, batch_size=3)
    batches = [batch for chunk in made.train_dataloader() for batch in chunk]
    seen = torch.cat([getattr(batch, unit) for batch in batches])
    assert sorted(seen.tolist()) == sorted(set(getattr(made.interactions, unit)[made.split.train].tolist()))
    assert made.num_samples == len(seen)
    assert made.steps_per_epoch == len(batches) == -(-len(seen) // 3)
    other = "items" if unit == "users" else "users"
    assert all(len(getattr(batch, other)) == 0 for batch in batches)
    assert all(torch.equal(batch.targets, torch.zeros(len(getattr(batch, unit)))) for batch in batches)
    evaluated = [len(batch.users) for chunk in made.val_dataloader() for batch in chunk]
    assert sum(evaluated) == len(made.split.val)  # single ratings, as ever


@pytest.mark.parametrize("unit", ["users", "items"])
def test_a_batch_of_more_users_or_items_than_there_are_takes_all_of_them(
    unit: Unit, caplog: pytest.LogCaptureFixture
) -> None:
    there = len(set(getattr(module().interactions, unit)[module().split.train].tolist()))
    assert there < 24, "there are fewer of them than ratings"
    assert module(unit, batch_size=there).batch_size == there
    assert not caplog.records
    assert module(unit, batch_size=there + 1).batch_size == there
    (record,) = caplog.records
    assert f"batch_size={there + 1} is more than the {there} training samples" in record.getMessage()


def test_steps_per_epoch_is_what_the_loader_delivers() -> None:
    made = module()
    assert made.steps_per_epoch == made.train_dataloader().steps_per_epoch == -(-24 // 7)


def test_parts_move_to_the_trainers_device_even_if_they_were_asked_for_before() -> None:
    made = module()
    assert made.train_dataloader().samples.device.type == "cpu"
    strategy = SimpleNamespace(root_device=torch.device("meta"))
    made.trainer = SimpleNamespace(strategy=strategy, global_rank=0, world_size=1)  # type: ignore[assignment]
    loaders = (made.train_dataloader(), made.val_dataloader(), made.test_dataloader())
    assert {loader.samples.device.type for loader in loaders} == {"meta"}


def test_training_data_are_the_training_part_alone() -> None:
    made = module()
    data = made.training_data()
    assert len(data.users) == len(made.split.train) == 24
    assert np.array_equal(data.targets.numpy(), made.interactions.ratings[made.split.train])
