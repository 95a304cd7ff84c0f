"""Item and user biases; item biases are compared with plain mean ratings (reference C5)."""

from __future__ import annotations

import numpy as np
import pandas as pd

from hydrarec.analysis.biases import Disagreements, best_and_worst, disagreements
from hydrarec.analysis.extremes import Extremes, most_rated
from hydrarec.figures import bias_plots as figures
from hydrarec.reports.document import Picture, Section
from hydrarec.reports.embeddings.analysis_settings import AnalyzeConfig
from hydrarec.reports.embeddings.analysis_subject import Floats, Indices, Subject
from hydrarec.reports.embeddings.publication import table

TITLED = 10  # disagreements of either kind titled in the figure
TERMINAL = 5  # best and worst items on the terminal and titled in the figure


def of_items(subject: Subject, biases: Floats, settings: AnalyzeConfig) -> Section:
    """The best and worst items by bias, and those whose bias and mean rating disagree, given enough ratings.

    Items with one or two ratings are excluded: their mean is too noisy to compare with a bias.
    """
    counts, least = subject.data.item_counts, settings.min_ratings
    top_n, count = settings.bias_top_n, settings.bias_list
    compared = most_rated(counts, top_n)
    ends = best_and_worst(biases, counts, top_n=top_n, k=count)
    enough = np.where(counts >= least, counts, 0)
    apart = disagreements(biases, subject.data.item_means, enough, top_n=top_n, k=count)

    def rows(items: Indices, **labels: object) -> pd.DataFrame:
        frame = subject.described(items, {"bias": biases[items]}, **labels)
        frame.insert(list(frame).index("mean rating") + 1, "rank gap", apart.gap[items])
        return frame

    def listed(lists: dict[str, Indices]) -> pd.DataFrame:
        frames = [rows(items, list=name, place=range(1, len(items) + 1)) for name, items in lists.items()]
        return pd.concat(frames, ignore_index=True)

    disagreeing = f"Ranked furthest above and below their mean rating, among those with {least} ratings or more."
    best_first = rows(compared[np.argsort(-biases[compared], kind="stable")])
    return Section(
        "Item biases",
        [
            _about(subject, compared),
            *_adapted(len(ends.lowest), count),
            _against_means(subject, biases, compared, ends, apart),
            table("best_and_worst", "Best and worst by bias.", listed({"best": ends.highest, "worst": ends.lowest})),
            table("disagreements", disagreeing, listed({"above": apart.raised, "below": apart.lowered})),
            table("item_biases", "All of these items, best first.", best_first, shown=()),
        ],
        [
            f"{name} by bias: " + "; ".join(subject.labels[item] for item in items[:TERMINAL])
            for name, items in (("best", ends.highest), ("worst", ends.lowest))
        ],
    )


def of_users(subject: Subject, biases: Floats) -> Section:
    """The distribution of user biases, and the most generous and the strictest users."""
    low, high = np.quantile(biases, [0.25, 0.75])
    spread = (
        f"Of {len(biases):,} users half lie within {low:.3f} and {high:.3f}; "
        f"mean {biases.mean():.3f}, standard deviation {biases.std():.3f}."
    )
    picture = Picture("user_biases", "The biases of all users.", figures.users(biases))
    columns = {"user": subject.data.user_ids.raw, "bias": biases}
    return Section("User biases", [spread, picture, table("user_biases", "Every user.", columns, shown=())])


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
            "best by bias": places(ends.highest[:TERMINAL]),
            "worst by bias": places(ends.lowest[:TERMINAL]),
            "ranked above their mean rating": places(apart.raised[:TITLED]),
            "ranked below it": places(apart.lowered[:TITLED]),
        },
        [subject.labels[item] for item in compared],
        subject.rating_name,
    )
    caption = "Item bias against mean rating; with titles: both ends, and the widest gaps in rank."
    return Picture("item_biases", caption, figure)
