"""From a judged configuration to the parts of a run: with the entry points, the only place that instantiates."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytorch_lightning as pl
import torch
from hydra.utils import get_class, instantiate
from omegaconf import DictConfig, OmegaConf

from hydrarec.callbacks.history import History
from hydrarec.config.signatures import parameters
from hydrarec.data.interactions import Interactions
from hydrarec.data.splits import Split
from hydrarec.errors import ConfigError, did_you_mean
from hydrarec.models.base import Recommender
from hydrarec.objectives import RatingObjective
from hydrarec.runs import RunFolder
from hydrarec.training import Parts, TrainerSettings


def build(config: dict[str, Any], folder: RunFolder) -> Parts:
    """Everything a run is made of. What needs no data comes first, so that it fails first.

    Raises:
        ConfigError: parts that do not go together.
        EnvironmentFault: an accelerator that is not there.
        DataError: the dataset or its split.
    """
    cfg = OmegaConf.create(config)
    settings: TrainerSettings = factory(cfg.trainer)()
    settings.check_devices()
    _check_task(cfg)
    source, splitter = factory(cfg.dataset)(), factory(cfg.split)()
    interactions: Interactions = source.load()
    split: Split = splitter(interactions, source)
    if len(split.val) == 0:
        _check_without_validation(cfg)
    folder.update_record(data=_description(interactions), split=split.report(interactions))
    torch.manual_seed(config["seed"])
    datamodule = factory(cfg.task.datamodule)(
        interactions=interactions, split=split, steps_per_call=settings.steps_per_call, seed=config["seed"]
    )
    model: Recommender = factory(cfg.model)(num_users=interactions.num_users, num_items=interactions.num_items)
    model.attach(
        objective=factory(cfg.task.objective)(scale=interactions.scale),
        optimizer=factory(cfg.optimizer),
        scheduler=factory(cfg.scheduler),
        steps_per_epoch=datamodule.train_dataloader().steps_per_epoch,
        seed=config["seed"],
    )
    return Parts(
        model=model,
        datamodule=datamodule,
        settings=settings,
        monitor=cfg.task.monitor,
        mode=cfg.task.mode,
        callbacks=lambda history: _callbacks(cfg, history, interactions),
        log_tensorboard=cfg.logger.tensorboard,
        save_predictions=cfg.save_predictions,
    )


def factory(node: DictConfig) -> Callable[..., Any]:
    """What a node names, with its values, still to be called with what only a run knows.

    Objects never go through Hydra's ``instantiate``, which would turn dataclasses and arrays into configurations.
    """
    made: Callable[..., Any] = instantiate(node, _partial_=True, _convert_="all")
    return made


def _callbacks(cfg: DictConfig, history: History, interactions: Interactions) -> list[pl.Callback]:
    """The configured callbacks; each gets what its signature asks for."""
    offered = {"history": history, "interactions": interactions}
    made = []
    for node in cfg.callbacks.values():
        if node is not None:
            wanted = parameters(node._target_) or {}
            made.append(factory(node)(**{name: value for name, value in offered.items() if name in wanted}))
    return made


def _check_task(cfg: DictConfig) -> None:
    """The model must serve the task, and what is monitored must be produced and improve in the right direction."""
    model: type[Recommender] = get_class(cfg.model._target_)
    if cfg.task.name not in model.tasks:
        raise ConfigError(
            f"model {model.__name__} does not serve task={cfg.task.name}",
            expected=f"task={' or '.join(model.tasks)}",
            fix=f"task={model.tasks[0]}",
            value=cfg.task.name,
        )
    if cfg.task.monitor is None:
        return
    objective: type[RatingObjective] = get_class(cfg.task.objective._target_)
    produced = {f"val/{name}": mode for name, mode in objective.metrics.items()}
    if cfg.task.monitor not in produced:
        raise ConfigError(
            f"task.monitor={cfg.task.monitor} is not produced",
            expected=did_you_mean(cfg.task.monitor, produced),
            fix=f"task.monitor={next(iter(produced))}, or null for the last epoch",
            value=cfg.task.monitor,
        )
    if cfg.task.mode != produced[cfg.task.monitor]:
        raise ConfigError(
            f"task.mode={cfg.task.mode} would select the worst {cfg.task.monitor}",
            expected=f"task.mode={produced[cfg.task.monitor]}",
            fix="leave task.mode as the task states it",
            value=cfg.task.mode,
        )


def _check_without_validation(cfg: DictConfig) -> None:
    """Without a validation part nothing can stop early or look for a plateau."""
    early = cfg.callbacks.get("early_stopping") is not None
    plateau = cfg.scheduler._target_.endswith(".plateau")
    if early or plateau:
        raise ConfigError(
            f"{'callbacks=early_stopping' if early else 'scheduler=plateau'} can never act without a validation part",
            expected="a split with a validation part",
            fix="split.val=0.1, or " + ("callbacks=none" if early else "scheduler=constant"),
        )


def _description(interactions: Interactions) -> dict[str, Any]:
    return {
        "name": interactions.name,
        "fingerprint": interactions.fingerprint,
        "ratings": len(interactions),
        "users": interactions.num_users,
        "items": interactions.num_items,
    }
