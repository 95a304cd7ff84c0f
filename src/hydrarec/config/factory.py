"""From a judged node of a configuration to what it names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from hydrarec.config.schema import MODEL_NOTES


def factory(node: DictConfig) -> Callable[..., Any]:
    """What a node names, with its values, still to be called with what only a run knows.

    Objects never go through Hydra's ``instantiate``, which would turn dataclasses and arrays into configurations.
    """
    settings: Any = OmegaConf.to_container(node, resolve=True)
    settings = {key: value for key, value in settings.items() if key not in MODEL_NOTES}
    made: Callable[..., Any] = instantiate(settings, _partial_=True, _convert_="all")
    return made
