"""``hydrarec-analyze``: analyse the learned embeddings and biases of a finished run in figures and tables."""

from __future__ import annotations

from typing import Any

from hydrarec.cli import entry_point as cli
from hydrarec.config.command_line import configuration
from hydrarec.core import console
from hydrarec.reports.embeddings.analysis_settings import AnalyzeConfig

TEXTS = ("run", "runs", "compare", "output_dir", "name", "item", "items")
LISTS = ("runs", "compare", "items")


def main() -> None:
    """The console script."""
    cli.entry_point(_main)


def _main() -> int:
    config = configuration("analyze", AnalyzeConfig, TEXTS, LISTS)
    return 0 if config is None else analyze(config)


def analyze(config: dict[str, Any]) -> int:
    """Write the analysis and print its summary; return exit code 0."""
    settings = AnalyzeConfig(**config)
    settings.judge_subject()

    from hydrarec.reports.embeddings import pair, seeds, single
    from hydrarec.reports.writers import terminal

    if settings.run is not None:
        written = single.analyze_run(settings)
    elif settings.runs is not None:
        written = seeds.analyze_seeds(settings)
    else:
        written = pair.analyze_pair(settings)
    terminal.show(*written, console.stdout())
    return 0


if __name__ == "__main__":
    main()
