"""Resolve a validated configuration node to the class or function that it names."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from omegaconf import DictConfig, OmegaConf

from hydrarec.config.imports import load
from hydrarec.config.schema import MODEL_NOTES


def factory(node: DictConfig) -> Callable[..., Any]:
    """Bind a node's values to its target; the caller passes the arguments that only a run knows.

    Hydra's ``instantiate`` is not used: it imports whatever a node names, and converts dataclasses and arrays to
    configurations.

    Raises:
        ConfigError: a name that a configuration may not have imported.
    """
    settings: Any = OmegaConf.to_container(node, resolve=True)
    target = load(settings.pop("_target_"))
    return functools.partial(
        target, **{key: _built(value) for key, value in settings.items() if key not in MODEL_NOTES}
    )


def _built(value: Any) -> Any:
    """A value with every node inside it replaced by an instance of its target."""
    if isinstance(value, list):
        return [_built(entry) for entry in value]
    if not isinstance(value, dict):
        return value
    settings = {key: _built(entry) for key, entry in value.items()}
    return load(settings.pop("_target_"))(**settings) if "_target_" in settings else settings
