"""The base class of all models, which score (user, item) pairs and are fitted by the Trainer."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor

from hydrarec.core.blocks import floats_at_once
from hydrarec.core.distributed import average_gradients, sum_over_ranks
from hydrarec.core.errors import ConfigError, DivergedError
from hydrarec.core.precision import full_precision
from hydrarec.data.batching.batches import Batch, TrainingData, Unit, epoch_seed
from hydrarec.models.checkpointed import Checkpointed
from hydrarec.models.parts.schedule import Schedule
from hydrarec.tasks.base import Objective
from hydrarec.tasks.metrics.ranks import NotFiniteError

OptimizerFactory = Callable[[Any], torch.optim.Optimizer]
ScheduleFactory = Callable[..., Schedule]
Side = Literal["user", "item"]

# A loss this many times the untrained model's at the end of an epoch does not come back: in stable training it is below it,
# and with a learning rate that is too large it grows by orders of magnitude per epoch.
EXPLOSION = 1e6
_SCRATCH_FLOATS = 2**22  # size of temporaries while scoring a whole catalogue: 16 MiB, fits in caches


class Recommender(Checkpointed):
    """A model that scores users and items.

    A subclass implements ``__init__`` (keyword-only plain values, saved as hyper-parameters) and ``forward``. All other
    methods of the first section have defaults. Training-only state is attached from outside (:meth:`attach`) and is not
    saved in the checkpoint. Inference does not need it: ``Model.load_from_checkpoint(path)`` works on its own, with
    ``weights_only=True``.

    Args:
        num_users, num_items: sizes of the index spaces.
    """

    tasks: ClassVar[tuple[str, ...]] = ("rating", "ranking")  # tasks that this model supports
    trains_on: ClassVar[Unit] = "interactions"  # unit of one batch row
    floats_per_pair: int = 64  # memory to score one (user, item) pair in catalogue_scores

    objective: Objective
    _make_optimizer: OptimizerFactory
    _make_schedule: ScheduleFactory

    def __init__(self, *, num_users: int, num_items: int) -> None:
        super().__init__()
        self.save_hyperparameters()  # the subclass's: Lightning collects them along the __init__ chain
        self.automatic_optimization = False
        self.num_users, self.num_items = num_users, num_items
        self.evaluation: dict[str, float] = {}  # metrics of the latest evaluation, unrounded
        self.outcomes: dict[str, dict[str, Tensor]] = {}  # per part, per-row values of the latest evaluation, [N]

    # -- to override --------------------------------------------------------------------------------------------

    def forward(self, users: Tensor, items: Tensor) -> Tensor:
        """Raw scores, float32, of the shape that ``users`` and ``items`` (int64) broadcast to."""
        raise NotImplementedError(f"{type(self).__name__} must define forward(users, items)")

    def catalogue_scores(self, users: Tensor) -> Tensor:
        """Scores of every item, float32 [U, num_items], for ``users``, int64 [U].

        By default calls :meth:`forward` on all pairs, a few users at a time; override if scores are one matrix product.
        """
        items = torch.arange(self.num_items, device=users.device)
        step = max(1, floats_at_once(users.device, _SCRATCH_FLOATS) // (self.floats_per_pair * self.num_items))
        return torch.cat([self(some.unsqueeze(-1), items) for some in users.split(step)])

    def vectors(self, side: Side) -> Tensor | None:
        """Learned embeddings of all users or all items, float32 [n, D]; None for a model without embeddings."""
        table = getattr(self, f"{side}_embedding", None)
        return None if table is None else table.weight.detach()

    def biases(self, side: Side) -> Tensor | None:
        """Learned biases of all users or all items, float32 [n]; None for a model without biases."""
        table = getattr(self, f"{side}_bias", None)
        return None if table is None else table.weight.detach().flatten()

    def item_weights(self, items: Tensor) -> Tensor | None:
        """Contribution of each history item to the scores of ``items`` (int64 [n]): float32 [n, num_items].

        None for a model whose scores are not a sum over the history.
        """
        return None

    def scores_of_history(self, items: Tensor, targets: Tensor) -> Tensor:
        """Scores of every item, float32 [num_items], for a user outside the training data.

        By default raises an error: support for new users is optional.

        Args:
            items: the user's history, int64 [n]; duplicate items count once, with their mean target. A user without a
                history is treated as the mean user. targets: the ratings, 1 for implicit feedback, float32 [n].

        Raises:
            ConfigError: the model cannot score new users.
            CheckpointError: the checkpoint is too old to state its training task.
        """
        raise ConfigError(
            f"model {type(self).__name__} cannot score for a user it has never seen",
            expected="a model that folds users in, such as biased_dot, ease or u_autorec",
            fix="train one of these, or name a user of the training data: user=<raw id>",
            value=type(self).__name__,
        )

    def observe(self, data: TrainingData) -> None:
        """Initialise data-dependent state from the training data, once, before the first step. By default does nothing."""

    def working_bytes(self, interactions: int, batch_size: int) -> int:
        """Bytes that fitting to so many interactions takes at its peak, besides the weights, their gradients and moments.

        By default 0; override if the model computes anything that grows with users, items or the batch.
        """
        return 0

    def batch_loss(self, batch: Batch) -> Tensor:
        """The mean loss of a batch under the objective."""
        scores, pairs = self(batch.users, batch.items), torch.broadcast_shapes(batch.users.shape, batch.items.shape)
        if scores.shape != pairs:  # a loss would broadcast them silently
            raise ValueError(f"forward returned scores of shape {list(scores.shape)} for pairs of shape {list(pairs)}")
        return self.objective.loss(scores, batch.targets)

    def penalty(self) -> Tensor | None:
        """A penalty added to the loss of each step, besides the optimiser's weight decay; None for no penalty."""
        return None

    # -- training -----------------------------------------------------------------------------------------------

    def attach(
        self,
        *,
        objective: Objective,
        optimizer: OptimizerFactory,
        scheduler: ScheduleFactory,
        steps_per_epoch: int,
        steps_per_call: int,
        seed: int,
    ) -> None:
        """Attach the objective, optimiser and schedule factories, steps per epoch, and the dropout seed."""
        self.objective, self._make_optimizer, self._make_schedule = objective, optimizer, scheduler
        self.task = objective.task
        self._steps_per_epoch, self._steps_per_call, self._seed = steps_per_epoch, steps_per_call, seed

    def configure_optimizers(self) -> Any:
        optimizer = self._make_optimizer(self.parameters())
        epochs = self.trainer.max_epochs
        self.schedule = self._make_schedule(optimizer, epochs=epochs, steps_per_epoch=self._steps_per_epoch)
        # Also given to Lightning, so that the schedule's state is saved in the checkpoint.
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": self.schedule.scheduler}}

    @property
    def learning_rate(self) -> float | None:
        """The learning rate of the next optimiser step; None for a model without an optimiser."""
        return float(self.trainer.optimizers[0].param_groups[0]["lr"])

    def training_step(self, chunk: list[Batch], batch_idx: int) -> None:
        """Take one optimiser step per batch of the chunk."""
        # Dropout depends on (seed, epoch, chunk, process), so a resumed run draws the same masks as an uninterrupted one.
        share = batch_idx * self.trainer.world_size + self.trainer.global_rank
        torch.manual_seed(epoch_seed(self._seed, self.current_epoch, share))
        counted = self.optimizers()
        assert not isinstance(counted, list)
        optimizer: torch.optim.Optimizer = counted.optimizer
        last, losses = len(chunk) - 1, []
        for step, batch in enumerate(chunk):
            optimizer.zero_grad()
            loss = self.batch_loss(batch)
            losses.append(loss.detach())
            penalty = self.penalty()
            (loss if penalty is None else loss + penalty).backward()
            average_gradients(self.parameters(), batch.targets.numel())
            # Lightning counts only steps of its own wrapper; without one per chunk, global_step would stay 0.
            (counted if step == last else optimizer).step()
            if self.schedule.moves == "step":
                self.schedule.scheduler.step()
        self._account(torch.stack(losses), chunk, batch_idx)

    def _account(self, losses: Tensor, chunk: list[Batch], batch_idx: int) -> None:
        """Add a chunk's losses [steps] to the epoch's mean; raise at the first non-finite loss."""
        sizes = torch.tensor([batch.targets.numel() for batch in chunk], dtype=torch.float64)
        losses = losses.cpu().double()
        own = float((losses * sizes)[sizes > 0].sum())  # this process's share of a batch may be empty, its mean NaN
        ends = [(float(losses[k] * sizes[k]) if sizes[k] else 0.0, float(sizes[k])) for k in (0, -1)]
        total, samples, *sums = sum_over_ranks(own, float(sizes.sum()), *ends[0], *ends[1], device=self.device)
        if not math.isfinite(total):
            broken = (~losses.isfinite() & (sizes > 0)).nonzero()
            first = int(broken[0]) if len(broken) else len(chunk) - 1
            step = batch_idx * self._steps_per_call + first + 1
            raise self._diverged("the training loss", losses[first].item(), f", step {step}")
        if self.first_loss is None:
            self.first_loss = sums[0] / max(sums[1], 1)
        self._check_explosion(sums[2] / max(sums[3], 1))
        self.training_loss.add(total, int(samples))

    def _check_explosion(self, loss: float) -> None:
        """Raise if an epoch ends with a loss far above that of the untrained model; peaks within an epoch may pass."""
        assert self.first_loss is not None
        if self.trainer.is_last_batch and loss > EXPLOSION * max(self.first_loss, 1.0):
            raise self._diverged("the training loss", loss, f" (it began at {self.first_loss:.4g})")

    def _diverged(self, what: str, value: float, step: str = "") -> DivergedError:
        rate = self.learning_rate
        return DivergedError(
            f"{what} became {value:.6g} in epoch {self.current_epoch + 1}{step}"
            + ("" if rate is None else f", at learning rate {rate:g}"),
            expected="a finite loss; the last finite checkpoint is kept",
            fix="smaller initial weights" + ("" if rate is None else f", or optimizer.learning_rate={rate / 10:g}"),
            value=value,
        )

    def on_train_epoch_start(self) -> None:
        self.evaluation = {}  # an epoch without validation has no metrics

    def on_train_epoch_end(self) -> None:
        if self.schedule.moves == "epoch":
            self.schedule.scheduler.step()
        elif self.schedule.moves == "metric" and "val/loss" in self.evaluation:
            self.schedule.scheduler.step(self.evaluation["val/loss"])  # type: ignore[arg-type]

    # -- evaluation ---------------------------------------------------------------------------------------------

    def on_validation_epoch_start(self) -> None:
        self.objective.reset(thorough=self.trainer.state.fn != "fit")

    def validation_step(self, chunk: list[Any], batch_idx: int) -> None:
        try:
            with full_precision(self.device):
                for batch in chunk:
                    self.objective.evaluate(self, batch)
        except NotFiniteError as error:
            raise self._diverged("a score", math.nan) from error

    on_test_epoch_start, test_step = on_validation_epoch_start, validation_step

    def on_validation_epoch_end(self) -> None:
        self._finish_evaluation("val")

    def on_test_epoch_end(self) -> None:
        self._finish_evaluation("test")

    def _finish_evaluation(self, part: str) -> None:
        metrics = {f"{part}/{name}": float(value) for name, value in self.objective.report().items()}
        for name, value in metrics.items():
            if not math.isfinite(value):
                raise self._diverged(name, value)
        self.evaluation = metrics
        self.outcomes[part] = self.objective.outcomes()
        self.log_dict({name: torch.tensor(value, dtype=torch.float64) for name, value in metrics.items()}, logger=False)
