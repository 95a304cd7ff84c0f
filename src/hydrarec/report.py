"""``hydrarec-report``: read run folders; say which is better, by how much, and whether it is more than noise."""

from __future__ import annotations

import gc
import re
import sys
from typing import Any

import hydra

from hydrarec import cli
from hydrarec.config.command_line import parse
from hydrarec.config.composition import compose_config, plain
from hydrarec.config.judge import judge_against
from hydrarec.config.location import conf_dir
from hydrarec.errors import ConfigError
from hydrarec.reporting.settings import ReportConfig

PATHS = ("runs", "name", "output_dir", "check")


def main() -> None:
    """The console script."""
    cli.entry_point(_main)


def _main() -> int:
    sys.argv[1:] = [_quoted(argument) for argument in sys.argv[1:]]
    arguments = parse(sys.argv[1:])
    if arguments.multirun:
        raise ConfigError("-m is for training: a report is one", expected="no -m", fix="hydrarec-report runs=<folder>")
    if arguments.shows:
        hydra.main(version_base="1.3", config_path=str(conf_dir()), config_name="report")(lambda config: None)()
        return 0
    config = plain(compose_config(arguments.overrides, "report"))  # Hydra's own start would take half a second
    judge_against(ReportConfig, config)
    return report(config)


def report(config: dict[str, Any]) -> int:
    """Write the report, or print one comparison; 0."""
    from hydrarec.reporting import check, publication  # scipy takes a second to import

    gc.disable()  # a short process, whose many objects stay: the collector would take a fifth of its time in vain
    settings = ReportConfig(**config)
    settings.judge_columns()
    text = publication.publish(settings) if settings.check is None else check.check(settings)
    sys.stdout.write(text)
    return 0


def _quoted(argument: str) -> str:
    """``check=a,b`` and ``runs=outputs/*`` as one text each: Hydra would take commas for a sweep and refuse other signs."""
    match = re.fullmatch(rf"({'|'.join(PATHS)})=([^'\"\[].*)", argument, flags=re.DOTALL)
    if match is None or match[2] == "null":
        return argument
    text = match[2].replace("\\", "\\\\").replace("'", "\\'")
    return f"{match[1]}='{text}'"


if __name__ == "__main__":
    main()
