"""Validate a composed configuration before any data is read: unknown or missing keys, wrong types, invalid values.

A node with a ``_target_`` is checked against the target's signature; all others against :mod:`hydrarec.config.schema`.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable
from typing import Any

from hydrarec.config import signatures
from hydrarec.config.combinations import judge_together
from hydrarec.config.imports import OPTIMIZERS, check_import, targets
from hydrarec.config.schema import MODEL_NOTES, SUPPLIED, LoggerConfig, Published, TaskConfig, TrainConfig
from hydrarec.config.signatures import Kind
from hydrarec.core import memory
from hydrarec.core.errors import ConfigError, did_you_mean, nearest
from hydrarec.core.hints import setting

Node = dict[str, Any]
NODES = ("dataset", "filter", "split", "model", "optimizer", "scheduler", "trainer")  # each has a _target_


def judge(config: Node, changed: str | None = None) -> None:
    """Raise :class:`ConfigError` for the first error in ``config`` (resolved, plain containers).

    Args:
        changed: the only top-level key under which ``config`` differs from an already validated configuration.
    """
    judge_against(TrainConfig, config)
    for path in ("logger", "published", "task", *NODES, "callbacks") if changed is None else (changed,):
        _judge_below(path, config[path])
    judge_together(config)
    _judge_size(config)


def judge_nodes(config: Node, *names: str) -> None:
    """Validate single nodes with a ``_target_``, such as ``dataset``, outside a run's configuration."""
    for name in names:
        _judge_node(name, config[name])


def judge_against(schema: type, node: Node, path: str = "") -> None:
    """Check a node without ``_target_`` against a dataclass; fields with a default may be missing."""
    required = [field.name for field in dataclasses.fields(schema) if field.default is dataclasses.MISSING]
    fields = signatures.parameters(f"{schema.__module__}.{schema.__name__}")
    assert fields is not None, f"{schema} is not defined at the top of a module of hydrarec"
    _judge_values(path, node, fields, required)


def _judge_below(path: str, node: Any) -> None:
    if path in NODES:
        _judge_node(path, node)
    elif path == "logger":
        judge_against(LoggerConfig, node, path)
    elif path == "published":
        for row in node if isinstance(node, list) else [node] if node else []:
            judge_against(Published, row, path)
    elif path == "task":
        judge_against(TaskConfig, node, path)
        for part in ("datamodule", "objective"):
            _judge_node(f"task.{part}", node[part])
    elif path == "callbacks":
        for name, inner in node.items():
            if inner is not None:
                _judge_node(f"callbacks.{name}", inner)


def _judge_node(path: str, node: object) -> None:
    """Check a node with a ``_target_``, and every such node inside it."""
    group = path.split(".")[0]
    if not isinstance(node, dict) or "_target_" not in node:
        raise ConfigError(
            f"{path} has no _target_, which would name its class",
            expected=f"one of the files in conf/{group}",
            fix=f"{group}=<one of them>",
            value=path,
        )
    inner = list(targets(path, node))
    for inner_path, inner_node in inner:
        check_import(inner_path, inner_node["_target_"])
    for inner_path, inner_node in reversed(inner):  # from within: a name that does not exist is of no class
        _judge_target(inner_path, inner_node)


def _judge_target(path: str, node: Node) -> None:
    """Check a node against its target's signature, which is read from source without importing it."""
    target = node["_target_"]
    if path == "optimizer" and re.fullmatch(OPTIMIZERS, target):
        return  # needs torch; checked once torch is imported, still before any data is read
    accepted = signatures.parameters(target)
    if accepted is None:
        module, _, name = target.rpartition(".")
        raise ConfigError(
            f"{path}._target_={target} does not exist",
            expected=did_you_mean(name, signatures.names_in(module)),
            fix=f"correct {path}._target_",
            value=target,
        )
    supplied = next((names for pattern, names in SUPPLIED.items() if re.fullmatch(pattern, path)), ())
    accepted = {name: kind for name, kind in accepted.items() if name not in supplied}
    _judge_values(path, {key: value for key, value in node.items() if key != "_target_"}, accepted, accepted)


def _judge_values(path: str, values: Node, accepted: dict[str, Kind], required: Iterable[str]) -> None:
    prefix = f"{path}." if path else ""
    for key, value in values.items():
        name = prefix + key
        if key not in accepted:
            raise ConfigError(
                f"unknown key '{name}'",
                expected=did_you_mean(key, [*accepted, *(MODEL_NOTES if path == "model" else ())]),
                fix=f"remove or correct '{name}'; --cfg job shows every setting",
                value=key,
            )
        if value == "???":
            raise ConfigError(
                f"'{name}' has no value", expected=str(accepted[key]), fix=f"set it on the command line: {name}=…"
            )
        if not accepted[key].admits(value):
            text = str(value)
            raise ConfigError(
                f"{name}={text if len(text) <= 60 else text[:57] + '…'} ({type(value).__name__}) is not possible",
                expected=f"{name}: {accepted[key]}",
                fix=_nearest_choice(name, value, accepted[key]),
                value=value,
            )
    for key in required:
        if key not in values:
            name = prefix + key
            raise ConfigError(
                f"'{name}' is missing", expected=f"{name}: {accepted[key]}", fix=f"set {name}, or leave it as it was"
            )


def _nearest_choice(name: str, value: object, kind: Kind) -> str:
    close = nearest(str(value), [str(choice) for choice in kind.choices], count=1)
    return setting(name, close[0]) if len(close) == 1 else f"correct {name}"


def _judge_size(config: Node) -> None:
    """Refuse embeddings that cannot fit; an estimate from the expected counts, checked again once the real ones are known."""
    width, counts = config["model"].get("embedding_dim"), config["dataset"].get("expected") or {}
    if width:
        rows = sum(counts.get(side) or 1 for side in ("users", "items"))
        memory.require(
            memory.PER_WEIGHT * width * rows, f"model.embedding_dim={width}", fix="a smaller model.embedding_dim"
        )
