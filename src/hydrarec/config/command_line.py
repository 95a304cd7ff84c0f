"""Command-line parsing: Hydra's own parser, with its errors raised as :class:`ConfigError`."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

import hydra
from hydra._internal.utils import get_args_parser

from hydrarec.config.composition import compose_config, plain
from hydrarec.config.explain import as_table, explain
from hydrarec.config.judge import judge_against
from hydrarec.config.location import conf_dir
from hydrarec.core import console
from hydrarec.core.errors import ConfigError, did_you_mean
from hydrarec.core.hints import quoted

SEPARATOR = "dataset.separator"
SHOWING = ("help", "hydra_help", "cfg", "info", "shell_completion")  # these only show something and start no run


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Parse the arguments into Hydra's namespace, options and settings in any order.

    Its ``shows`` is true for options that start no run; ``arguments`` are the options, then the settings, as Hydra's own
    parser wants them.

    Raises:
        ConfigError: an unknown option (with the nearest ones), or options that cannot be combined.
    """
    parser = get_args_parser()
    parser.add_argument("--explain", action="store_true", help="Show each setting and the file that it comes from")
    options = [option for action in parser._actions for option in action.option_strings]

    def complain(message: str) -> NoReturn:
        typed = [word for word in arguments if word.startswith("-") and word.split("=")[0] not in options]
        wrong = next(iter(typed), None)
        raise ConfigError(
            f"unknown option {wrong}" if wrong else message,
            expected=did_you_mean(wrong, options) if wrong else "an option as --help shows it",
            fix="hydrarec-train --hydra-help",
            value=wrong,
        )

    parser.error = complain  # type: ignore[method-assign]
    found = parser.parse_intermixed_args(arguments)
    if found.resolve and not found.cfg:
        complain("--resolve goes with --cfg")
    if found.config_name or found.config_path:
        complain("--config-name and --config-path are not for hydrarec, which has one configuration per command")
    if found.experimental_rerun:  # a pickle, which Hydra would load
        complain("--experimental-rerun loads a pickle, which may run any code; replay=<run folder> runs a run again")
    if found.explain and found.multirun:
        complain("--explain is for one run, and -m for several")
    found.shows = any(getattr(found, name) for name in SHOWING)
    settings = [_separator(override) for override in found.overrides]
    found.arguments = [word for word in arguments if word not in found.overrides] + settings
    found.overrides = settings
    if found.config_dir:  # the user's own folder, in addition to conf/
        folder = Path(found.config_dir).resolve()
        if not folder.is_dir():
            complain(f"--config-dir {found.config_dir} is no folder")
        found.overrides = [f"hydra.searchpath=[{quoted(f'file://{folder}')}]", *found.overrides]
    return found


def configuration(
    config_name: str, schema: type, texts: Sequence[str] = (), lists: Sequence[str] = ()
) -> dict[str, Any] | None:
    """Validated configuration of a command that does not train; None if an option such as ``--help`` only showed something.

    Args:
        config_name: name of the file in ``conf/``. schema: dataclass of its settings.
        texts: settings whose values are taken literally: paths, titles.
        lists: settings whose values are lists of such texts: ``genres=[Children's,Sci-Fi]``.

    Raises:
        ConfigError: an invalid option or setting.
    """
    sys.argv[1:] = [_listed(_quoted(argument, texts), lists) for argument in sys.argv[1:]]
    arguments = parse(sys.argv[1:])
    if arguments.multirun:
        raise ConfigError("-m is for training only", expected="no -m", fix=f"hydrarec-{config_name} without -m")
    if arguments.explain:
        console.write(as_table(explain(arguments.overrides, config_name)))
        return None
    composed = compose_config(arguments.overrides, config_name)  # hydra.main would take half a second
    if arguments.shows:
        hydra.main(version_base="1.3", config_path=str(conf_dir()), config_name=config_name)(lambda _: None)()
        return None
    config = plain(composed)
    judge_against(schema, config)
    return config


def _separator(argument: str) -> str:
    """Take a separator as it is typed: ; and a blank mean something else to Hydra, and \\t is a tab."""
    is_tab = argument == f"{SEPARATOR}=\\t"
    return _quoted(f"{SEPARATOR}=\t" if is_tab else argument, (SEPARATOR,))


def _quoted(argument: str, names: Sequence[str]) -> str:
    """Quote a value such as ``check=a,b`` or ``runs=outputs/*``: Hydra reads commas as a sweep and rejects other characters.

    Quoted values and lists are unchanged.
    """
    name, _, value = argument.partition("=")
    if name not in names or value in ("", "null") or re.fullmatch(r"(['\"]).*\1|\[.*\]", value, flags=re.DOTALL):
        return argument
    return f"{name}={quoted(value)}"


def _listed(argument: str, names: Sequence[str]) -> str:
    """Turn ``genres=[Children's,Sci-Fi]``, with or without brackets, into a list of quoted texts unless already quoted."""
    name, _, value = argument.partition("=")
    words = [word.strip() for word in value.removeprefix("[").removesuffix("]").split(",")]
    if name not in names or value in ("", "null") or any(word.startswith(("'", '"')) for word in words):
        return argument
    return f"{name}=[{','.join(quoted(word) for word in words if word)}]"
