"""Judge every value of a sweep before its first job starts."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

from hydra.core.override_parser.types import Override, Transformer
from omegaconf import DictConfig, OmegaConf

from hydrarec.config.composition import compose_config, parse_overrides, plain
from hydrarec.config.judge import judge, judge_against, judge_hydra, judge_part
from hydrarec.config.location import conf_dir
from hydrarec.config.schema import SweepConfig
from hydrarec.core.errors import ConfigError


def judge_sweep(overrides: Sequence[str]) -> DictConfig:
    """The configuration of the first job, with Hydra's own node, whose ``hydra.sweep.dir`` is the sweep's.

    Each value is judged once beside the first values of the others, not in every combination: a thousand values cost
    a thousand judgements of their own part and, for whole groups only, as many compositions. Each job judges its own
    combination again.

    Raises:
        ConfigError: any swept value cannot work.
    """
    parsed = parse_overrides(overrides)
    _refuse_what_is_not_swept(parsed)
    swept = [override for override in parsed if override.is_sweep_override() and not override.is_hydra_override()]
    fixed = [str(override.input_line) for override in parsed if override not in swept]
    first = {override.get_key_element(): _first(override) for override in swept}
    composed = compose_config([*fixed, *first.values()], with_hydra=True)
    base = plain(composed)
    judge(base)
    judge_hydra(OmegaConf.to_container(composed.hydra))
    judge_against(SweepConfig, OmegaConf.to_container(composed.sweep, resolve=True), "sweep")  # type: ignore[arg-type]
    names = {base["name"]}
    for override in swept:
        key = override.get_key_element()
        if _is_group(override) and override.is_discrete_sweep():
            others = [other for name, other in first.items() if name != key]
            for value in list(override.sweep_string_iterator())[1:]:
                config = plain(compose_config([*fixed, *others, f"{key}={value}"]))
                judge(config)
                names.add(config["name"])
        else:
            _judge_values(override, base)
    if len(names) > 1:  # several tasks or data sets: a folder that none of them names, and that a grown grid keeps
        return compose_config([*fixed, *first.values(), "name=mixed"], with_hydra=True)
    return composed


def _refuse_what_is_not_swept(parsed: Sequence[Override]) -> None:
    for override in parsed:
        key = override.key_or_group
        if key in ("resume", "replay"):
            does = "goes on with one run" if key == "resume" else "runs one run again"
            raise ConfigError(f"{key}= {does}, not a sweep", expected=f"no {key}= beside -m", fix="drop -m", value=key)
        if override.is_sweep_override() and override.key_or_group.split(".")[0] == "sweep":
            raise ConfigError(
                f"{override.input_line}: a sweep has one {override.key_or_group}",
                expected="one value",
                fix=f"several commands, each with its own {override.key_or_group}",
                value=override.key_or_group,
            )


def _first(override: Override) -> str:
    """One value of a sweep, as an override; of an interval, its lower end."""
    if override.is_discrete_sweep():
        return f"{override.get_key_element()}={next(iter(override.sweep_string_iterator()))}"
    return f"{override.get_key_element()}={override.value().start}"  # type: ignore[union-attr]


def _judge_values(override: Override, base: dict[str, Any]) -> None:
    """Every value of one key, each in the part of the configuration that it belongs to."""
    key = override.get_key_element().lstrip("+")
    top, *path = key.split(".")
    values = (
        override.sweep_iterator(transformer=Transformer.identity)
        if override.is_discrete_sweep()
        else (override.value().start, override.value().end)  # type: ignore[union-attr]
    )
    config = {**base, top: copy.deepcopy(base[top])} if path else dict(base)
    node = config
    for parent in [top, *path][:-1]:
        node = node[parent]
    for value in values:
        node[[top, *path][-1]] = Override._convert_value(value)
        judge_part(config, top)


def _is_group(override: Override) -> bool:
    return (conf_dir() / override.key_or_group).is_dir()
