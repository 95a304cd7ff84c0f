"""Hydra's global state for one composition; its errors as :class:`ConfigError` with the nearest valid names."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Sequence

from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from hydrarec.config.experiments import renamed_override
from hydrarec.config.location import conf_dir
from hydrarec.config.schema import MODEL_NOTES
from hydrarec.core.errors import ConfigError, did_you_mean, nearest

EXTRAS = {"submitit_slurm": "slurm", "submitit_local": "slurm", "ray": "ray"}  # launcher → extra with its plugin


@contextlib.contextmanager
def hydra_state() -> Iterator[None]:
    """Initialise Hydra's global state for one composition; restore the outer one (of a running job) afterwards."""
    outer = GlobalHydra.instance().hydra
    GlobalHydra.instance().clear()
    try:
        with initialize_config_dir(str(conf_dir()), version_base="1.3"):
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
        raise ConfigError(
            f"cannot read the override '{error.override}'",
            expected="key=value, group=option, +key=value or ~key",
            fix="put quotes around values with special characters",
            value=error.override,
        ) from error
    except OmegaConfBaseException as error:
        first = str(error).splitlines()[0]
        raise ConfigError(first, expected="a value of the field's type", fix=f"correct '{error.full_key}'") from error
    except HydraException as error:
        raise _unknown_key(error, config_name, overrides) from error
    except ValueError as error:
        if not str(error).startswith("Config group override"):  # Hydra's message for model=3
            raise
        wrong = [override.split("=") for override in overrides if override.split("=")[0] in _groups()]
        group, option = next(pair for pair in wrong if pair[1] not in _options(pair[0]))
        raise _no_such_option(group, option, _options(group)) from error


def _missing_option(error: MissingConfigException) -> ConfigError:
    wanted = str(error.missing_cfg_file or error)
    group, _, option = wanted.rpartition("/")
    options = [str(name) for name in error.options or []]
    if not group:  # an unknown group or primary config
        return ConfigError(f"there is no config '{wanted}'", expected=did_you_mean(wanted, options or _groups()))
    return _no_such_option(group, option, options)


def _no_such_option(group: str, option: str, options: Sequence[str]) -> ConfigError:
    extra = EXTRAS.get(option) if group == "hydra/launcher" else None
    if extra is not None:
        return ConfigError(
            f"{group}={option} comes with a plugin that is not installed",
            expected=f"the extra [{extra}]",
            fix=f"pip install 'hydrarec[{extra}]', or hydra/launcher=joblib",
            value=option,
        )
    close, today = nearest(option, options), " ".join(renamed_override(f"{group}={option}"))
    if today == f"{group}={option}":
        some_are_close = 0 < len(close) < len(options)
        today = f"{group}={close[0]}" if some_are_close else f"one of the files in conf/{group}"
    return ConfigError(
        f"{group}={option}: there is no such {group}", expected=did_you_mean(option, options), fix=today, value=option
    )


def _unknown_key(error: HydraException, config_name: str, overrides: Sequence[str]) -> ConfigError:
    text = f"{error}\n{error.__cause__ or ''}"
    match = re.search(r"Could not (?:override|append|delete|find)[^'\"]*['\"]\+*([^'\"=]+)", text)
    key = match.group(1) if match else ""
    parent, _, last = key.rpartition(".")
    pairs = [override.partition("=") for override in overrides]
    choices = [f"{group}={option}" for group, _, option in pairs if group in _groups() and option in _options(group)]
    valid = _keys_under(parent, config_name, choices) if key else []
    shown = f"'hydrarec-{config_name} --cfg job' shows every setting"
    if not valid:
        return ConfigError(str(error).splitlines()[0], expected="a key or group of the configuration", fix=shown)
    files = [(option, conf_dir() / parent / f"{option}.yaml") for option in _options(parent)]
    elsewhere = [f"{parent}={option}" for option, path in files if last in OmegaConf.load(path)]
    hint = f"it belongs to {', '.join(elsewhere)}; or " if elsewhere else ""
    return ConfigError(
        f"unknown key '{key}'",
        expected=did_you_mean(last, valid),
        fix=f"{hint}correct the name; {shown}",
        value=key,
    )


def _keys_under(parent: str, config_name: str, choices: Sequence[str]) -> list[str]:
    """Valid keys under ``parent``, in the configuration with the same options chosen."""
    with hydra_state():
        config = compose(config_name, overrides=list(choices))
    node = OmegaConf.select(config, parent) if parent else config
    keys = [str(key) for key in node] if isinstance(node, DictConfig) else []
    groups = _groups() if config_name == "train" and not parent else []
    return sorted({*keys, *groups} - {"_target_", *MODEL_NOTES})


def _groups() -> list[str]:
    return sorted(folder.name for folder in conf_dir().iterdir() if folder.is_dir())


def _options(group: str) -> list[str]:
    return sorted(path.stem for path in (conf_dir() / group).glob("*.yaml"))
