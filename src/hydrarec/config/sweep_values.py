"""Validate every value of a sweep before its first job starts."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

from hydra.core.override_parser.types import Override
from omegaconf import DictConfig, OmegaConf

from hydrarec.config.composition import compose_config, parse_overrides, plain
from hydrarec.config.judge import judge, judge_against
from hydrarec.config.location import conf_dir
from hydrarec.config.schema import SweepConfig
from hydrarec.core.errors import ConfigError


def judge_sweep(overrides: Sequence[str]) -> DictConfig:
    """Validate a sweep; return the first job's configuration with ``hydra``, whose ``hydra.sweep.dir`` is the sweep's.

    Each value is checked once, with the first value of every other key, not in every combination: a thousand values
    need a thousand checks of one top-level key each, and a composition per value only if the key is a group. Each job
    validates its own combination again.

    Raises:
        ConfigError: a swept value is invalid.
    """
    parsed = parse_overrides(overrides)
    _refuse_what_is_not_swept(parsed)
    swept = {
        override.get_key_element(): _values(override)
        for override in parsed
        if override.is_sweep_override() and not override.is_hydra_override()
    }
    fixed = [str(override.input_line) for override in parsed if override.get_key_element() not in swept]
    first = {key: f"{key}={values[0]}" for key, values in swept.items()}
    composed = compose_config([*fixed, *first.values()], with_hydra=True)
    base = plain(composed)
    judge(base)
    judge_against(SweepConfig, OmegaConf.to_container(composed.sweep, resolve=True), "sweep")  # type: ignore[arg-type]
    names = {base["name"]}
    for key, values in swept.items():
        top, *path = key.lstrip("+").split(".")
        if top in base and not (not path and (conf_dir() / top).is_dir()):
            _judge_values(key, values, base)
            continue
        others = [other for name, other in first.items() if name != key]
        for value in values[1:]:  # a group or an experiment's setting: other values may depend on it
            config = plain(compose_config([*fixed, *others, f"{key}={value}"]))
            judge(config)
            names.add(config["name"])
    if len(names) > 1:  # several tasks or datasets: a neutral folder name, unchanged if the grid grows
        return compose_config([*fixed, *first.values(), "name=mixed"], with_hydra=True)
    return composed


def _refuse_what_is_not_swept(parsed: Sequence[Override]) -> None:
    for override in parsed:
        key = override.key_or_group
        if key in ("resume", "replay"):
            does = "goes on with one run" if key == "resume" else "runs one run again"
            raise ConfigError(f"{key}= {does}, not a sweep", expected=f"no {key}= beside -m", fix="drop -m", value=key)
        if override.is_sweep_override() and key.split(".")[0] == "sweep":
            raise ConfigError(
                f"{override.input_line}: a sweep has one {key}",
                expected="one value",
                fix=f"several commands, each with its own {key}",
                value=key,
            )


def _values(override: Override) -> list[str]:
    """Swept values as typed; for an interval, its two ends."""
    if override.is_discrete_sweep():
        return list(override.sweep_string_iterator())
    interval: Any = override.value()
    return [str(interval.start), str(interval.end)]


def _judge_values(key: str, values: Sequence[str], base: dict[str, Any]) -> None:
    """Validate every value of one key, with a copy of the top-level node that holds it."""
    top, *path = key.lstrip("+").split(".")
    config = {**base, top: copy.deepcopy(base[top])}
    node = config
    for parent in [top, *path][:-1]:
        node = node[parent]
    for override in parse_overrides([f"{key}={value}" for value in values]):
        node[[top, *path][-1]] = override.value()
        judge(config, changed=top)
