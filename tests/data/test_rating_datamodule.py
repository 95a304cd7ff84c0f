"""The DataModule of ratings: parts, devices and counts."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import torch
from tests.data.test_splits import NoFolds, interactions

from hydrarec.data.datamodules.rating import RatingDataModule
from hydrarec.data.splits import RandomSplit


def module() -> RatingDataModule:
    data = interactions()
    split = RandomSplit(seed=0, val=0.2, test=0.2)(data, NoFolds())
    return RatingDataModule(interactions=data, split=split, batch_size=7, eval_batch_size=5, steps_per_call=2, seed=0)


def test_batches_hold_the_rows_of_their_part_and_no_others() -> None:
    made = module()
    for part in ("train", "val", "test"):
        rows = getattr(made.split, part)
        loader = getattr(made, f"{part}_dataloader")()
        seen = {(int(u), int(i)): float(t) for chunk in loader for b in chunk for u, i, t in zip(*b, strict=True)}
        data = made.interactions
        wanted = zip(data.users[rows], data.items[rows], data.ratings[rows], strict=True)
        assert seen == {(int(u), int(i)): float(t) for u, i, t in wanted}


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
