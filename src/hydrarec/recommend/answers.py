"""The answer to the one question that ``hydrarec-recommend`` is asked."""

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
from hydrarec.recommend import likeness, personal, screen
from hydrarec.recommend.bulk import recommendations
from hydrarec.recommend.export import export_embeddings
from hydrarec.recommend.query import Wanted, wanted_items
from hydrarec.recommend.settings import RecommendConfig
from hydrarec.recommend.tables import table_file
from hydrarec.recommend.units import displayed
from hydrarec.recommend.users import many_users

Answer = Iterator[RenderableType]


def answer(settings: RecommendConfig) -> Answer:
    """What is to be shown, line by line and table by table; the last is the next command to try.

    Raises:
        ConfigError: settings that this run cannot serve. DataError: an id, title, genre or file that does not fit it.
        CheckpointError: no finished run, or a damaged one. EnvironmentFault: a file that cannot be written.
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
        likeness.measure_of(run.model)
    wanted = wanted_items(
        run.data,
        genres=settings.genres,
        not_genres=settings.not_genres,
        years=settings.years,
        min_ratings=settings.min_ratings,
    )
    answers = {
        "user": personal.for_user,
        "ratings": personal.for_ratings,
        "item": _like_item,
        "users": _for_users,
        "export": _export,
    }
    return answers[question](run, wanted, settings)


def _like_item(run: TrainedRun, wanted: Wanted, settings: RecommendConfig) -> Answer:
    assert settings.item is not None
    data = run.data
    measure = likeness.measure_of(run.model)
    item = TitleIndex(data.titles, data.item_ids).index_of(settings.item)
    alike = likeness.most_alike(run.model, np.array([item]), np.flatnonzero(wanted.allowed), settings.k)
    found = alike.items[0] >= 0
    items = alike.items[0][found]
    yield f"more like {data.label(item)}, as {type(run.model).__name__} learnt it from {data.name}"
    yield from screen.paragraph(screen.Shown(items, alike.similarities[0][found], measure), data)
    yield from wanted.notes
    if len(items) < settings.k:
        yield f"{len(items)} and not {settings.k}: the model finds no more that are like it"
    nearest = data.item_ids.raw[items[0] if len(items) else item]
    yield f"next: {screen.command(settings, f'item={nearest}')}"


def _for_users(run: TrainedRun, wanted: Wanted, settings: RecommendConfig) -> Answer:
    assert settings.users is not None
    assert settings.out is not None
    data, out = run.data, Path(settings.out)
    users, notes = many_users(settings.users, data.user_ids, settings.on_unknown)
    started, rows, full = time.monotonic(), 0, 0
    with (
        table_file(out, data) as write,
        console.progress("recommending", total=len(users), unit="users") as advance,
    ):
        for part in recommendations(run, users, wanted.excluded, settings.k, settings.memory_mib, advance):
            write(part._replace(scores=displayed(run, part.scores)))
            rows += len(part.users)
            full += int((part.ranks == settings.k).sum())
    yield f"{len(users):,} users, {rows:,} recommendations in {time.monotonic() - started:.1f} s: {out}"
    yield from (*notes, *wanted.notes)
    if full < len(users):
        yield f"{len(users) - full:,} users get fewer than {settings.k}: there is nothing more that they have not rated"
    why = ["why=true"] if likeness.compares(run.model) else []
    yield f"next: {screen.command(settings, f'user={data.user_ids.raw[users[0]]}', *why)}"


def _export(run: TrainedRun, wanted: Wanted, settings: RecommendConfig) -> Answer:
    assert settings.export is not None
    yield from export_embeddings(run, Path(settings.export))
    yield f"next: {screen.command(settings, f'item={run.data.item_ids.raw[0]}')}"
