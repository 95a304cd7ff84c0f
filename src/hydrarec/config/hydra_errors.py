"""Hydra's global state for one composition; its errors as :class:`ConfigError` with the nearest valid names."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from omegaconf import DictConfig, ListConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from hydrarec.config import yaml_files
from hydrarec.config.experiments import renamed_override
from hydrarec.config.location import conf_dir
from hydrarec.config.schema import MODEL_NOTES
from hydrarec.config.typed_overrides import foreign_key, groups, options, unreadable
from hydrarec.config.yaml_files import refuse_endless_defaults
from hydrarec.core.errors import ConfigError, did_you_mean, nearest
from hydrarec.core.hints import pasted

EXTRAS = {"submitit_slurm": "slurm", "submitit_local": "slurm", "ray": "ray"}  # launcher → extra with its plugin


@contextlib.contextmanager
def hydra_state() -> Iterator[None]:
    """Initialise Hydra's global state for one composition; restore the outer one (of a running job) afterwards."""
    outer = GlobalHydra.instance().hydra
    GlobalHydra.instance().clear()
    try:
        with initialize_config_dir(str(conf_dir()), version_base="1.3"):
            yaml_files.register()
            yield
    finally:
        GlobalHydra.instance().hydra = outer


@contextlib.contextmanager
def translated(config_name: str = "train", overrides: Sequence[str] = ()) -> Iterator[None]:
    """Translate errors of Hydra and OmegaConf to :class:`ConfigError`."""
    try:
        yield
    except MissingConfigException as error:
        raise _missing_option(error) from error
    except OverrideParseException as error:
        raise unreadable(str(error.override)) from error
    except OmegaConfBaseException as error:
        raise _unresolved(error) from error
    except HydraException as error:
        raise _unknown_key(error, config_name, overrides) from error
    except RecursionError:
        refuse_endless_defaults(_own_folders(overrides))


def _unresolved(error: OmegaConfBaseException) -> ConfigError:
    """The error for a value that OmegaConf refuses, such as an interpolation that leads nowhere."""
    key = error.full_key or ""
    return ConfigError(
        f"{key}: {_first_line(error)}" if key else _first_line(error),
        expected="a value, or ${<key of another setting>}",
        fix=f"{key}=<a value>" if key else "correct the setting",
        value=key or None,
    )


def _own_folders(overrides: Sequence[str]) -> list[Path]:
    """The user's own folders of YAML files that ``hydra.searchpath`` names."""
    parser = OverridesParser.create()
    values = [each.value() for each in parser.parse_overrides([text for text in overrides if "searchpath" in text])]
    return [Path(str(path).removeprefix("file://")) for paths in values if isinstance(paths, list) for path in paths]


def _first_line(error: BaseException) -> str:
    return next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)


def _missing_option(error: MissingConfigException) -> ConfigError:
    wanted = str(error.missing_cfg_file or error)
    group, _, option = wanted.rpartition("/")
    known = [str(name) for name in error.options or options(group)]
    if not group:  # an unknown group or primary config
        return ConfigError(
            f"there is no config '{wanted}'",
            expected=did_you_mean(wanted, known or groups()),
            fix="correct the name",
            value=wanted,
        )
    return _no_such_option(group, option, known)


def _no_such_option(group: str, option: str, known: Sequence[str]) -> ConfigError:
    extra = EXTRAS.get(option) if group == "hydra/launcher" else None
    if extra is not None:
        return ConfigError(
            f"{group}={option} comes with a plugin that is not installed",
            expected=f"the extra [{extra}]",
            fix=f"pip install 'hydrarec[{extra}]', or hydra/launcher=joblib",
            value=option,
        )
    close, today = nearest(option, known), " ".join(renamed_override(f"{group}={option}"))
    if today == f"{group}={option}":
        some_are_close = 0 < len(close) < len(known)
        today = f"{group}={close[0]}" if some_are_close else f"one of the files in conf/{group}"
    return ConfigError(
        f"{group}={option}: there is no such {group}", expected=did_you_mean(option, known), fix=today, value=option
    )


def _unknown_key(error: HydraException, config_name: str, overrides: Sequence[str]) -> ConfigError:
    shown = f"hydrarec-{config_name} --cfg job shows every setting"
    match = re.search(
        r"Could not (?:override|append|delete|find)[^'\"]*['\"]\+*([^'\"=]+)", f"{error}\n{error.__cause__ or ''}"
    )
    key = match.group(1) if match else ""
    twice = re.search(r"Multiple values for ([^.]+)\..*?: ([^'\n]+)", str(error))
    if twice:
        group, option = twice.groups()
        what = f"+{group}={option}: the defaults have a {group} already, so no +"
        return ConfigError(what, expected=f"{group}={option}", fix=f"{group}={option}", value=option)
    if not key:
        return ConfigError(_first_line(error), expected="a key or group of the configuration", fix=shown)
    if key in groups():  # a part of one option, such as task/protocol of task=ranking
        return _part_of_an_option(key, overrides)
    if "/" in key:
        known = (*groups(), "hydra/launcher", "hydra/sweeper")
        return ConfigError(
            f"there is no group '{key}'", expected=did_you_mean(key, known), fix="correct the name", value=key
        )
    parent, _, last = key.rpartition(".")
    config = _composed(config_name, overrides)
    valid = _keys_under(parent, config, config_name)
    while parent and not valid:  # the first part of the key that does not exist
        parent, _, last = parent.rpartition(".")
        valid = _keys_under(parent, config, config_name)
    wrong = f"{parent}.{last}" if parent else last
    typed = next((text.partition("=")[2] for text in overrides if text.lstrip("+~").startswith(f"{key}=")), "…")
    elsewhere = [f"{parent}={option}" for option in options(parent) if parent and last in _file_of(parent, option)]
    fixes = [_as_typed(full, typed) for full in _keys_ending(last, OmegaConf.to_container(config))][:3]
    theirs = foreign_key(key, typed)
    close = nearest(last, valid)
    if elsewhere:
        fix = f"it belongs to {', '.join(elsewhere)}"
    elif fixes or theirs:
        fix = " or ".join(fixes or [str(theirs)])
    elif 0 < len(close) <= 3 and len(valid) > 3:
        fix = _as_typed(f"{parent}.{close[0]}" if parent else close[0], typed) + f"; {shown}"
    else:
        fix = f"correct the name; {shown}"
    return ConfigError(f"unknown key '{wrong}'", expected=did_you_mean(last, valid), fix=fix, value=key)


def _part_of_an_option(group: str, overrides: Sequence[str]) -> ConfigError:
    above, _, part = group.partition("/")
    typed = next((text for text in overrides if text.lstrip("+~").startswith(f"{group}=")), group)
    entries = {option: OmegaConf.select(_file_of(above, option), "defaults") or [] for option in options(above)}
    owners = [f"{above}={option}" for option, listed in entries.items() if any(part in entry for entry in listed)]
    return ConfigError(
        f"{typed}: this {above} has no {part}",
        expected=f"{' or '.join(owners)} beside it",
        fix=f"{owners[0]} {typed.lstrip('+~')}" if owners else f"leave out {typed}",
        value=typed,
    )


def _as_typed(key: str, typed: str) -> str:
    return key if typed in ("…", "") or key in groups() else pasted(f"{key}={typed}")


def _composed(config_name: str, overrides: Sequence[str]) -> DictConfig:
    """The configuration with the same options chosen, and nothing else changed."""
    pairs = [override.partition("=") for override in overrides]
    chosen = [f"{group}={option}" for group, _, option in pairs if "/" not in group and option in options(group)]
    with hydra_state():
        return compose(config_name, overrides=chosen if config_name == "train" else [], return_hydra_config=True)


def _keys_under(parent: str, config: DictConfig, config_name: str) -> list[str]:
    """Valid keys under ``parent``."""
    node = OmegaConf.select(config, parent) if parent else config
    keys = [str(key) for key in node] if isinstance(node, DictConfig) else []
    tops = groups() if config_name == "train" and not parent else ()
    return sorted({*keys, *tops} - {"_target_", *MODEL_NOTES})


def _keys_ending(last: str, node: Any, path: str = "") -> list[str]:
    """Full keys of nested settings whose last part is ``last``."""
    found: list[str] = []
    for key, value in node.items() if isinstance(node, dict) else ():
        full = f"{path}.{key}" if path else str(key)
        if key == last and path:
            found.append(full)
        elif key not in ("hydra", *MODEL_NOTES):
            found += _keys_ending(last, value, full)
    return found


def _file_of(group: str, option: str) -> DictConfig | ListConfig:
    return OmegaConf.load(conf_dir() / group / f"{option}.yaml")
