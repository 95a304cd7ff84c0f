"""What is recommended to one person: a user of the training, or somebody who gives some ratings."""

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
from hydrarec.recommend import likeness, screen
from hydrarec.recommend.newcomer import RatedItems, hand_ratings
from hydrarec.recommend.query import Wanted
from hydrarec.recommend.settings import RecommendConfig
from hydrarec.recommend.top import Top, rated_items, top_for_history, top_unrated
from hydrarec.recommend.units import displayed, unit
from hydrarec.recommend.users import one_user

ECHOED = 8  # ratings given by hand, shown again with the titles that were found
ANY = (-np.inf, np.inf)

Answer = Iterator[RenderableType]


def for_user(run: TrainedRun, wanted: Wanted, settings: RecommendConfig) -> Answer:
    """The best of what ``settings.user`` has not rated; reasons from the ratings that the model learnt from.

    Raises:
        DataError: the id is unknown.
    """
    assert settings.user is not None
    data, model = run.data, run.model
    user = one_user(settings.user, data.user_ids)
    excluded = torch.from_numpy(wanted.excluded).to(model.device)
    users = torch.tensor([user], device=model.device)
    top = top_unrated(model, users, rated_items(data, model.device), excluded, settings.k)
    rows = data.rows_of(user)
    learnt = data.parts[rows] == TRAIN
    own = RatedItems(data.items[rows][learnt].astype(np.int64), data.ratings[rows][learnt])
    yield f"user {settings.user} of {data.name}, who has rated {rows.stop - rows.start:,} items: {type(model).__name__}"
    yield from _recommended(run, top, own, wanted, settings)


def for_ratings(run: TrainedRun, wanted: Wanted, settings: RecommendConfig) -> Answer:
    """The best for somebody who gives ``settings.ratings``; those count as they would have counted in training.

    Under ranking each is a positive, whatever the rating; below the run's ``filter.min_rating`` it is none.

    Raises:
        DataError: ratings that cannot be read or used. ConfigError: the model cannot say anything of a new user.
    """
    assert settings.ratings is not None
    data, model = run.data, run.model
    given = hand_ratings(settings.ratings, data, data.scale if run.task == "rating" else ANY)
    own, notes = _counted(run, given)
    targets = own.ratings if run.task == "rating" else np.ones_like(own.ratings)
    excluded = np.union1d(wanted.excluded, given.items)
    items, values, never = (torch.from_numpy(column).to(model.device) for column in (own.items, targets, excluded))
    top = top_for_history(model, items, values, never, settings.k)
    more = f" and {len(given.items) - ECHOED} more" if len(given.items) > ECHOED else ""
    few = RatedItems(given.items[:ECHOED], given.ratings[:ECHOED])
    yield f"a new user of {data.name}, who rates {screen.rated(few, data)}{more}: {type(model).__name__}"
    yield from _recommended(run, top, own, wanted._replace(notes=(*notes, *wanted.notes)), settings)


def _counted(run: TrainedRun, given: RatedItems) -> tuple[RatedItems, list[str]]:
    """Those of the ratings that count, and what is to be said of it."""
    notes = ["every rating that was given counts as a like"] if run.task == "ranking" else []
    least = run.config["filter"]["min_rating"]
    if least is None:
        return given, notes
    counts = given.ratings >= least
    if not counts.any():
        raise DataError(
            f"ratings: none is {least:g} or more, and this run learnt from such ratings only",
            expected=f"at least one rating of {least:g} or more",
            fix="add one, or ask a run with filter=all",
        )
    notes.append(f"except those below {least:g}, as in training (filter.min_rating)")
    return RatedItems(given.items[counts], given.ratings[counts]), notes


def _recommended(run: TrainedRun, top: Top, own: RatedItems, wanted: Wanted, settings: RecommendConfig) -> Answer:
    """The table of what is recommended, with reasons from ``own`` if they are asked for, and what is to be said of it."""
    items, scores = (column[0].cpu().numpy() for column in top)
    found = scores > -np.inf
    shown = screen.Shown(items[found], displayed(run, scores[found]), unit(run))
    if settings.why:
        shown = replace(shown, because=_because(run, shown.items, own, settings.reasons))
    yield from screen.paragraph(shown, run.data)
    if run.task == "ranking":
        yield "score: the model's own; it has no unit, only the order counts"
    yield from wanted.notes
    if len(shown.items) < settings.k:
        yield f"{len(shown.items)} and not {settings.k}: there is nothing more that this user has not rated"
    yield f"next: {_next(run, shown.items, settings)}"


def _because(run: TrainedRun, items: NDArray[np.int64], own: RatedItems, count: int) -> list[str]:
    """For each item the user's own that are nearest to it, as the user rated them."""
    rating_of = dict(zip(own.items.tolist(), own.ratings.tolist(), strict=True))
    found = likeness.reasons(run.model, items, own.items, count)
    ratings = (np.array([rating_of[item] for item in some.tolist()], np.float32) for some in found)
    return [screen.rated(RatedItems(*pair), run.data) for pair in zip(found, ratings, strict=True)]


def _next(run: TrainedRun, items: NDArray[np.int64], settings: RecommendConfig) -> str:
    if not likeness.compares(run.model):
        return screen.command(settings, "users=all", "out=recs.csv")
    if settings.why and len(items):
        return screen.command(settings, f"item={run.data.item_ids.raw[items[0]]}")
    who = f"user={settings.user}" if settings.user is not None else f"ratings={settings.ratings}"
    return screen.command(settings, who, "why=true")
