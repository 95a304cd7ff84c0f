"""The base of models that are counted or solved instead of descended."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from hydrarec.core.errors import DivergedError
from hydrarec.data.batching.batches import Batch, TrainingData, epoch_seed
from hydrarec.models.base import Recommender


class SolvedRecommender(Recommender):
    """A model that is counted or solved instead of descended: each epoch is one call of :meth:`solve`.

    It trains through the same Trainer, run folder, checkpoints and evaluation as the others; optimiser and schedule
    have nothing to do. Its parameters are buffers.
    """

    def __init__(self, *, num_users: int, num_items: int) -> None:
        super().__init__(num_users=num_users, num_items=num_items)
        self._data: TrainingData | None = None

    def solve(self, data: TrainingData, epoch: int) -> Tensor | None:
        """One sweep over the training part, which lies on the model's device.

        Returns its loss after the sweep, the mean over the rows, a scalar; None for a model that minimises nothing.
        """
        raise NotImplementedError(f"{type(self).__name__} must define solve(data, epoch)")

    def observe(self, data: TrainingData) -> None:
        self._data = data

    def configure_optimizers(self) -> None:
        return None

    @property
    def learning_rate(self) -> None:
        return None

    def on_fit_start(self) -> None:
        assert self._data is not None, "observe() comes before fit"
        self._data = self._data.to(self.device)

    def training_step(self, chunk: list[Batch], batch_idx: int) -> None:
        if batch_idx > 0:  # the sweep of this epoch is done
            return
        assert self._data is not None
        torch.manual_seed(epoch_seed(self._seed, self.current_epoch))
        try:
            with torch.no_grad():
                loss = self.solve(self._data, self.current_epoch)
        except torch.linalg.LinAlgError as error:  # type: ignore[attr-defined]
            raise DivergedError(
                f"the equations of epoch {self.current_epoch + 1} have no solution: {str(error).splitlines()[0]}",
                expected="a positive definite system",
                fix="a larger model.regularization",
            ) from error
        rows = len(self._data.targets)
        self.training_loss.add(math.nan if loss is None else float(loss) * rows, rows)

    def on_train_epoch_end(self) -> None:
        pass
