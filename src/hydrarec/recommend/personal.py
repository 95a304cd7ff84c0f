"""Recommendations for one person: a user of the training data, or a new user who gives ratings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import RenderableType

from hydrarec.core.errors import DataError
from hydrarec.data.table import TRAIN
from hydrarec.models.trained import TrainedRun
from hydrarec.recommend import display, similarity
from hydrarec.recommend.display import displayed_scores, score_unit
from hydrarec.recommend.newcomer import RatedItems, parse_ratings
from hydrarec.recommend.selection import Selection
from hydrarec.recommend.settings import RecommendConfig
from hydrarec.recommend.top import Top, rated_items, top_for_newcomer, top_unrated
from hydrarec.recommend.users import one_user

ECHOED = 8  # given ratings that are repeated with the titles found
ANY = (-np.inf, np.inf)

Answer = Iterator[RenderableType]


def for_user(run: TrainedRun, selection: Selection, settings: RecommendConfig) -> Answer:
    """The best unrated items of ``settings.user``; reasons come from the ratings of the training part.

    Raises:
        DataError: the id is unknown.
    """
    assert settings.user is not None
    data, model = run.data, run.model
    user = one_user(settings.user, data.user_ids)
    excluded = torch.from_numpy(selection.excluded).to(model.device)
    users = torch.tensor([user], device=model.device)
    top = top_unrated(model, users, rated_items(data, model.device), excluded, settings.k)
    rows = data.rows_of(user)
    in_training = data.parts[rows] == TRAIN
    own = RatedItems(data.items[rows][in_training].astype(np.int64), data.ratings[rows][in_training])
    yield f"user {settings.user} of {data.name}, who has rated {rows.stop - rows.start:,} items: {type(model).__name__}"
    yield from _recommended(run, top, own, selection, settings)


def for_ratings(run: TrainedRun, selection: Selection, settings: RecommendConfig) -> Answer:
    """The best items for a new user with ``settings.ratings``, which count as they would have in training.

    Under ranking each rating is a positive, except those below the run's ``filter.min_rating``.

    Raises:
        DataError: ratings that cannot be read or used. ConfigError: the model cannot score for a new user.
    """
    assert settings.ratings is not None
    data, model = run.data, run.model
    given = parse_ratings(settings.ratings, data, data.scale if run.task == "rating" else ANY)
    own, notes = _counted_ratings(run, given)
    targets = own.ratings if run.task == "rating" else np.ones_like(own.ratings)
    excluded = np.union1d(selection.excluded, given.items)
    items, values, never = (torch.from_numpy(column).to(model.device) for column in (own.items, targets, excluded))
    top = top_for_newcomer(model, items, values, never, settings.k)
    more = f" and {len(given.items) - ECHOED} more" if len(given.items) > ECHOED else ""
    few = RatedItems(given.items[:ECHOED], given.ratings[:ECHOED])
    yield f"a new user of {data.name}, who rates {display.rated(few, data)}{more}: {type(model).__name__}"
    yield from _recommended(run, top, own, selection._replace(notes=(*notes, *selection.notes)), settings)


def _counted_ratings(run: TrainedRun, given: RatedItems) -> tuple[RatedItems, list[str]]:
    """The ratings that count, and notes on the others."""
    notes = ["every given rating counts as a like"] if run.task == "ranking" else []
    least = run.config.get("filter", {}).get("min_rating")
    if least is None:
        return given, notes
    counts = given.ratings >= least
    if not counts.any():
        raise DataError(
            f"ratings: none is {least:g} or more, and this run in_training from such ratings only",
            expected=f"at least one rating of {least:g} or more",
            fix="add one, or ask a run with filter=all",
        )
    notes.append(f"except those below {least:g}, as in training (filter.min_rating)")
    return RatedItems(given.items[counts], given.ratings[counts]), notes


def _recommended(run: TrainedRun, top: Top, own: RatedItems, selection: Selection, settings: RecommendConfig) -> Answer:
    """The table of recommendations, with reasons from ``own`` where asked for, then notes and the next command."""
    items, scores = (column[0].cpu().numpy() for column in top)
    found = scores > -np.inf
    shown = display.Shown(items[found], displayed_scores(run, scores[found]), score_unit(run))
    if settings.why:
        shown = replace(shown, because=_because(run, shown.items, own, settings.reasons))
    yield from display.paragraph(shown, run.data)
    if run.task == "ranking":
        yield "score: the model's own, without a unit; only the order counts"
    yield from selection.notes
    if len(shown.items) < settings.k:
        yield f"{len(shown.items)} instead of {settings.k}: this user has rated all other items"
    yield f"next: {_next(run, shown.items, settings)}"


def _because(run: TrainedRun, items: NDArray[np.int64], own: RatedItems, count: int) -> list[str]:
    """For each item the user's most similar rated items, with their ratings."""
    rating_of = dict(zip(own.items.tolist(), own.ratings.tolist(), strict=True))
    found = similarity.reasons(run.model, items, own.items, count)
    ratings = (np.array([rating_of[item] for item in some.tolist()], np.float32) for some in found)
    return [display.rated(RatedItems(*pair), run.data) for pair in zip(found, ratings, strict=True)]


def _next(run: TrainedRun, items: NDArray[np.int64], settings: RecommendConfig) -> str:
    if not similarity.can_compare_items(run.model):
        return display.command(settings, "users=all", "out=recs.csv")
    if settings.why and len(items):
        return display.command(settings, f"item={run.data.item_ids.raw[items[0]]}")
    who = f"user={settings.user}" if settings.user is not None else f"ratings={settings.ratings}"
    return display.command(settings, who, "why=true")
