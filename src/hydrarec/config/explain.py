"""Source of each value of a configuration: a file, a model's own default, or the command line."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra.core.global_hydra import GlobalHydra
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from hydrarec.config.composition import compose_config, flat, parse_overrides, plain
from hydrarec.config.hydra_errors import hydra_state
from hydrarec.config.location import conf_dir

COMMAND_LINE = "command line"


@dataclass(frozen=True)
class Setting:
    """A value and its source: a file such as ``conf/<group>/<option>.yaml``, or ``command line``.

    Attributes:
        expression: the ``${…}`` expression in the source; empty if the source holds the value itself.
    """

    key: str
    value: object
    source: str
    expression: str = ""


def explain(overrides: Sequence[str], config_name: str = "train") -> list[Setting]:
    """List every value of the configuration composed from ``overrides``, in its order.

    Raises:
        ConfigError: from :func:`compose_config`.
    """
    composed = compose_config(overrides, config_name, with_hydra=True)
    origins = _origins(overrides, config_name, composed)
    own = f"model.own_defaults.{OmegaConf.select(composed, 'task.name')}"
    experiment = {"experiment": OmegaConf.to_container(composed.experiment)} if composed.get("experiment") else {}
    settings = []
    for key, value in flat(plain(composed) | experiment).items():
        source, raw = _origin(key, origins)
        expression = raw if isinstance(raw, str) and "${" in raw else ""
        if expression.startswith("${own:"):
            expression = ""
            if f"{own}.{key}" in origins:
                source = f"{origins[f'{own}.{key}'][0]} (own default)"
        settings.append(Setting(key, value, source, expression))
    return settings


def as_table(settings: Sequence[Setting]) -> str:
    """Format one line per setting: key, value, source."""
    cells = [(each.key, _shown(each.value), f"{each.source}  {each.expression}".rstrip()) for each in settings]
    first, second = (max((len(row[column]) for row in cells), default=0) for column in (0, 1))
    return "".join(f"{key:{first}}  {value:{min(second, 40)}}  {source}\n" for key, value, source in cells)


def _origins(overrides: Sequence[str], config_name: str, composed: DictConfig) -> dict[str, tuple[str, object]]:
    """Last source that sets each key, and the unresolved value in it."""
    origins: dict[str, tuple[str, object]] = {}
    sources = composed.hydra.runtime.config_sources
    folders = [Path(source.path) for source in sources if source.schema == "file" and source.path]
    with hydra_state():
        loader = GlobalHydra.instance().config_loader()
        defaults = loader.compute_defaults_list(config_name, list(overrides), RunMode.RUN).defaults
    for default in defaults:
        path = next((file for folder in folders if (file := folder / f"{default.config_path}.yaml").is_file()), None)
        if path is None or default.config_path.startswith("hydra/"):  # part of Hydra
            continue
        node: Any = OmegaConf.to_container(OmegaConf.load(path))
        source = str(path.relative_to(conf_dir().parent) if path.is_relative_to(conf_dir()) else path)
        package = "" if default.package == "_global_" else default.package
        values = flat({key: value for key, value in node.items() if key != "defaults"}, package)
        origins.update((key, (source, value)) for key, value in values.items())
    for override in parse_overrides(overrides):
        values = {} if override.is_delete() else flat(override.value(), override.key_or_group)
        origins.update((key, (COMMAND_LINE, value)) for key, value in values.items())
    return origins


def _origin(key: str, origins: dict[str, tuple[str, object]]) -> tuple[str, object]:
    """Look up a key, or its nearest parent that one source sets as a whole."""
    while key not in origins and "." in key:
        key = key.rpartition(".")[0]
    return origins.get(key, ("", None))


def _shown(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
