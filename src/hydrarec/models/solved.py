"""The base of models that are solved or counted instead of trained by gradient descent."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from hydrarec.core.errors import DivergedError
from hydrarec.core.precision import full_precision
from hydrarec.data.batching.batches import Batch, TrainingData, epoch_seed
from hydrarec.models.base import Recommender


class SolvedRecommender(Recommender):
    """A model without gradient descent: each epoch is one call of :meth:`solve`.

    It uses the same Trainer, run folder, checkpoints and evaluation as other models, but no optimiser or schedule.
    Its parameters are buffers.
    """

    def __init__(self, *, num_users: int, num_items: int) -> None:
        super().__init__(num_users=num_users, num_items=num_items)
        self._data: TrainingData | None = None

    def solve(self, data: TrainingData, epoch: int) -> Tensor | None:
        """Run one sweep over the training data, which is on the model's device.

        Returns the mean loss over the rows after the sweep, a scalar; None for a model without a loss.
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
        if batch_idx > 0:  # one sweep per epoch
            return
        assert self._data is not None
        torch.manual_seed(epoch_seed(self._seed, self.current_epoch))
        try:
            with torch.no_grad(), full_precision(self.device):
                loss = self.solve(self._data, self.current_epoch)
        except torch.linalg.LinAlgError as error:  # type: ignore[attr-defined]
            raise DivergedError(
                f"the equations of epoch {self.current_epoch + 1} have no solution: {str(error).splitlines()[0]}",
                expected="a positive definite system",
                fix="a larger model.regularization",
            ) from error
        if loss is not None and not math.isfinite(loss):
            raise self._diverged("the training loss", float(loss))
        rows = len(self._data.targets)
        self.training_loss.add(math.nan if loss is None else float(loss) * rows, rows)

    def on_train_epoch_end(self) -> None:
        pass
