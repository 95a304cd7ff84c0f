"""Checks that the parts of a run are compatible, run while it is built, before the first step."""

from __future__ import annotations

import inspect
import math
from typing import Any

import torch
from omegaconf import DictConfig

from hydrarec.config.imports import load
from hydrarec.core.errors import CheckpointError, ConfigError, did_you_mean
from hydrarec.core.hints import setting
from hydrarec.data.interactions import Interactions
from hydrarec.data.splits import Split
from hydrarec.models.base import Recommender
from hydrarec.tasks.base import Objective
from hydrarec.tasks.metrics.registry import mode_of
from hydrarec.tasks.ranking import judge_lengths


def check_task(cfg: DictConfig) -> None:
    """Check that the model supports the task, and that the task reports the monitored metric and ``mode`` fits it."""
    model: type[Recommender] = load(cfg.model._target_)
    if cfg.task.name not in model.tasks:
        raise ConfigError(
            f"model {model.__name__} does not serve task={cfg.task.name}",
            expected=f"task={' or '.join(model.tasks)}",
            fix=f"task={model.tasks[0]}",
            value=cfg.task.name,
        )
    if cfg.task.name == "ranking":
        _check_ranking(cfg)
    objective: type[Objective] = load(cfg.task.objective._target_)
    produced = {f"val/{name}": mode_of(name) for name in objective.produced(cfg.task.objective)}
    early = cfg.callbacks.get("early_stopping")
    for path, node in (("task", cfg.task), ("callbacks.early_stopping", early)):
        if node is None or node.monitor is None:
            continue
        if node.monitor not in produced:
            raise ConfigError(
                f"{path}.monitor={node.monitor} is not produced",
                expected=did_you_mean(node.monitor, produced),
                fix=f"{path}.monitor={next(iter(produced))}",
                value=node.monitor,
            )
        if node.mode != produced[node.monitor]:
            raise ConfigError(
                f"{path}.mode={node.mode} would prefer the worst {node.monitor}",
                expected=f"{path}.mode={produced[node.monitor]}",
                fix="leave the mode as the task states it",
                value=node.mode,
            )


def _check_ranking(cfg: DictConfig) -> None:
    """Refuse settings that apply to ratings only, and lists longer than the number of candidates."""
    objective = cfg.task.objective
    for key in ("protocol", "num_candidates"):
        if cfg.task.datamodule[key] != objective[key]:
            raise ConfigError(
                f"task.datamodule.{key}={cfg.task.datamodule[key]}, and task.objective.{key}={objective[key]}",
                expected="one protocol: what is drawn is what is measured",
                fix="task/protocol=sampled, full or both, and task.datamodule.num_candidates",
                value=str(objective[key]),
            )
    if objective.protocol != "full":
        judge_lengths(list(objective.ks), objective.num_candidates + 1, "sampled")
    if cfg.model.get("rating_range"):
        raise ConfigError(
            "model.rating_range=true squashes scores into a scale of ratings, and task=ranking has none",
            expected="model.rating_range=false",
            fix="model.rating_range=false, or task=rating",
            value=True,
        )
    if cfg.scheduler._target_.endswith(".plateau"):
        raise ConfigError(
            "scheduler=plateau follows val/loss, which task=ranking does not produce",
            expected="a schedule that needs no validation loss",
            fix="scheduler=constant",
            value="plateau",
        )
    if cfg.task.datamodule.num_negatives == "catalogue" and objective.loss != "softmax":
        raise ConfigError(
            f"task.objective.loss={objective.loss} compares drawn negatives, not the whole catalogue",
            expected="task.objective.loss=softmax, or a number of negatives",
            fix="task.datamodule.num_negatives=4, or task.objective.loss=softmax",
            value="catalogue",
        )


def check_optimizer(cfg: DictConfig) -> None:
    """Check that sparse gradients have their optimiser, and that a torch optimiser exists and takes these settings."""
    _check_sparse(cfg)
    module, _, name = cfg.optimizer._target_.rpartition(".")
    if module != "torch.optim":
        return
    found = getattr(torch.optim, name, None)
    if not (inspect.isclass(found) and issubclass(found, torch.optim.Optimizer)):
        names = [entry for entry in dir(torch.optim) if entry[0].isupper()]
        raise ConfigError(
            f"optimizer._target_={module}.{name} is no optimiser",
            expected=did_you_mean(name, names),
            fix="optimizer=adam",
            value=name,
        )
    accepted = {key: entry.default for key, entry in inspect.signature(found).parameters.items() if key != "params"}
    settings = {str(key): value for key, value in cfg.optimizer.items() if key != "_target_"}
    for key in set(settings) - set(accepted):
        raise ConfigError(
            f"unknown key 'optimizer.{key}' of {module}.{name}",
            expected=did_you_mean(key, accepted),
            fix="correct its name; torch's optimisers keep torch's names",
            value=key,
        )
    for key, value in settings.items():
        _check_setting_of_torch(key, value, accepted[key])
    _try_one_step(found, settings)


def _check_setting_of_torch(key: str, value: Any, default: Any) -> None:
    """Refuse what torch silently accepts: a text for a number, a number for a switch, a learning rate of 0."""
    if isinstance(default, bool) or key in ("foreach", "fused"):
        valid, expected = isinstance(value, bool) or (value is None and default is None), "true or false"
    elif isinstance(default, int | float):
        valid = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        valid, expected = valid and (value > 0 or key != "lr"), "a finite number" + " > 0" * (key == "lr")
    else:
        return  # tried by one step
    if not valid:
        raise ConfigError(
            f"optimizer.{key}={value} is not possible",
            expected=expected,
            fix=setting(f"optimizer.{key}", default),
            value=value,
        )


def _try_one_step(optimizer: type[torch.optim.Optimizer], settings: dict[str, Any]) -> None:
    """Take a step on a small dense weight: torch's optimisers judge their settings themselves, each in its own words."""
    weight = torch.nn.Parameter(torch.ones(2, 2))
    weight.grad = torch.ones(2, 2)
    try:
        optimizer([weight], **settings).step()
    except (TypeError, ValueError, RuntimeError, AttributeError, LookupError) as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__)
    else:
        if torch.isfinite(weight).all():
            return
        reason = "a step leads to numbers that are not finite"
    raise ConfigError(
        f"torch.optim.{optimizer.__name__} does not train with these settings: {reason}",
        expected="an optimiser for dense gradients, with settings that it accepts",
        fix="optimizer=adam",
        value=optimizer.__name__,
    )


def _check_sparse(cfg: DictConfig) -> None:
    sparse = cfg.model.get("embedding") == "sparse"
    if sparse and cfg.model.get("l2"):
        raise ConfigError(
            f"model.l2={cfg.model.l2} is a penalty on whole tables, and model.embedding=sparse touches a batch's rows",
            expected="model.l2=0 with model.embedding=sparse",
            fix="optimizer.weight_decay for the touched rows, or model.embedding=library optimizer=adam",
            value=cfg.model.l2,
        )
    if sparse != cfg.optimizer._target_.endswith(".rowwise_adam") or (sparse and cfg.trainer.devices > 1):
        raise ConfigError(
            f"model.embedding={cfg.model.get('embedding')} does not go with optimizer {cfg.optimizer._target_.rpartition('.')[2]} on {cfg.trainer.devices} devices",
            expected="model.embedding=sparse with optimizer=rowwise_adam on one device, or neither",
            fix="model.embedding=sparse optimizer=rowwise_adam, or model.embedding=library optimizer=adam",
            value=str(cfg.model.get("embedding")),
        )


def check_without_validation(cfg: DictConfig) -> None:
    """Refuse early stopping and the plateau schedule without a validation part."""
    early = cfg.callbacks.get("early_stopping") is not None
    plateau = cfg.scheduler._target_.endswith(".plateau")
    if early or plateau:
        raise ConfigError(
            f"{'callbacks=early_stopping' if early else 'scheduler=plateau'} can never act without a validation part",
            expected="a split with a validation part",
            fix="split.val=0.1, or " + ("callbacks=none" if early else "scheduler=constant"),
        )


def check_lists(cfg: DictConfig, evaluation: dict[str, Any]) -> None:
    """Refuse a list longer than the number of candidates: it would always be perfect."""
    for part in ("val", "test"):
        if part in evaluation:
            judge_lengths(list(cfg.task.objective.ks), 1 + evaluation[part]["candidates"], f"sampled {part}")


def check_same_data(record: dict[str, Any], interactions: Interactions, split: Split) -> None:
    """Check that a resumed run has the same ratings and split as when it began."""
    for what, here in (("data", interactions.fingerprint), ("split", split.fingerprint)):
        before = record.get(what, {}).get("fingerprint", here)
        if before != here:
            raise CheckpointError(
                f"this run began on another {what}: fingerprint {before[:12]}…, here {here[:12]}…",
                expected=f"the {what} that it began on",
                fix="restore the data set as it was, or start a new run without resume",
                value=before,
            )
