"""The base of every DataModule: a split of interactions, on the device, with what a checkpoint must know of it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import cached_property
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from torch import Tensor

from hydrarec.core.errors import CheckpointError, ConfigError
from hydrarec.data.batching.batches import TrainingData, Unit
from hydrarec.data.batching.loaders import BatchLoader
from hydrarec.data.batching.samples import HistorySamples
from hydrarec.data.interactions import Interactions
from hydrarec.data.splits import Split


class InteractionsDataModule(pl.LightningDataModule, ABC):
    """Parts of interactions as ready batches.

    Args:
        interactions, split: the data and its parts.
        unit: what a row of a batch is, as the model wants it.
        batch_size: samples per optimiser step, over all processes; or users, or items.
        steps_per_call: optimiser steps per call of the training step.
        seed: of the order of the samples, and of what is drawn for them.

    Raises:
        ConfigError: a batch larger than the training part.
    """

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
        self.batch_size, self.steps_per_call = batch_size, steps_per_call
        if batch_size > self.num_samples:
            raise ConfigError(
                f"task.datamodule.batch_size={batch_size:,} is larger than the {self.num_samples:,} training samples",
                expected=f"1 to {self.num_samples}",
                fix=f"task.datamodule.batch_size={min(4096, self.num_samples)}",
                value=batch_size,
            )

    @property
    def num_samples(self) -> int:
        """Samples of one epoch, drawn ones included."""
        return len(self.split.train) if self.unit == "interactions" else len(self.histories)

    @cached_property
    def histories(self) -> HistorySamples:
        """Whole users or items as training samples."""
        return HistorySamples.of(self.unit, self.training_data())

    @property
    def steps_per_epoch(self) -> int:
        """Optimiser steps of one epoch."""
        return self.train_dataloader().steps_per_epoch

    @abstractmethod
    def train_dataloader(self) -> BatchLoader:
        """The training part in the order of the epoch."""

    @property
    def fingerprint(self) -> str:
        """Of what is trained on: the interactions and their split."""
        return f"{self.interactions.fingerprint}-{self.split.fingerprint}"

    @abstractmethod
    def training_data(self) -> TrainingData:
        """The training part, on the CPU; nothing of validation or test is in it."""

    def report(self) -> dict[str, Any]:
        """What ``run.json`` tells of how samples and evaluations are made."""
        return {}

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

    @property
    def device(self) -> torch.device:
        return self.trainer.strategy.root_device if self.trainer is not None else torch.device("cpu")

    @property
    def share(self) -> dict[str, int]:
        """This process's rank among how many."""
        if self.trainer is None:
            return {}
        return {"rank": self.trainer.global_rank, "world_size": self.trainer.world_size}

    def columns(self, rows: np.ndarray) -> tuple[Tensor, Tensor, Tensor]:
        """Users and items, int64, and ratings, float32, of ``rows`` of the interactions."""
        data = self.interactions
        users, items = (torch.from_numpy(column[rows].astype(np.int64)) for column in (data.users, data.items))
        return users, items, torch.from_numpy(np.array(data.ratings[rows]))
