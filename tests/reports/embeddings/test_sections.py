"""The sections on biases, neighbours and the embeddings themselves."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from tests.reports.embeddings import planted
from tests.reports.embeddings.planted import frame_of, settings

from hydrarec.reports.document import Section
from hydrarec.reports.embeddings.sections import bias_section as biases
from hydrarec.reports.embeddings.sections import map_section as embeddings
from hydrarec.reports.embeddings.sections import neighbour_section as neighbours


def of_items(top_n: int = 100, count: int = 3, min_ratings: int = 20) -> Section:
    subject = planted.subject()
    assert subject.item_biases is not None
    options = settings(bias_top_n=top_n, bias_list=count, min_ratings=min_ratings)
    return biases.of_items(subject, subject.item_biases, options)


def test_best_and_worst_are_the_ends_among_the_most_rated() -> None:
    section = of_items(top_n=30)
    found = frame_of(section, "best_and_worst")
    assert found["item"].tolist() == [0, 10, 20, 290, 280, 270]
    assert found["list"].tolist() == ["best"] * 3 + ["worst"] * 3
    assert found["bias"].iloc[0] == 2
    assert found["ratings"].tolist() == [60, 59, 58, 31, 32, 33]
    assert section.summary == [
        "best by bias: Film 0 (1940); Film 1 (1941); Film 2 (1942)",
        "worst by bias: Film 29 (1969); Film 28 (1968); Film 27 (1967)",
    ]
    assert frame_of(section, "item_biases")["bias"].is_monotonic_decreasing
    assert len(frame_of(section, "item_biases")) == 30


def test_disagreements_are_those_of_enough_ratings() -> None:
    """Of items 0 … 40 number 0 is best by bias, and among the 14 worst by mean rating, as 1, 4, 7 … are amid and 2 best."""
    section = of_items()
    found = frame_of(section, "disagreements")
    above, below = (found[found["list"] == name] for name in ("above", "below"))
    assert above["item"].tolist() == [0, 30, 60]
    assert below["item"].tolist() == [380, 350, 320]
    # item 0: first of 41 by bias, and in the middle of the 14 lowest by mean: rank 41 against (1 + 14) / 2
    assert above["rank gap"].iloc[0] == pytest.approx((41 - 7.5) / 40)
    rare = frame_of(section, "item_biases").set_index("item")["rank gap"]
    assert rare.loc[range(410, 600, 10)].isna().all()
    assert not rare.loc[range(0, 410, 10)].isna().any()


def test_too_few_items_for_the_lists_are_said() -> None:
    assert (
        of_items(top_n=4, count=3).text[1]
        == "3 best and worst were asked for; there are too few items for more than 2."
    )
    assert len(of_items().text) == 1


def test_user_biases() -> None:
    subject = planted.subject()
    assert subject.user_biases is not None
    section = biases.of_users(subject, subject.user_biases)
    assert "half lie within 0.250 and 0.750; mean 0.500" in section.text[0]
    assert frame_of(section, "user_biases")["user"].tolist() == list(range(1, 121))


# -- neighbours -----------------------------------------------------------------------------------------------------


def test_neighbours_have_ratings_enough() -> None:
    """Drama is beside Drama; of those with 20 ratings, the nearest in the second factor come first."""
    subject = planted.subject()
    section = neighbours.section(subject, planted.vectors(), [20, 50], settings(k=3, item=20))
    found = frame_of(section, "neighbours")
    assert found["of"].tolist() == ["Film 20 (1960)"] * 3 + ["Film 50 (1990)"] * 3
    assert (found["ratings"] >= 20).all()
    assert found["genres"].str.contains("Drama").iloc[:3].all()
    assert found["genres"].str.contains("Comedy").iloc[3:].all()
    assert found["cosine similarity"].iloc[:3].is_monotonic_decreasing
    assert section.text == ["By cosine similarity of the item embeddings, among the 41 items with 20 ratings or more."]
    assert section.summary[0] == "nearest to Film 20 (1960):"
    assert section.summary[1].startswith("  1. +0.99")
    silent = neighbours.section(subject, planted.vectors(), [20], settings(k=3, metric="inner"))
    assert silent.summary == []
    expected = (planted.vectors() @ planted.vectors()[20])[:41]
    expected[20] = -np.inf
    assert frame_of(silent, "neighbours")["item"].iloc[0] == 10 * int(expected.argmax())


def test_where_few_have_ratings_enough_all_are_taken() -> None:
    section = neighbours.section(planted.subject(), planted.vectors(), [0], settings(k=10, min_ratings=55))
    assert "among the 60 items with 1 ratings or more" in section.text[0]
    assert len(frame_of(section, "neighbours")) == 10


def test_no_direction_no_neighbours() -> None:
    vectors = planted.vectors()
    vectors[7] = 0
    section = neighbours.section(planted.subject(), vectors, [7], settings(k=3, min_ratings=1, item=7))
    assert section.summary == ["nearest to Film 7 (1947):", "  none: its embedding has no direction"]


# -- the embeddings themselves --------------------------------------------------------------------------------------


def test_first_items_or_the_chosen_ones() -> None:
    subject = planted.subject()
    first = frame_of(embeddings.section(subject, None), "embeddings")
    assert first["item"].tolist() == [10 * item for item in range(20)]
    chosen = frame_of(embeddings.section(subject, [7, 3]), "embeddings")
    assert chosen["item"].tolist() == [70, 30]
    columns = [f"d{number}" for number in range(1, planted.WIDTH + 1)]
    np.testing.assert_array_equal(chosen[columns], planted.vectors()[[7, 3]])
    numbers = frame_of(embeddings.section(subject, None), "distributions").set_index("of")
    assert numbers.loc["items", "number"] == 60
    assert numbers.loc["users", "highest"] == subject.user_vectors.max()  # type: ignore[union-attr]


def test_long_selections_are_drawn_as_far_as_they_can_be_read() -> None:
    section = embeddings.section(planted.subject(), [1] * 120)
    assert section.text == ["The heat map shows the first 100 of the 120 chosen items."]
    assert len(frame_of(section, "embeddings")) == 120


def test_one_side_only() -> None:
    items = embeddings.section(dataclasses.replace(planted.subject(), user_vectors=None), None)
    assert items.text == ["The model has no embeddings of users."]
    users = embeddings.section(dataclasses.replace(planted.subject(), item_vectors=None), None)
    assert users.text == ["The model has no embeddings of items."]
    assert [picture.name for picture in users.pictures] == ["distributions"]
