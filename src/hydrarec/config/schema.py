"""The top level of each entry point's configuration; what lies below is judged by the signatures of its ``_target_``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from hydrarec.core.kinds import Count, Finite, Positive, Seed


@dataclass(frozen=True)
class TrainConfig:
    """``conf/train.yaml``."""

    name: str
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
    """``sweep``: of all runs of a command with ``-m``, and of no single one.

    Attributes:
        name: of the sweep's folder; the same name, the same folder, and what is finished in it is not run again.
        timeout: seconds that a job may take.
        trials: of a search, per model.
        space: of a search: what is varied, and where, in Hydra's words for sweeps.
        trial: set by a search.
    """

    name: str
    timeout: Positive | None
    trials: Count
    space: dict
    trial: dict | None


@dataclass(frozen=True)
class TaskConfig:
    """``task``: what is predicted, with which objective, and which metric selects, stated once.

    Attributes:
        rating_range: whether scorers that can squash their scores into the scale of the ratings do so by default.
        monitor, mode: the validation metric that selects the best epoch, and which way is better; null: the last epoch.
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
    """An entry of ``published``: a number that an experiment is held against.

    Attributes:
        id, source: of the row in the table of results.
        metric: of ``result.json``; ``val/rmse`` at the best epoch, ``val/rmse/last`` at the last.
        value: as published; null where the source makes a claim in words, which ``claim`` repeats.
        band: lowest and highest mean of ours that counts as reproduced, and ``reason``, why so.
        first_epoch_beats: the id of the experiment whose final value this one's first epoch is claimed to beat.
        on_request: not part of ``ids=all`` (a large download, or hours).
        overrides: the settings of this row, beside those of the experiment; none by default.
        starts_from: settings that name finished runs, and the overrides, separated by spaces, that these are runs of.
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
    seeds: Count
    workers: Count
    output_dir: str


TASKS = ("rating", "ranking")

# Of a model's file, and not of its class: settings elsewhere, by task, and where a search looks for the best ones.
MODEL_NOTES = ("own_defaults", "search_space")

# What own_defaults may set: conf/ reads each of these by ${own:<key>,<value>}, so that whatever else sets it wins.
OWN_DEFAULTS = (
    "optimizer.learning_rate",
    "optimizer.weight_decay",
    "trainer.epochs",
    "task.datamodule.batch_size",
    "task.datamodule.num_negatives",
    "task.objective.loss",
)

# Where the class of a group's own node lives; nodes inside it may be anywhere in hydrarec.
HOMES = {
    "dataset": "hydrarec.data.",
    "filter": "hydrarec.data.filters.",
    "split": "hydrarec.data.splits.",
    "task.datamodule": "hydrarec.data.datamodules.",
    "task.objective": "hydrarec.tasks.",
    "model": "hydrarec.models.",
    "optimizer": "hydrarec.training.optim.optimizers.",
    "scheduler": "hydrarec.training.optim.schedulers.",
    "trainer": "hydrarec.training.fit.",
    "callbacks": "hydrarec.training.callbacks.",
}

# What only a run knows and supplies itself, by the path of the node (a regular expression); no setting may name it.
SUPPLIED = {
    r"model": ("num_users", "num_items"),
    r"task\.datamodule": ("interactions", "split", "given_candidates", "unit", "steps_per_call", "seed"),
    r"task\.objective": ("scale", "popularity"),
    r"optimizer": ("parameters",),
    r"scheduler": ("optimizer", "epochs", "steps_per_epoch"),
    r"callbacks\.\w+": ("history", "interactions"),
}
