"""Compose a configuration from ``conf/`` and overrides, and flatten it to dotted keys."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hydra import compose
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException
from omegaconf.resolvers import oc

from hydrarec.config.former_names import with_todays_names
from hydrarec.config.hydra_errors import hydra_state, translated
from hydrarec.config.hydra_settings import check_hydra, check_searchpath
from hydrarec.config.imports import check_import, targets
from hydrarec.config.schema import MODEL_NOTES, OWN_DEFAULTS, TASKS
from hydrarec.config.typed_overrides import check_overrides, check_text
from hydrarec.core.errors import ConfigError, did_you_mean


def compose_config(overrides: Sequence[str], config_name: str = "train", with_hydra: bool = False) -> DictConfig:
    """Compose ``conf/<config_name>.yaml`` with ``overrides``.

    Precedence, lowest first: the files in the order of the defaults list; a model's own defaults, which replace the
    values that these files give as ``${own:…}``; the experiment; the overrides.

    What Hydra would import or write for the ``hydra`` node is checked here, for every composition.

    Raises:
        ConfigError: an unknown group, option or key (with the nearest names), an override that cannot be parsed, or a
            name that may not be imported.
    """
    parsed = parse_overrides(overrides)
    check_overrides(parsed, config_name)
    for override in parsed:
        if override.key_or_group == "hydra.searchpath":  # Hydra opens these before it composes
            check_searchpath(override.value())
    with translated(config_name, overrides), hydra_state():
        config = compose(config_name, overrides=list(overrides), return_hydra_config=True)
    check_hydra(OmegaConf.to_container(config.hydra))  # type: ignore[arg-type]
    _check_own_defaults(OmegaConf.select(config, "model.own_defaults") or {})
    _check_without_target(config, "sweep", "experiment")
    if not with_hydra:
        with open_dict(config):
            del config["hydra"]
    return config


def plain(config: DictConfig) -> dict[str, Any]:
    """Resolve a configuration to plain containers; ``???`` is kept, for validation to report.

    Nodes without an effect of their own are removed: ``hydra`` and ``sweep``, which control how runs are started, and an
    experiment's settings and a model's own defaults, which are already resolved into the values that refer to them.
    """
    with translated(), environment_hidden():
        node = OmegaConf.masked_copy(config, [str(key) for key in config if key not in ("hydra", "sweep")])
        values: dict[str, Any] = with_todays_names(OmegaConf.to_container(node, resolve=True, throw_on_missing=False))
    values.pop("experiment", None)
    if isinstance(values.get("model"), dict):
        values["model"] = {key: value for key, value in values["model"].items() if key not in MODEL_NOTES}
    return values


@contextlib.contextmanager
def environment_hidden() -> Iterator[None]:
    """Resolve without ``${oc.env:…}``: what a variable holds would be written into run folders, which people share.

    Raises:
        ConfigError: an interpolation asks for an environment variable.
    """
    OmegaConf.clear_resolver("oc.env")
    try:
        yield
    except OmegaConfBaseException as error:
        if "oc.env" not in str(error):
            raise
        raise ConfigError(
            f"{error.full_key or 'a setting'} reads an environment variable by ${{oc.env:…}}",
            expected="the value itself: run folders hold every setting, and are shared",
            fix='let the shell fill it in: <key>="$VARIABLE"',
            value=error.full_key,
        ) from error
    finally:
        OmegaConf.register_new_resolver("oc.env", oc.env, replace=True)


def _check_without_target(config: DictConfig, *names: str) -> None:
    """Settings that no class is built from; a ``_target_`` there could only be meant for an interpolation."""
    for name in names:
        with translated(), environment_hidden():
            values = OmegaConf.to_container(config[name], resolve=True) if config.get(name) else {}
        for path, node in targets(name, values):
            check_import(path, node["_target_"])


def _own_default(key: str, value: object, *, _root_: DictConfig) -> object:
    return OmegaConf.select(_root_, f"model.own_defaults.{_root_.task.name}.{key}", default=value)


def _times(factor: int, number: object) -> object:
    return factor * number if isinstance(number, int | float) else number  # a wrong type is reported where it is used


# Resolvers used in conf/: ${own:<key>,<value>}, the model's own default under the task, else the value; and
# ${times:<factor>,<number>}. Registered on import, so that every process can resolve them.
OmegaConf.register_new_resolver("own", _own_default, replace=True)
OmegaConf.register_new_resolver("times", _times, replace=True)


def _check_own_defaults(own_defaults: Mapping[Any, Any]) -> None:
    for task, settings in own_defaults.items():
        names = [(str(task), TASKS), *((key, OWN_DEFAULTS) for key in flat(OmegaConf.to_container(settings)))]
        for name, known in names:
            if name not in known:
                raise ConfigError(
                    f"own_defaults.{task} in the model's file: {name} cannot be set there",
                    expected=did_you_mean(name, known),
                    fix="correct or remove it",
                    value=name,
                )


def flat(node: object, path: str = "") -> dict[str, object]:
    """Flatten nested mappings to their leaves by dotted key."""
    if isinstance(node, dict) and node:
        return {k: v for key, entry in node.items() for k, v in flat(entry, f"{path}.{key}" if path else key).items()}
    return {path: node}


def parse_overrides(overrides: Sequence[str]) -> list[Override]:
    """Parse overrides with Hydra; globs can be expanded over the options in ``conf/``."""
    for override in overrides:
        check_text(override)
    with translated(overrides=overrides), hydra_state():
        parser = OverridesParser.create(config_loader=GlobalHydra.instance().config_loader())
        return parser.parse_overrides(list(overrides))
