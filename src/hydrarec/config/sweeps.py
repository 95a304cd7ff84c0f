"""Judge every value of a sweep before its first job starts."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

from hydra.core.override_parser.types import Override
from omegaconf import OmegaConf

from hydrarec.config.composition import compose_config, parse_overrides, plain
from hydrarec.config.judge import judge, judge_hydra
from hydrarec.config.location import conf_dir
from hydrarec.errors import ConfigError


def judge_sweep(overrides: Sequence[str]) -> None:
    """Raise :class:`ConfigError` if any swept value cannot work.

    Each value is judged once beside the first values of the others, not in every combination: a thousand values cost
    a thousand judgements and, for whole groups only, as many compositions. Each job judges its own combination again.
    """
    parsed = parse_overrides(overrides)
    if any(override.key_or_group == "resume" for override in parsed):
        raise ConfigError(
            "resume= goes on with one run, not with a sweep", expected="no resume= beside -m", fix="drop -m"
        )
    swept = [override for override in parsed if override.is_sweep_override() and not override.is_hydra_override()]
    fixed = [str(override.input_line) for override in parsed if override not in swept]
    choices = {override.get_key_element(): list(override.sweep_string_iterator()) for override in swept}
    first = {key: f"{key}={values[0]}" for key, values in choices.items()}
    composed = compose_config([*fixed, *first.values()], with_hydra=True)
    base = plain(composed)
    judge(base)
    judge_hydra(OmegaConf.to_container(composed.hydra))
    for override in swept:
        key = override.get_key_element()
        for value in choices[key][1:]:
            line = f"{key}={value}"
            if _is_group(override):
                others = [other for name, other in first.items() if name != key]
                judge(plain(compose_config([*fixed, *others, line])))
            else:
                judge(_with(base, key.lstrip("+"), parse_overrides([line])[0].value()))


def _is_group(override: Override) -> bool:
    return (conf_dir() / override.key_or_group).is_dir()


def _with(base: dict[str, Any], key: str, value: Any) -> dict[str, Any]:
    changed = copy.deepcopy(base)
    *parents, last = key.split(".")
    node = changed
    for parent in parents:
        node = node[parent]
    node[last] = value
    return changed
