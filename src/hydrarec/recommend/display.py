"""Recommendations as they appear on a terminal."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from hydrarec.models.trained import TrainedRun
from hydrarec.recommend.newcomer import RatedItems
from hydrarec.recommend.selection import SEPARATOR
from hydrarec.recommend.settings import FILTERS, RecommendConfig
from hydrarec.runs.run_data import RunData

FORMS = {"stars": ".2f", "cosine": ".3f"}  # other scores may have any magnitude


@dataclass(frozen=True)
class Shown:
    """A list of items, best first.

    Attributes:
        items: indices, int64 [n]. values: beside each, float [n]. unit: of the values, the heading of their column.
        because: the reason for each; empty if not asked for.
    """

    items: NDArray[np.int64]
    values: NDArray[np.floating]
    unit: str
    because: Sequence[str] = field(default=())


def score_unit(run: TrainedRun) -> str:
    """``stars`` under the rating task, else ``score``, of which only the order counts."""
    return "stars" if run.task == "rating" else "score"


def displayed_scores(run: TrainedRun, scores: NDArray[np.float32]) -> NDArray[np.float32]:
    """Stars clipped to the scale, where the run's evaluation does the same; other scores as they are.

    Only for display: the ranking uses the unclipped scores.
    """
    if run.task != "rating" or not run.config["task"].get("objective", {}).get("clip"):
        return scores
    return scores.clip(*run.data.scale)


def paragraph(shown: Shown, data: RunData) -> Iterator[RenderableType]:
    """The table between blank lines; nothing if it has no rows."""
    if len(shown.items):
        yield from ("", table(shown, data), "")


def table(shown: Shown, data: RunData) -> Table:
    """Place, title, value, genres, raw id and reasons."""
    found = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    found.add_column("#", justify="right")
    found.add_column("title")
    found.add_column(shown.unit, justify="right")
    if data.genres is not None:
        found.add_column("genres")
    found.add_column("item")
    if shown.because:
        found.add_column("because of")
    form = FORMS.get(shown.unit, ".4g")
    for place, (item, value) in enumerate(zip(shown.items.tolist(), shown.values.tolist(), strict=True)):
        genres = [] if data.genres is None else [data.genres[item].replace(SEPARATOR, ", ")]
        reasons = shown.because[place : place + 1]
        cells = str(place + 1), data.label(item), f"{value:{form}}", *genres, str(data.item_ids.raw[item]), *reasons
        found.add_row(*map(Text, cells))  # plain text: a title may look like markup
    return found


def rated(own: RatedItems, data: RunData) -> str:
    """``Alien (1979) 5, Aliens (1986) 4``, as the user rated them."""
    pairs = zip(own.items.tolist(), own.ratings.tolist(), strict=True)
    return ", ".join(f"{data.label(item)} {rating:g}" for item, rating in pairs)


def command(settings: RecommendConfig, *arguments: str) -> str:
    """The command to type next: the same run and filters, other ``arguments``."""
    filters = {name: getattr(settings, name) for name in FILTERS if getattr(settings, name)}
    words = [f"{name}={_typed(value)}" for name, value in filters.items()]
    return shlex.join(["hydrarec-recommend", f"run={settings.run}", *arguments, *words])


def _typed(value: object) -> str:
    return f"[{','.join(map(str, value))}]" if isinstance(value, list | tuple) else str(value)
