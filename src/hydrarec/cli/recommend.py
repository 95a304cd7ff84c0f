"""``hydrarec-recommend``: recommendations of a trained model, with explanations, from its run folder alone."""

from __future__ import annotations

from typing import Any

from hydrarec.cli import entry_point as cli
from hydrarec.config.command_line import configuration
from hydrarec.core import console
from hydrarec.recommend.settings import RecommendConfig

TEXTS = ("run", "user", "users", "item", "ratings", "export", "out")
LISTS = ("genres", "not_genres")
WIDTH = 240  # columns if stdout is not a terminal, so that no line wraps


def main() -> None:
    """The console script."""
    cli.entry_point(_main)


def _main() -> int:
    config = configuration("recommend", RecommendConfig, TEXTS, LISTS)
    return 0 if config is None else recommend(config)


def recommend(config: dict[str, Any]) -> int:
    """Answer the one question in a validated ``config``; return exit code 0."""
    settings = RecommendConfig(**config)
    settings.question()  # validate before importing torch

    from hydrarec.recommend.answers import answer

    screen = console.stdout()
    if not screen.is_terminal:
        screen.width = WIDTH
    for part in list(answer(settings)):  # list() first: print nothing if the answer fails midway
        screen.print(part, markup=False, emoji=False)  # titles may look like markup or emoji codes
    return 0


if __name__ == "__main__":
    main()
