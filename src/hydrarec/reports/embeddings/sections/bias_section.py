"""What is added to every score of an item or a user, the items' beside their plain mean ratings (reference C5)."""

from __future__ import annotations

import numpy as np
import pandas as pd

from hydrarec.analysis.biases import Disagreements, best_and_worst, disagreements
from hydrarec.analysis.extremes import Extremes, most_rated
from hydrarec.figures import bias_plots as figures
from hydrarec.reports.embeddings.analysis_subject import Floats, Indices, Subject
from hydrarec.reports.embeddings.section_contents import Picture, Section, Table

TITLED = 10  # disagreements of either kind with title in the figure
SAID = 5  # best and worst in the terminal, and with title in the figure


def of_items(subject: Subject, biases: Floats, *, top_n: int, count: int, min_ratings: int) -> Section:
    """``top_n``: most rated items that are compared. ``count``: items in each list.

    ``min_ratings``: of a disagreement; the mean of one or two ratings is no opinion that a bias could disagree with.
    """
    counts, means = subject.data.item_counts, subject.data.item_means
    compared = most_rated(counts, top_n)
    ends = best_and_worst(biases, counts, top_n=top_n, k=count)
    enough = np.where(counts >= min_ratings, counts, 0)
    apart = disagreements(biases, means, enough, top_n=top_n, k=count)

    def listed(lists: dict[str, Indices]) -> pd.DataFrame:
        frames = []
        for name, items in lists.items():
            frame = _rows(subject, biases, apart.gap, items)
            frame.insert(0, "place", range(1, len(items) + 1))
            frame.insert(0, "list", name)
            frames.append(frame)
        return pd.concat(frames, ignore_index=True)

    everything = _rows(subject, biases, apart.gap, compared[np.argsort(-biases[compared], kind="stable")])
    return Section(
        title="Item biases",
        text=[_about(subject, compared), *_adapted(len(ends.lowest), count)],
        pictures=[_against_means(subject, biases, compared, ends, apart)],
        tables=[
            Table("best_and_worst", "Best and worst by bias.", listed({"best": ends.highest, "worst": ends.lowest})),
            Table(
                "disagreements",
                f"Ranked furthest above and below their mean rating, among those with {min_ratings} ratings or more.",
                listed({"above": apart.raised, "below": apart.lowered}),
            ),
            Table.of_file("item_biases", "All of these items, best first.", everything),
        ],
        summary=[
            _said(subject, name, items[:SAID]) for name, items in (("best", ends.highest), ("worst", ends.lowest))
        ],
    )


def of_users(subject: Subject, biases: Floats) -> Section:
    """How user biases are distributed; who is generous and who strict."""
    data = subject.data
    frame = pd.DataFrame({"user": data.user_ids.raw, "bias": biases})
    spread = (
        f"Of {len(biases):,} users half lie within {np.quantile(biases, 0.25):.3f} and {np.quantile(biases, 0.75):.3f}; "
        f"mean {biases.mean():.3f}, standard deviation {biases.std():.3f}."
    )
    return Section(
        title="User biases",
        text=[spread],
        pictures=[Picture("user_biases", "The biases of all users.", figures.users(biases))],
        tables=[Table.of_file("user_biases", "Every user.", frame)],
    )


def _rows(subject: Subject, biases: Floats, gap: Floats, items: Indices) -> pd.DataFrame:
    frame = subject.described(items)
    place = list(frame.columns).index("mean rating")
    frame.insert(place, "bias", biases[items])
    frame.insert(place + 2, "rank gap", gap[items])
    return frame


def _about(subject: Subject, compared: Indices) -> str:
    total = int((subject.data.item_counts > 0).sum())
    which = (
        f"the {len(compared):,} most rated of {total:,} items"
        if len(compared) < total
        else f"all {total:,} rated items"
    )
    return (
        f"Among {which}. A bias is what the model adds to an item's every score, in units of the raw score; unlike the mean "
        "rating it knows who rated the item. The rank gap is the percentile rank by bias less that by mean rating: +0.3 "
        "means that the bias places the item above 30 % more of the others. It has no value for items with too few ratings."
    )


def _adapted(found: int, asked: int) -> list[str]:
    return [f"{asked} best and worst were asked for; there are too few items for more than {found}."] * (found < asked)


def _against_means(
    subject: Subject, biases: Floats, compared: Indices, ends: Extremes, apart: Disagreements
) -> Picture:
    position = {int(item): place for place, item in enumerate(compared)}

    def places(items: Indices) -> list[int]:
        return [position[int(item)] for item in items]

    figure = figures.against_means(
        subject.data.item_means[compared],
        biases[compared],
        {
            "best by bias": places(ends.highest[:SAID]),
            "worst by bias": places(ends.lowest[:SAID]),
            "ranked above their mean rating": places(apart.raised[:TITLED]),
            "ranked below it": places(apart.lowered[:TITLED]),
        },
        [subject.labels[item] for item in compared],
        subject.rating_name,
    )
    caption = "Item bias against mean rating; with titles: both ends, and the widest gaps in rank."
    return Picture("item_biases", caption, figure)


def _said(subject: Subject, name: str, items: Indices) -> str:
    return f"{name} by bias: " + "; ".join(subject.labels[item] for item in items)
