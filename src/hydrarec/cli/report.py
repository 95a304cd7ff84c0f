"""``hydrarec-report``: read run folders; say which is better, by how much, and whether it is more than noise."""

from __future__ import annotations

import gc
import sys
from typing import Any

from hydrarec.cli import entry_point as cli
from hydrarec.config.command_line import configuration
from hydrarec.reports.comparison.comparison_settings import ReportConfig

PATHS = ("runs", "name", "output_dir", "check")


def main() -> None:
    """The console script."""
    cli.entry_point(_main)


def _main() -> int:
    config = configuration("report", ReportConfig, PATHS)
    return 0 if config is None else report(config)


def report(config: dict[str, Any]) -> int:
    """Write the report, or print one comparison; 0."""
    from hydrarec.reports.comparison import check  # scipy takes a second to import
    from hydrarec.reports.comparison import comparison_output as publication

    gc.disable()  # a short process, whose many objects stay: the collector would take a fifth of its time in vain
    settings = ReportConfig(**config)
    settings.judge_columns()
    text = publication.publish(settings) if settings.check is None else check.check(settings)
    sys.stdout.write(text)
    return 0


if __name__ == "__main__":
    main()
