"""Validate every value of a sweep before its first job starts."""

from __future__ import annotations

import contextlib
import copy
import logging
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from hydra.core.override_parser.types import ChoiceSweep, Override, RangeSweep, Sweep
from omegaconf import DictConfig, OmegaConf

from hydrarec.config.composition import compose_config, parse_overrides, plain
from hydrarec.config.judge import judge, judge_against
from hydrarec.config.schema import GridConfig, SearchConfig, SweepConfig
from hydrarec.config.typed_overrides import groups
from hydrarec.core.errors import ConfigError

log = logging.getLogger(__name__)

MOST_JOBS = 100_000
SWEEPERS: dict[str, type] = {
    "hydra_plugins.hydrarec_sweepers.GridSweeper": GridConfig,
    "hydra_plugins.hydrarec_sweepers.SearchSweeper": SearchConfig,
}


@dataclass(frozen=True)
class JudgedSweep:
    """A valid sweep.

    Attributes:
        overrides: as typed, after ``hydra.sweeper.params``; each value once.
        alone: the overrides of the first job, Hydra's own among them.
        first: its configuration with ``hydra``, whose ``hydra.sweep.dir`` is the sweep's.
    """

    overrides: list[str]
    alone: list[str]
    first: DictConfig


def judge_sweep(overrides: Sequence[str]) -> JudgedSweep:
    """Validate a sweep.

    Each value is checked once, with the first value of every other key, not in every combination: a thousand values
    need a thousand checks of one top-level key each, and a composition per value only if the key is a group. Each job
    validates its own combination again.

    Raises:
        ConfigError: a swept value is invalid.
    """
    parsed = parse_overrides(overrides)
    _refuse_what_is_not_swept(parsed)
    _refuse_too_many(parsed)
    parsed = [_each_once(override) for override in parsed]
    swept = {
        override.get_key_element(): _values(override)
        for override in parsed
        if override.is_sweep_override() and not override.is_hydra_override()
    }
    fixed = [str(override.input_line) for override in parsed if override.get_key_element() not in swept]
    first = {key: f"{key}={values[0]}" for key, values in swept.items()}
    with _naming(*(choice for key, choice in first.items() if key in groups())):
        composed = compose_config([*fixed, *first.values()], with_hydra=True)
        base = plain(composed)
        judge(base)
    params = composed.hydra.sweeper.get("params") or {}
    further = [f"{key}={value}" for key, value in params.items() if key not in {each.key_or_group for each in parsed}]
    if further:
        return judge_sweep([*further, *overrides])
    _judge_settings(composed, parsed)
    names = {base["name"]}
    for key, values in swept.items():
        top, *path = key.lstrip("+").split(".")
        if top in base and not (not path and top in groups()):
            _judge_values(key, values, base)
            continue
        others = [other for name, other in first.items() if name != key]
        for value in values[1:]:  # a group or an experiment's setting: other values may depend on it
            with _naming(f"{key}={value}"):
                config = plain(compose_config([*fixed, *others, f"{key}={value}"]))
                judge(config)
            names.add(config["name"])
    alone = [*fixed, *first.values()]
    if len(names) > 1:  # several tasks or datasets: a neutral folder name, unchanged if the grid grows
        composed = compose_config([*alone, "name=mixed"], with_hydra=True)
    return JudgedSweep([str(override.input_line) for override in parsed], alone, composed)


def _judge_settings(composed: DictConfig, parsed: Sequence[Override]) -> None:
    """Validate what controls the sweep: ``hydra`` and ``sweep``."""
    hydra: Any = OmegaConf.to_container(composed.hydra)
    judge_against(SweepConfig, OmegaConf.to_container(composed.sweep, resolve=True), "sweep")  # type: ignore[arg-type]
    settings: Any = OmegaConf.to_container(composed.hydra.sweeper, resolve=True)
    target = settings.pop("_target_")
    if target not in SWEEPERS:
        raise ConfigError(
            f"hydra.sweeper._target_={target} cannot run the jobs of hydrarec",
            expected="hydra/sweeper=grid or hydra/sweeper=optuna",
            fix="hydra/sweeper=grid",
            value=target,
        )
    judge_against(SWEEPERS[target], settings, "hydra.sweeper")
    for path, n_jobs in (("launcher", hydra["launcher"].get("n_jobs", 1)), ("sweeper", settings.get("n_jobs", 1))):
        if n_jobs == 0 or n_jobs > 1024:
            raise ConfigError(
                f"hydra.{path}.n_jobs={n_jobs} is no number of jobs at a time",
                expected="1 to 1024, or -1 for one per core",
                fix=f"hydra.{path}.n_jobs=2",
                value=n_jobs,
            )
    interval = next((override for override in parsed if override.is_interval_sweep()), None)
    if interval is not None and SWEEPERS[target] is not SearchConfig:
        raise ConfigError(
            f"{interval.input_line}: a grid has no values between the ends of an interval",
            expected=f"single values, {interval.key_or_group}=a,b,c; or a search, hydra/sweeper=optuna",
            fix="hydra/sweeper=optuna",
            value=interval.input_line,
        )


@contextlib.contextmanager
def _naming(*choices: str) -> Iterator[None]:
    """Say in a :class:`ConfigError` which of the swept options does not go with the rest."""
    try:
        yield
    except ConfigError as error:
        about = str(error.value).split(".")[0]
        choice = next((each for each in choices if len(choices) == 1 or each.split("=")[0] == about), None)
        if choice is None or choice in error.what:
            raise
        fields = {name: getattr(error, name) for name in ("expected", "fix", "file", "line", "value")}
        raise ConfigError(f"{choice}: {error.what}", **fields) from error


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


def _refuse_too_many(parsed: Sequence[Override]) -> None:
    """Count the jobs without making them, and refuse none or too many."""
    jobs = 1
    for override in parsed:
        count = _count(override) if override.is_discrete_sweep() else 1
        jobs *= count
        if count == 0:
            raise ConfigError(
                f"{override.input_line} gives {override.key_or_group} no value",
                expected="at least one value: range(0,3) is 0, 1, 2; glob(*) is every option",
                fix=f"hydrarec-train --cfg job shows {override.key_or_group}",
                value=override.input_line,
            )
        if jobs > MOST_JOBS:
            raise ConfigError(
                f"{override.input_line}: a sweep of {jobs:,} jobs",
                expected=f"at most {MOST_JOBS:,} jobs",
                fix="fewer values, or a search: hydra/sweeper=optuna",
                value=override.input_line,
            )


def _count(override: Override) -> int:
    sweep: Any = override.value()
    if isinstance(sweep, RangeSweep):
        if not sweep.step or not all(math.isfinite(end) for end in (sweep.start, sweep.stop, sweep.step)):  # type: ignore[arg-type]
            return 0
        return max(0, math.ceil((sweep.stop - sweep.start) / sweep.step))  # type: ignore[operator]
    if isinstance(sweep, ChoiceSweep) and any(isinstance(entry, Sweep) for entry in sweep.list):
        raise ConfigError(
            f"{override.input_line} has a sweep among the values",
            expected="either single values or one range(…)",
            fix=f"{override.key_or_group}=<all values, with commas>",
            value=override.input_line,
        )
    return sum(1 for _ in override.sweep_string_iterator())


def _each_once(override: Override) -> Override:
    """The same sweep without values that are equal as numbers, such as 0.001 and 1e-3: they are one job."""
    if not override.is_choice_sweep():
        return override
    key, texts = override.get_key_element(), list(override.sweep_string_iterator())
    kept: dict[tuple[bool, str], str] = {}
    for text, parsed in zip(texts, parse_overrides([f"{key}={text}" for text in texts]), strict=True):
        value: Any = parsed.value()
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if kept.setdefault((number, str(float(value)) if number else repr(value)), text) is not text:
            log.warning("%s=%s is given twice, and runs once", override.key_or_group, text)
    if len(kept) == len(texts):
        return override
    return parse_overrides([f"{key}={','.join(kept.values())}"])[0]


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
