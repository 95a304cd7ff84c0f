"""Build the parts of a run from a validated configuration. Only this module and the entry points instantiate."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from omegaconf import DictConfig, OmegaConf

from hydrarec.config.factory import factory
from hydrarec.config.imports import load
from hydrarec.config.signatures import parameters
from hydrarec.core.console import progress
from hydrarec.data.datamodules.base import InteractionsDataModule
from hydrarec.data.datasets.base import About
from hydrarec.data.filters import Filter, FilteredSource
from hydrarec.data.interactions import Interactions
from hydrarec.data.splits import Split
from hydrarec.models.base import Recommender
from hydrarec.runs.folder import RunFolder
from hydrarec.runs.run_data import run_data
from hydrarec.tasks.base import Objective
from hydrarec.training import compatibility
from hydrarec.training.callbacks.history import History
from hydrarec.training.fit import Parts, TrainerSettings
from hydrarec.training.memory_estimate import check_size


def build(config: dict[str, Any], folder: RunFolder) -> Parts:
    """Build all parts of a run; parts that need no data come first, so that their errors are reported early.

    Raises:
        ConfigError: incompatible parts.
        EnvironmentFault: the accelerator is missing.
        DataError: an error in the dataset or its split.
    """
    cfg = OmegaConf.create(config)
    settings = settings_of(config)
    compatibility.check_task(cfg)
    compatibility.check_optimizer(cfg)
    source, splitter = factory(cfg.dataset)(), factory(cfg.split)()
    loaded: Interactions = source.load()
    filtering: Filter = factory(cfg.filter)()
    interactions = filtering(loaded)
    about = _description(interactions, source.about) | {"filter": filtering.report(loaded, interactions)}
    if interactions is not loaded:
        source = FilteredSource(source)
    with progress(f"splitting {len(interactions):,} ratings"):
        split: Split = splitter(interactions, source)
    if len(split.val) == 0:
        compatibility.check_without_validation(cfg)
    compatibility.check_same_data(folder.read_record(), interactions, split)
    folder.update_record(data=about, split=split.report(interactions))
    if config["save_data"] and not folder.data_file.is_file():
        with progress(f"writing {folder.data_file.name} with {len(interactions):,} ratings"):
            folder.write_data(run_data(loaded, interactions, split).to_arrays())
    check_size(cfg, factory(cfg.model), interactions)
    torch.manual_seed(config["seed"])
    model_class: type[Recommender] = load(cfg.model._target_)
    datamodule: InteractionsDataModule = _built(
        cfg.task.datamodule,
        interactions=interactions,
        split=split,
        given_candidates=source.candidates(),
        unit=model_class.trains_on,
        steps_per_call=settings.steps_per_call,
        seed=config["seed"],
    )
    with progress("preparing the evaluation"):
        evaluation = datamodule.report()
    folder.update_record(evaluation=evaluation)
    compatibility.check_lists(cfg, evaluation)
    popularity = np.bincount(interactions.items[split.train], minlength=interactions.num_items)
    objective: Objective = _built(cfg.task.objective, scale=interactions.scale, popularity=torch.from_numpy(popularity))
    model: Recommender = factory(cfg.model)(num_users=interactions.num_users, num_items=interactions.num_items)
    model.attach(
        objective=objective,
        optimizer=factory(cfg.optimizer),
        scheduler=factory(cfg.scheduler),
        steps_per_epoch=datamodule.steps_per_epoch,
        steps_per_call=settings.steps_per_call,
        seed=config["seed"],
    )
    history = History(folder)
    nodes = [node for node in cfg.callbacks.values() if node is not None]
    return Parts(
        model=model,
        datamodule=datamodule,
        settings=settings,
        monitor=cfg.task.monitor,
        mode=cfg.task.mode,
        history=history,
        callbacks=[_built(node, history=history, interactions=interactions) for node in nodes],
        log_tensorboard=cfg.logger.tensorboard,
        save_predictions=cfg.save_predictions,
    )


def settings_of(config: dict[str, Any]) -> TrainerSettings:
    """Build the Trainer's settings and check that the devices exist."""
    settings: TrainerSettings = factory(OmegaConf.create(config["trainer"]))()
    settings.check_devices()
    return settings


def _built(node: DictConfig, **supplied: Any) -> Any:
    """Instantiate a node, passing those of the ``supplied`` arguments that its signature names."""
    names = parameters(node._target_) or {}
    return factory(node)(**{name: value for name, value in supplied.items() if name in names})


def _description(interactions: Interactions, about: About) -> dict[str, Any]:
    return {
        "name": interactions.name,
        "fingerprint": interactions.fingerprint,
        "ratings": len(interactions),
        "users": interactions.num_users,
        "items": interactions.num_items,
        "licence": about.licence,
        "citation": about.citation,
    }
