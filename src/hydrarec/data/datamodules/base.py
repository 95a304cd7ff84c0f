"""The base DataModule: a split of interactions on the device, with its fingerprint in checkpoints."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import cached_property
from typing import Any, ClassVar, TypeVar

import numpy as np
import pytorch_lightning as pl
import torch
from torch import Tensor

from hydrarec.core.errors import CheckpointError
from hydrarec.data.batching.batches import TrainingData, Unit
from hydrarec.data.batching.loaders import BatchLoader, Samples
from hydrarec.data.batching.samples import HistorySamples
from hydrarec.data.interactions import Interactions
from hydrarec.data.splits import Split

log = logging.getLogger(__name__)

OnDevice = TypeVar("OnDevice")


class InteractionsDataModule(pl.LightningDataModule, ABC):
    """Serves the parts of a split as ready batches.

    ``implicit``: every interaction counts as 1, whatever its rating.

    Args:
        interactions, split: the data and its parts.
        unit: unit of a batch row: an interaction, a user or an item.
        batch_size: samples (or users, or items) per optimiser step, over all processes; at most all of an epoch's.
        steps_per_call: optimiser steps per call of the training step.
        seed: seed of the sample order and of the negatives.
    """

    implicit: ClassVar[bool]

    def __init__(
        self,
        *,
        interactions: Interactions,
        split: Split,
        unit: Unit,
        batch_size: int,
        steps_per_call: int,
        seed: int,
    ) -> None:
        super().__init__()
        self.interactions, self.split, self.unit, self.seed = interactions, split, unit, seed
        self.steps_per_call = steps_per_call
        self._made: dict[str, Any] = {}
        self.batch_size = min(batch_size, self.num_samples)
        if batch_size > self.num_samples:
            log.warning(
                "task.datamodule.batch_size=%d is more than the %d training samples: every step takes all of them",
                *(batch_size, self.num_samples),
            )

    # -- training -----------------------------------------------------------------------------------------------------

    @property
    def samples_per_row(self) -> int:
        """Samples per training row."""
        return 1

    @property
    def num_samples(self) -> int:
        """Samples per epoch, including negatives."""
        return len(self.split.train) if self.unit == "interactions" else len(self.histories)

    @cached_property
    def histories(self) -> HistorySamples:
        """Training samples of whole users or items."""
        return HistorySamples.of(self.unit, self.training_data())

    @property
    def steps_per_epoch(self) -> int:
        """Optimiser steps per epoch."""
        return self.train_dataloader().steps_per_epoch

    @cached_property
    def _training_data(self) -> TrainingData:
        data = self.interactions
        users, items, ratings = self.columns(self.split.train)
        targets, scale = (torch.ones(len(users)), None) if self.implicit else (ratings, data.scale)
        return TrainingData(users, items, targets, data.num_users, data.num_items, scale, self.fingerprint)

    def training_data(self) -> TrainingData:
        """The training part, on the CPU; contains no validation or test data."""
        return self._training_data

    @abstractmethod
    def training_samples(self) -> Samples:
        """Training samples of single interactions, on the device."""

    def train_dataloader(self) -> BatchLoader:
        """The loader of the training part, in the order of the epoch."""
        own = self.training_samples if self.unit == "interactions" else lambda: self.histories.to(self.device)
        return BatchLoader(
            self.on_device("train", own),
            batch_size=max(1, self.batch_size // self.samples_per_row),
            steps=self.steps_per_call,
            seed=self.seed,
            **self.share,
        )

    # -- evaluation ---------------------------------------------------------------------------------------------------

    @abstractmethod
    def evaluation(self, part: str, rows: np.ndarray) -> Any:
        """The loader of the given rows of ``part``, ``val`` or ``test``."""

    def val_dataloader(self) -> Any:
        """The loader of the validation part; none if the part is empty."""
        return self.evaluation("val", self.split.val) if len(self.split.val) else []

    def test_dataloader(self) -> Any:
        """The loader of the test part; none if the part is empty."""
        return self.evaluation("test", self.split.test) if len(self.split.test) else []

    # -- runs and checkpoints -----------------------------------------------------------------------------------------

    @property
    def fingerprint(self) -> str:
        """The fingerprint of the interactions and of their split."""
        return f"{self.interactions.fingerprint}-{self.split.fingerprint}"

    def report(self) -> dict[str, Any]:
        """Settings of samples and evaluation, for ``run.json``."""
        return {}

    def state_dict(self) -> dict[str, Any]:
        """The data's state for a checkpoint: fingerprints, and the raw ids of users and items."""
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
        """Return the batch unchanged; it is already on the device."""
        return batch

    # -- the device ---------------------------------------------------------------------------------------------------

    def on_device(self, part: str, make: Callable[[], OnDevice]) -> OnDevice:
        """The tensors of a part, cached; rebuilt if they are not on this process's device."""
        if part not in self._made or self._made[part].device != self.device:
            self._made[part] = make()
        return self._made[part]

    @property
    def device(self) -> torch.device:
        """The Trainer's device; the CPU without a Trainer."""
        return self.trainer.strategy.root_device if self.trainer is not None else torch.device("cpu")

    @property
    def share(self) -> dict[str, int]:
        """Rank of this process and number of processes."""
        if self.trainer is None:
            return {}
        return {"rank": self.trainer.global_rank, "world_size": self.trainer.world_size}

    def columns(self, rows: np.ndarray) -> tuple[Tensor, Tensor, Tensor]:
        """Users (int64), items (int64) and ratings (float32) of the given rows of the interactions."""
        data = self.interactions
        users, items = (torch.from_numpy(column[rows].astype(np.int64)) for column in (data.users, data.items))
        return users, items, torch.from_numpy(np.array(data.ratings[rows]))
