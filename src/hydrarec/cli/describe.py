"""``hydrarec-describe``: describe a dataset before training."""

from __future__ import annotations

import dataclasses
import re
import sys
from typing import Any

from omegaconf import OmegaConf

from hydrarec.cli import entry_point as cli
from hydrarec.config.command_line import configuration
from hydrarec.config.judge import judge_nodes
from hydrarec.config.schema import TrainConfig
from hydrarec.core import console
from hydrarec.core.errors import ConfigError, did_you_mean
from hydrarec.reports.description.description_settings import DescribeConfig

OWN = ("dataset", "filter", "name", "output_dir", "users", "items")


def main() -> None:
    """The console script."""
    cli.entry_point(_main)


def _main() -> int:
    _refuse_settings_of_runs(sys.argv[1:])
    config = configuration("describe", DescribeConfig, ("name", "output_dir"))
    if config is None:
        return 0
    judge_nodes(config, "dataset", "filter")
    return describe(config, _chosen(config, sys.argv[1:]))


def _refuse_settings_of_runs(arguments: list[str]) -> None:
    """Reject ``model=…`` and other run settings, which would have no effect here."""
    others = {field.name for field in dataclasses.fields(TrainConfig)} - set(OWN)
    for argument in arguments:
        if _key(argument) in others:
            raise ConfigError(
                f"{argument}: {_key(argument)} is a setting of a run, and nothing is trained here",
                expected=did_you_mean(_key(argument), OWN),
                fix="leave it out",
                value=argument,
            )


def _chosen(config: dict[str, Any], arguments: list[str]) -> list[str]:
    """The overrides that select dataset and filter, defaults included, for the suggested commands."""
    given = [argument for argument in arguments if _key(argument) in ("dataset", "filter")]
    if any(argument.startswith(("dataset=", "dataset.name=")) for argument in given):
        return given
    return [f"dataset={config['dataset']['name']}", *given]


def _key(argument: str) -> str:
    return re.split(r"[=.@/]", argument.lstrip("+~"))[0]


def describe(config: dict[str, Any], chosen: list[str]) -> int:
    """Write the description for a validated ``config`` and print its summary; return exit code 0.

    Args:
        config: the settings.
        chosen: the overrides that select dataset and filter, for the suggested commands.
    """
    settings = DescribeConfig(**config)
    settings.judge_size()
    folder = settings.folder
    from hydrarec.analysis import description
    from hydrarec.config.factory import factory
    from hydrarec.reports.description.dataset_page import Subject, publish
    from hydrarec.reports.writers import terminal

    source, filtering = (factory(OmegaConf.create(node))() for node in (settings.dataset, settings.filter))
    loaded = source.load()
    with console.progress(f"describing {loaded.name}", total=1 + description.STEPS, unit="steps") as advance:
        interactions = filtering(loaded)
        advance(1)
        found = description.describe(interactions, users=settings.users, items=settings.items, advance=advance)
    subject = Subject(found, source.about, filtering.report(loaded, interactions), chosen)
    terminal.show(*publish(subject, folder), console.stdout())
    return 0


if __name__ == "__main__":
    main()
