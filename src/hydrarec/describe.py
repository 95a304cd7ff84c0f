"""``hydrarec-describe``: what is in a dataset, before anyone trains on it."""

from __future__ import annotations

import dataclasses
import re
import sys
from typing import Any

import hydra
from omegaconf import OmegaConf

from hydrarec import cli, console
from hydrarec.config.command_line import parse
from hydrarec.config.composition import compose_config, plain
from hydrarec.config.judge import judge_against, judge_nodes
from hydrarec.config.location import conf_dir
from hydrarec.config.schema import TrainConfig
from hydrarec.describing.settings import DescribeConfig
from hydrarec.errors import ConfigError, did_you_mean

OWN = tuple(field.name for field in dataclasses.fields(DescribeConfig))


def main() -> None:
    """The console script."""
    cli.entry_point(_main)


def _main() -> int:
    arguments = parse(sys.argv[1:])
    if arguments.multirun:
        raise ConfigError(
            "-m is for training: a description is one", expected="no -m", fix="hydrarec-describe dataset=<one of them>"
        )
    _refuse_settings_of_runs(arguments.overrides)
    composed = compose_config(arguments.overrides, "describe", with_hydra=True)  # whose errors keep the contract
    if arguments.shows:
        hydra.main(version_base="1.3", config_path=str(conf_dir()), config_name="describe")(lambda config: None)()
        return 0
    config = plain(composed)
    config.pop("split", None)  # a dataset's own: nothing is split here
    judge_against(DescribeConfig, config)
    judge_nodes(config, "dataset", "filter")
    more = [each for each in arguments.overrides if _key(each) in ("dataset", "filter") and each[:8] != "dataset="]
    return describe(config, [f"dataset={composed.hydra.runtime.choices.dataset}", *more])


def _refuse_settings_of_runs(overrides: list[str]) -> None:
    """``model=…`` and the like would do nothing here."""
    others = {field.name for field in dataclasses.fields(TrainConfig)} - set(OWN)
    for override in overrides:
        if _key(override) in others:
            raise ConfigError(
                f"{override}: {_key(override)} is a setting of a run, and nothing is trained here",
                expected=did_you_mean(_key(override), OWN),
                fix="leave it out",
                value=override,
            )


def _key(override: str) -> str:
    return re.split(r"[=.@/]", override.lstrip("+~"))[0]


def describe(config: dict[str, Any], chosen: list[str]) -> int:
    """Write the description that a judged ``config`` asks for, and print the summary; 0.

    Args:
        config: the settings.
        chosen: the overrides that chose dataset and filter, for the commands that are shown.
    """
    settings = DescribeConfig(**config)
    settings.judge_size()
    folder = settings.folder
    from hydrarec.analysis import description
    from hydrarec.config.factory import factory
    from hydrarec.describing import publication
    from hydrarec.describing.subject import Subject
    from hydrarec.describing.summary import summary

    source, filtering = (factory(OmegaConf.create(node))() for node in (settings.dataset, settings.filter))
    loaded = source.load()
    steps = 1 + description.STEPS + publication.STEPS
    with console.progress(f"describing {loaded.name}", total=steps, unit="steps") as advance:
        interactions = filtering(loaded)
        advance(1)
        found = description.describe(interactions, users=settings.users, items=settings.items, advance=advance)
        subject = Subject(found, source.about, filtering.report(loaded, interactions), chosen)
        pictures = publication.publish(subject, folder, advance)
    sys.stdout.write(summary(subject, pictures, folder))
    return 0


if __name__ == "__main__":
    main()
