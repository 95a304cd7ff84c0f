"""Schemas of the top-level configuration keys; nodes with a ``_target_`` are checked against its signature."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from hydrarec.core.kinds import Count, Finite, FolderName, Index, Parallel, Positive, Repeats, Seed


@dataclass(frozen=True)
class TrainConfig:
    """``conf/train.yaml``."""

    name: FolderName
    seed: Seed
    resume: str | None
    replay: str | None
    output_dir: str
    save_predictions: bool
    save_data: bool
    dataset: dict
    filter: dict
    split: dict
    task: dict
    model: dict
    optimizer: dict
    scheduler: dict
    trainer: dict
    callbacks: dict
    logger: dict
    published: list[dict] | dict | None


@dataclass(frozen=True)
class SweepConfig:
    """``sweep``: settings of a command with ``-m`` as a whole, not of a single run.

    Attributes:
        name: names the sweep's folder; a sweep with the same name reuses the folder and skips its finished jobs.
        timeout: time limit per job in seconds.
        trials: number of trials per search, that is, per model.
        space: search space: key → range, in Hydra's sweep syntax.
        trial: set by a search; not for users.
    """

    name: FolderName
    timeout: Positive | None
    trials: Repeats
    space: dict
    trial: dict | None


@dataclass(frozen=True)
class GridConfig:
    """``hydra.sweeper`` of a grid; ``params``: overrides of the sweep by key, below those on the command line."""

    max_batch_size: Count
    params: dict | None


@dataclass(frozen=True)
class SearchConfig:
    """``hydra.sweeper`` of a search; see :class:`hydrarec.sweeps.search.Settings`."""

    n_jobs: int
    seed: Seed
    startup_trials: Index
    pruning: bool
    pruning_startup_trials: Index
    pruning_warmup_epochs: Index
    params: dict | None


@dataclass(frozen=True)
class TaskConfig:
    """``task``: the prediction task, its objective, and the metric that selects the best epoch.

    Attributes:
        rating_range: default for scorers that can squash their scores into the rating scale.
        monitor, mode: validation metric that selects the best epoch, and its direction; null selects the last epoch.
    """

    name: Literal["rating", "ranking"]
    monitor: str | None
    mode: Literal["min", "max"]
    rating_range: bool
    datamodule: dict
    objective: dict


@dataclass(frozen=True)
class LoggerConfig:
    """``logger``."""

    tensorboard: bool


@dataclass(frozen=True)
class Published:
    """An entry of ``published``: a published result that an experiment is compared with.

    Attributes:
        id, source: id and source of the row in the table of results.
        metric: key in ``result.json``; ``val/rmse`` is at the best epoch, ``val/rmse/last`` at the last.
        value: the published value; null if the source states a claim in words, which ``claim`` quotes.
        band: lowest and highest mean of our runs that counts as reproduced; ``reason``: why.
        first_epoch_beats: id of the experiment whose final value this one's first epoch is claimed to beat.
        on_request: excluded from ``ids=all`` (a large download, or hours of training).
        overrides: overrides of this row in addition to the experiment's; none by default.
        starts_from: settings that take a finished run's folder → overrides, separated by spaces, that produce that run.
    """

    id: str
    source: str
    metric: str
    value: Finite | None
    band: tuple[Finite, Finite]
    reason: str
    claim: str | None = None
    first_epoch_beats: str | None = None
    on_request: bool = False
    overrides: list[str] | None = None
    starts_from: dict | None = None


@dataclass(frozen=True)
class ReproduceConfig:
    """``conf/reproduce.yaml``."""

    ids: str | list[str]
    seeds: Repeats
    workers: Parallel
    output_dir: str


TASKS = ("rating", "ranking")

# Keys of a model's file that are not parameters of its class: its own defaults for other groups by task; its search space.
MODEL_NOTES = ("own_defaults", "search_space")

# Keys that own_defaults may set: conf/ reads each by ${own:<key>,<value>}, so any other source takes precedence.
OWN_DEFAULTS = (
    "optimizer.learning_rate",
    "optimizer.weight_decay",
    "trainer.epochs",
    "task.datamodule.batch_size",
    "task.datamodule.num_negatives",
    "task.objective.loss",
)

# Arguments that the run supplies, by regular expression on the node's path; settings must not give them.
SUPPLIED = {
    r"model": ("num_users", "num_items"),
    r"task\.datamodule": ("interactions", "split", "given_candidates", "unit", "steps_per_call", "seed"),
    r"task\.objective": ("scale", "popularity"),
    r"optimizer": ("parameters",),
    r"scheduler": ("optimizer", "epochs", "steps_per_epoch"),
    r"callbacks\.\w+": ("history", "interactions"),
}
