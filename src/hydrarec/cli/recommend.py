"""``hydrarec-recommend``: what a trained model recommends, to whom, and why; from its run folder alone."""

from __future__ import annotations

from typing import Any

from hydrarec.cli import entry_point as cli
from hydrarec.config.command_line import configuration
from hydrarec.core import console
from hydrarec.recommend.settings import RecommendConfig

TEXTS = ("run", "user", "users", "item", "ratings", "export", "out")
LISTS = ("genres", "not_genres")
WIDTH = 240  # columns off a terminal, where nothing has to be broken


def main() -> None:
    """The console script."""
    cli.entry_point(_main)


def _main() -> int:
    config = configuration("recommend", RecommendConfig, TEXTS, LISTS)
    return 0 if config is None else recommend(config)


def recommend(config: dict[str, Any]) -> int:
    """Answer the one question that a judged ``config`` asks; 0."""
    settings = RecommendConfig(**config)
    settings.question()  # before torch is imported

    from hydrarec.recommend.answers import answer

    screen = console.stdout()
    if not screen.is_terminal:
        screen.width = WIDTH
    for part in list(answer(settings)):  # nothing is printed of an answer that fails
        screen.print(part, markup=False, emoji=False)  # titles may look like either
    return 0


if __name__ == "__main__":
    main()
