"""The words on the command line: Hydra's own parser, whose complaints keep our contract."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from hydra._internal.utils import get_args_parser

from hydrarec.errors import ConfigError, did_you_mean

SHOWING = ("help", "hydra_help", "cfg", "info", "shell_completion")  # these show something and start no run


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Hydra's namespace, with ``shows`` for those options that start no run.

    Raises:
        ConfigError: an option that does not exist (with the nearest ones), or one that goes with another.
    """
    parser = get_args_parser()
    options = [option for action in parser._actions for option in action.option_strings]

    def complain(message: str) -> NoReturn:
        wrong = next((word for word in arguments if word.startswith("-") and word.split("=")[0] not in options), None)
        raise ConfigError(
            f"unknown option {wrong}" if wrong else message,
            expected=did_you_mean(wrong, options) if wrong else "an option as --help shows it",
            fix="hydrarec-train --hydra-help",
            value=wrong,
        )

    parser.error = complain  # type: ignore[method-assign]
    found = parser.parse_args(arguments)
    if found.resolve and not found.cfg:
        complain("--resolve goes with --cfg")
    if found.config_name or found.config_path:
        complain("--config-name and --config-path are not for hydrarec, which has one configuration per command")
    found.shows = any(getattr(found, name) for name in SHOWING)
    if found.config_dir:  # a folder of the user's own, beside conf/
        found.overrides = [f"hydra.searchpath=[{Path(found.config_dir).resolve().as_uri()}]", *found.overrides]
    return found
