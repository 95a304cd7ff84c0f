"""DataModules: a split of interactions as ready batches on the device."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch

from hydrarec.config.kinds import Count
from hydrarec.data.batches import Batch, BatchLoader, TrainingData
from hydrarec.data.interactions import Interactions
from hydrarec.data.splits import Split
from hydrarec.errors import CheckpointError, ConfigError


class RatingDataModule(pl.LightningDataModule):
    """Explicit ratings: batches of (user, item, rating).

    Args:
        interactions, split: the data and its parts.
        batch_size: ratings per optimiser step.
        eval_batch_size: ratings per forward pass of an evaluation.
        steps_per_call: optimiser steps per call of the training step.
        seed: of the order of the ratings.

    Raises:
        ConfigError: a batch larger than the training part.
    """

    def __init__(
        self,
        *,
        interactions: Interactions,
        split: Split,
        batch_size: Count,
        eval_batch_size: Count,
        steps_per_call: Count,
        seed: int,
    ) -> None:
        super().__init__()
        if batch_size > len(split.train):
            raise ConfigError(
                f"task.datamodule.batch_size={batch_size:,} is larger than the {len(split.train):,} training ratings",
                expected=f"1 to {len(split.train)}",
                fix=f"task.datamodule.batch_size={min(4096, len(split.train))}",
                value=batch_size,
            )
        self.interactions, self.split = interactions, split
        self.batch_size, self.eval_batch_size, self.steps_per_call, self.seed = (
            batch_size,
            eval_batch_size,
            steps_per_call,
            seed,
        )
        self._parts: dict[str, Batch] = {}

    @property
    def steps_per_epoch(self) -> int:
        """Optimiser steps of one epoch on one device."""
        return -(-len(self.split.train) // self.batch_size)

    def training_data(self) -> TrainingData:
        """The training part, on the CPU; no validation or test rating is in it."""
        part = self._rows(self.split.train)
        return TrainingData(*part, self.interactions.num_users, self.interactions.num_items, self.interactions.scale)

    def train_dataloader(self) -> BatchLoader:
        part = self._on_device("train", self.split.train)
        return BatchLoader(part, batch_size=self.batch_size, steps=self.steps_per_call, seed=self.seed, **self._share())

    def val_dataloader(self) -> BatchLoader | list[Any]:
        return self._evaluation("val", self.split.val)

    def test_dataloader(self) -> BatchLoader | list[Any]:
        return self._evaluation("test", self.split.test)

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint was trained on: fingerprints, and the raw ids behind its rows."""
        data = self.interactions
        return {
            "interactions": data.fingerprint,
            "split": self.split.fingerprint,
            "user_ids": data.user_ids.to_list(),
            "item_ids": data.item_ids.to_list(),
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Raise :class:`CheckpointError` for a checkpoint that was trained on other ratings or another split."""
        for what, here in (("interactions", self.interactions.fingerprint), ("split", self.split.fingerprint)):
            if state_dict[what] != here:
                raise CheckpointError(
                    f"the checkpoint was trained on other {what}: {state_dict[what][:12]}…, here {here[:12]}…",
                    expected=f"the {what} it was trained on",
                    fix="restore the data set as it was, or start a new run without resume",
                    value=state_dict[what],
                )

    def transfer_batch_to_device(self, batch: Any, device: torch.device, dataloader_idx: int) -> Any:
        return batch  # it lies there already

    def _evaluation(self, name: str, rows: np.ndarray) -> BatchLoader | list[Any]:
        if len(rows) == 0:
            return []
        return BatchLoader(
            self._on_device(name, rows), batch_size=self.eval_batch_size, steps=1, seed=None, **self._share()
        )

    def _on_device(self, name: str, rows: np.ndarray) -> Batch:
        device = self.trainer.strategy.root_device if self.trainer is not None else torch.device("cpu")
        if name not in self._parts or self._parts[name].users.device != device:
            self._parts[name] = Batch(*(column.to(device) for column in self._rows(rows)))
        return self._parts[name]

    def _rows(self, rows: np.ndarray) -> Batch:
        columns: Sequence[np.ndarray] = (self.interactions.users, self.interactions.items, self.interactions.ratings)
        users, items, ratings = (torch.from_numpy(np.array(column[rows])) for column in columns)
        return Batch(users.long(), items.long(), ratings)

    def _share(self) -> dict[str, int]:
        if self.trainer is None:
            return {}
        return {"rank": self.trainer.global_rank, "world_size": self.trainer.world_size}
