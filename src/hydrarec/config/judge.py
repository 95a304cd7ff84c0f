"""Judge a composed configuration before any data is read: unknown keys, wrong types, impossible values.

A node with a ``_target_`` is held against the signature of what it names; the others against :mod:`hydrarec.config.schema`.
"""

from __future__ import annotations

import ast
import inspect
import os
from collections.abc import Iterator
from typing import Any

from hydrarec.config import signatures
from hydrarec.config.schema import LoggerConfig, Published, TrainConfig
from hydrarec.config.signatures import Kind
from hydrarec.errors import ConfigError, EnvironmentFault, did_you_mean

INSTANTIATE_KEYS = {"_target_", "_partial_", "_convert_", "_recursive_"}
TRUSTED = ("hydrarec.", "torch.optim.")


Node = dict[str, Any]


def judge(config: Node) -> None:
    """Raise :class:`ConfigError` for the first thing in ``config`` (resolved, plain containers) that cannot work."""
    judge_against(TrainConfig, config)
    judge_against(LoggerConfig, config["logger"], "logger")
    if config["published"] is not None:
        judge_against(Published, config["published"], "published")
    for group in ("dataset", "split", "task", "model", "optimizer", "scheduler", "trainer"):
        _judge_target(group, config[group])
    for name, node in config["callbacks"].items():
        if node is not None:
            _judge_target(f"callbacks.{name}", node)
    for path, node in _nodes_with_target("", config):
        target = node["_target_"]
        accepted = _accepted(path, target)
        if accepted is not None:
            values = {key: value for key, value in node.items() if key not in INSTANTIATE_KEYS}
            _judge_values(path, values, accepted)
    _judge_together(config)


def judge_against(schema: type, node: Node, path: str = "") -> None:
    """Hold a node without ``_target_`` against a dataclass."""
    annotations = inspect.get_annotations(schema)
    kinds = {name: signatures.kind_of(ast.parse(text, mode="eval").body) for name, text in annotations.items()}
    _judge_values(path, node, kinds)


def _judge_target(path: str, node: object) -> None:
    if not isinstance(node, dict) or "_target_" not in node:
        group = path.split(".")[0]
        raise ConfigError(
            f"{path} does not say what it is: it has no _target_",
            expected=f"one of the files in conf/{group}",
            fix=f"{group}=<one of them>",
            value=path,
        )


def _judge_values(path: str, values: Node, accepted: dict[str, Kind]) -> None:
    for key, value in values.items():
        name = f"{path}.{key}" if path else key
        if key not in accepted:
            raise ConfigError(
                f"unknown key '{name}'",
                expected=did_you_mean(key, accepted),
                fix=f"remove or correct '{name}'; 'hydrarec-train --cfg job' shows every setting",
                value=key,
            )
        if value == "???":
            raise ConfigError(
                f"'{name}' has no value", expected=str(accepted[key]), fix=f"set it on the command line: {name}=…"
            )
        if not accepted[key].admits(value):
            raise ConfigError(
                f"{name}={_shown(value)} ({type(value).__name__}) is not possible",
                expected=f"{name}: {accepted[key]}",
                fix=f"correct {name}",
                value=value,
            )


def _accepted(path: str, target: object) -> dict[str, Kind] | None:
    """The parameters of a target; None where only torch itself can tell. Nothing is imported."""
    if not isinstance(target, str) or not target.startswith(TRUSTED):
        raise ConfigError(
            f"{path}._target_={target} is not one of ours",
            expected="a class or function of hydrarec or torch.optim; nothing else is ever imported",
            fix="add the class to the package, or choose one that is there",
            value=str(target),
        )
    if target.startswith("torch.optim."):
        return None
    accepted = signatures.parameters(target)
    if accepted is None:
        module = target.rpartition(".")[0]
        raise ConfigError(
            f"{path}._target_={target} does not exist",
            expected=did_you_mean(target.rpartition(".")[2], signatures.names_in(module)),
            fix=f"correct {path}._target_",
            value=target,
        )
    return accepted


def _nodes_with_target(path: str, node: object) -> Iterator[tuple[str, Node]]:
    if isinstance(node, list):
        for position, entry in enumerate(node):
            yield from _nodes_with_target(f"{path}[{position}]", entry)
    elif isinstance(node, dict):
        if "_target_" in node:
            yield path, node
        for key, entry in node.items():
            yield from _nodes_with_target(f"{path}.{key}" if path else str(key), entry)


def _judge_together(config: Node) -> None:
    """What is wrong only in combination."""
    trainer, early = config["trainer"], config["callbacks"].get("early_stopping")
    if early is not None and early["patience"] >= trainer["epochs"]:
        raise ConfigError(
            f"callbacks.early_stopping.patience={early['patience']} can never act in trainer.epochs={trainer['epochs']}",
            expected=f"a patience below {trainer['epochs']}, or more epochs",
            fix=f"trainer.epochs={early['patience'] + 10}, or ~callbacks.early_stopping",
            value=early["patience"],
        )
    _judge_memory(config)


def _judge_memory(config: Node) -> None:
    """Refuse tables that cannot fit: weights, gradients and two moments of float32 for every embedding row."""
    width = config["model"].get("embedding_dim")
    counts = config["dataset"].get("expected") or {}
    rows = sum(counts.get(side) or 0 for side in ("users", "items")) if isinstance(counts, dict) else 0
    if not width or not rows:
        return
    needed, present = 16 * width * rows, _physical_memory()
    if needed > present:
        raise ConfigError(
            f"model.embedding_dim={width} needs about {needed / 2**30:,.1f} GiB for {rows:,} rows of weights, gradients and moments",
            expected=f"at most {present / 2**30:,.1f} GiB, what this machine has",
            fix=f"model.embedding_dim={max(1, int(present / 4 / 16 / rows))} or less",
            value=width,
        )


def _physical_memory() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError) as error:  # no such name on this system
        raise EnvironmentFault(f"the size of this machine's memory is unknown: {error}") from error


def _shown(value: object) -> str:
    text = str(value)
    return text if len(text) <= 60 else text[:57] + "…"
