"""``hydrarec-report``: compare run folders: which is better, by how much, and whether it is significant."""

from __future__ import annotations

import gc
from typing import Any

from hydrarec.cli import entry_point as cli
from hydrarec.config.command_line import configuration
from hydrarec.core import console
from hydrarec.reports.comparison.comparison_settings import ReportConfig

PATHS = ("runs", "name", "output_dir", "check")


def main() -> None:
    """The console script."""
    cli.entry_point(_main)


def _main() -> int:
    config = configuration("report", ReportConfig, PATHS)
    return 0 if config is None else report(config)


def report(config: dict[str, Any]) -> int:
    """Write the report, or print one comparison; return exit code 0."""
    from hydrarec.reports.comparison import check, report_output  # scipy takes a second to import
    from hydrarec.reports.writers import terminal

    gc.disable()  # short process with many live objects: the collector would waste a fifth of its time
    settings = ReportConfig(**config)
    settings.judge_columns()
    if settings.check is None:
        terminal.show(*report_output.publish(settings), console.stdout())
    else:
        console.write(check.check(settings))
    return 0


if __name__ == "__main__":
    main()
