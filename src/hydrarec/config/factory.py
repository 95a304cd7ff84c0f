"""Resolve a validated configuration node to the class or function that it names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from hydrarec.config.schema import MODEL_NOTES


def factory(node: DictConfig) -> Callable[..., Any]:
    """Bind a node's values to its target; the caller passes the arguments that only a run knows.

    Hydra's ``instantiate`` never sees these objects: it would convert dataclasses and arrays to configurations.
    """
    settings: Any = OmegaConf.to_container(node, resolve=True)
    settings = {key: value for key, value in settings.items() if key not in MODEL_NOTES}
    made: Callable[..., Any] = instantiate(settings, _partial_=True, _convert_="all")
    return made
