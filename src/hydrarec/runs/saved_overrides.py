"""Overrides that a run folder was started with, checked: the folder is data, and somebody else may have written it."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from typing import Any

from hydra.core.override_parser.types import Override

from hydrarec.config.composition import compose_config, parse_overrides, plain
from hydrarec.config.experiments import todays_overrides
from hydrarec.config.imports import may_import, targets
from hydrarec.config.judge import judge
from hydrarec.config.location import conf_dir
from hydrarec.config.schema import TrainConfig
from hydrarec.core.errors import CheckpointError, ConfigError
from hydrarec.runs.reader import RECORD, RunReader

_NOT_TAKEN = (
    "sweep",
    "output_dir",
    "resume",
    "replay",
)  # settings of a command, not of a run: where it writes, what it starts
_GROUPS = {field.name for field in dataclasses.fields(TrainConfig)} | {"experiment"}
_OPTION = r"\w[\w.+-]*"  # a file of a group; with slashes it could lie anywhere


def saved_overrides(run: RunReader) -> list[str]:
    """The overrides in ``run.json`` that make the run's configuration, under today's names.

    Raises:
        CheckpointError: one is no setting of a run, names a class that may not be imported, or does not compose.
    """
    saved = todays_overrides(run.read_overrides())
    try:
        parsed = parse_overrides(saved)
    except ConfigError as error:
        raise _refused(run, error.what, error.expected) from error
    for override in parsed:
        _check(run, override)
    return [str(override.input_line) for override in parsed if _top(override) not in _NOT_TAKEN]


def composed(run: RunReader, saved: Sequence[str], new: Sequence[str]) -> dict[str, Any]:
    """The validated configuration of the ``saved`` overrides and then the ``new`` ones, which the user typed.

    Raises:
        CheckpointError: the saved overrides alone are invalid. ConfigError: the new ones are.
    """
    try:
        return _judged([*saved, *new])
    except ConfigError:
        try:
            _judged(saved)
        except ConfigError as error:
            raise _refused(run, error.what, error.expected) from error
        raise


def _judged(overrides: Sequence[str]) -> dict[str, Any]:
    config = plain(compose_config(overrides))
    judge(config)
    return config


def _check(run: RunReader, override: Override) -> None:
    text, value = str(override.input_line), None if override.is_delete() else override.value()
    if _top(override) not in _GROUPS | set(_NOT_TAKEN) or override.package is not None or override.is_sweep_override():
        raise _refused(
            run, f"{text} is no setting of one run", "settings of a run; nothing of hydra is taken from a folder"
        )
    for path, node in targets(override.key_or_group, value):
        if not may_import(node["_target_"]):
            raise _refused(
                run, f"{path}._target_={node['_target_']}", "names of hydrarec: nothing else is ever imported"
            )
    if override.key_or_group.endswith("._target_") and not may_import(value):
        raise _refused(run, text, "names of hydrarec: nothing else is ever imported")
    options = value if isinstance(value, list) else [value]
    if _is_group(override.key_or_group) and any(isinstance(o, str) and not re.fullmatch(_OPTION, o) for o in options):
        raise _refused(run, text, "the name of a file in conf/, without slashes")


def _is_group(key: str) -> bool:
    """Whether the key is a config group, whose option is a file; one in a folder of the user's own may have slashes."""
    return "/" in key or (conf_dir() / key).is_dir()


def _top(override: Override) -> str:
    return re.split(r"[./]", override.key_or_group)[0]


def _refused(run: RunReader, what: str, expected: str) -> CheckpointError:
    return CheckpointError(
        f"refused: {what}",
        expected=expected,
        fix="use only run folders that hydrarec wrote and nobody changed; or start a new run with settings that you type",
        file=run.path / RECORD,
    )
