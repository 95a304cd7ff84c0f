"""Answer the question that ``hydrarec-recommend`` was asked."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from rich.console import RenderableType

from hydrarec.core import console
from hydrarec.core.errors import ConfigError
from hydrarec.data.titles import TitleIndex
from hydrarec.models.trained import TrainedRun, load_run
from hydrarec.recommend import display, personal, similarity
from hydrarec.recommend.bulk import recommendations
from hydrarec.recommend.display import displayed_scores
from hydrarec.recommend.export import export_embeddings
from hydrarec.recommend.selection import Selection, select_items
from hydrarec.recommend.settings import RecommendConfig
from hydrarec.recommend.tables import table_file
from hydrarec.recommend.users import many_users

Answer = Iterator[RenderableType]


def answer(settings: RecommendConfig) -> Answer:
    """Lines and tables to print, in order; the last line is the next command to try.

    Raises:
        ConfigError: settings that do not fit this run. DataError: an unknown id, title or genre, or an unreadable file.
        CheckpointError: the run is unfinished or damaged. EnvironmentFault: a file that cannot be written.
    """
    torch.set_num_threads(settings.threads)
    question, run = settings.question(), load_run(Path(settings.run))
    if settings.k > run.data.num_items and question != "export":
        raise ConfigError(
            f"k={settings.k} is more than the {run.data.num_items:,} items of this run",
            expected=f"1 to {run.data.num_items}",
            fix=f"k={min(10, run.data.num_items)}",
            value=settings.k,
        )
    if settings.why:
        similarity.similarity_measure(run.model)
    selection = select_items(
        run.data,
        genres=settings.genres,
        not_genres=settings.not_genres,
        years=settings.years,
        min_ratings=settings.min_ratings,
    )
    answers = {
        "user": personal.for_user,
        "ratings": personal.for_ratings,
        "item": _for_item,
        "users": _for_users,
        "export": _export,
    }
    return answers[question](run, selection, settings)


def _for_item(run: TrainedRun, selection: Selection, settings: RecommendConfig) -> Answer:
    assert settings.item is not None
    data = run.data
    measure = similarity.similarity_measure(run.model)
    item = TitleIndex(data.titles, data.item_ids).index_of(settings.item)
    nearest = similarity.nearest_items(run.model, np.array([item]), np.flatnonzero(selection.allowed), settings.k)
    found = nearest.items[0] >= 0
    items = nearest.items[0][found]
    yield f"items like {data.label(item)}, according to {type(run.model).__name__} trained on {data.name}"
    yield from display.paragraph(display.Shown(items, nearest.similarities[0][found], measure), data)
    yield from selection.notes
    if len(items) < settings.k:
        yield f"{len(items)} instead of {settings.k}: the model finds no other similar items"
    first = data.item_ids.raw[items[0] if len(items) else item]
    yield f"next: {display.command(settings, f'item={first}')}"


def _for_users(run: TrainedRun, selection: Selection, settings: RecommendConfig) -> Answer:
    assert settings.users is not None
    assert settings.out is not None
    data, out = run.data, Path(settings.out)
    users, notes = many_users(settings.users, data.user_ids, settings.on_unknown)
    started, rows, full = time.monotonic(), 0, 0
    with (
        table_file(out, data) as write,
        console.progress("recommending", total=len(users), unit="users") as advance,
    ):
        for part in recommendations(run, users, selection.excluded, settings.k, settings.memory_mib, advance):
            write(part._replace(scores=displayed_scores(run, part.scores)))
            rows += len(part.users)
            full += int((part.ranks == settings.k).sum())
    yield f"{len(users):,} users, {rows:,} recommendations in {time.monotonic() - started:.1f} s: {out}"
    yield from (*notes, *selection.notes)
    if full < len(users):
        yield f"{len(users) - full:,} users get fewer than {settings.k}: they have rated all other items"
    why = ["why=true"] if similarity.can_compare_items(run.model) else []
    yield f"next: {display.command(settings, f'user={data.user_ids.raw[users[0]]}', *why)}"


def _export(run: TrainedRun, selection: Selection, settings: RecommendConfig) -> Answer:
    assert settings.export is not None
    yield from export_embeddings(run, Path(settings.export))
    yield f"next: {display.command(settings, f'item={run.data.item_ids.raw[0]}')}"
