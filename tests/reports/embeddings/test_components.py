"""The sections on components and on what they mean, on planted factors."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

import numpy as np
import pytest
from tests.reports.embeddings import planted
from tests.reports.embeddings.planted import frame_of

from hydrarec.analysis.extremes import most_rated
from hydrarec.reports.document import Section
from hydrarec.reports.embeddings.analysis_subject import Subject
from hydrarec.reports.embeddings.projection import Projection, project
from hydrarec.reports.embeddings.sections import component_section as components
from hydrarec.reports.embeddings.sections import meaning_section as meaning


def projection_of(subject: Subject, top_n: int = 100, number: int = 3) -> Projection:
    assert subject.item_vectors is not None
    items = most_rated(subject.data.item_counts, top_n)
    return project(subject.item_vectors, items, planted.settings(components=number))


def section_of(subject: Subject, top_n: int = 100, number: int = 3, **changed: Any) -> Section:
    settings = planted.settings(**{"components": number, "extremes": 4, "titled": 12, **changed})
    return components.section(subject, projection_of(subject, top_n, number), settings)


def test_the_planted_factors_are_kept_and_no_more() -> None:
    section = section_of(planted.subject())
    assert section.summary[0].startswith("Parallel analysis keeps 2 of 8 components (100% of")
    variances = frame_of(section, "components")
    assert variances["kept"].tolist() == ["yes"] * 2 + ["no"] * 6
    assert variances["cumulative share"].iloc[-1] == pytest.approx(1)
    assert [picture.name for picture in section.pictures] == ["scree", "scatter", "extremes"]


def test_extremes_are_the_ends_of_the_planted_order() -> None:
    """The second factor grows with the item's number; items 0 … 40 have 20 ratings or more."""
    found = frame_of(section_of(planted.subject()), "extremes")
    assert len(found) == 3 * 2 * 4
    second = found[found["component"] == "PC2"]
    ends = {tuple(rows["item"] // 10) for _, rows in second.groupby("end")}
    up, down = (0, 1, 2, 3), (40, 39, 38, 37)
    assert ends == {up, down}
    assert second["place"].tolist() == [1, 2, 3, 4] * 2
    row = second[second["item"] == 390].iloc[0]
    assert row["ratings"] == 21
    assert row["mean rating"] == 1 + 2 * (39 % 3)
    assert row["genres"] == "Drama"
    assert row["title"] == "Film 39 (1979)"
    assert abs(row["PC1"]) == pytest.approx(2, abs=0.05)
    lowest = found[(found["component"] == "PC1") & (found["end"] == "lowest")]["PC1"]
    assert lowest.is_monotonic_increasing
    assert (lowest < 0).all()


def test_what_cannot_be_done_as_asked_is_said() -> None:
    section = section_of(planted.subject(), number=20, extremes=10, min_ratings=58)
    assert "20 components were asked for; there are 8." in section.text[1]
    assert "3 of these items have 58 ratings or more: 1 at either end, where 10 were asked for" in section.text[1]
    none = section_of(planted.subject(), min_ratings=1000)
    assert "0 of these items have 1000 ratings or more: none at either end" in none.text[1]
    assert [picture.name for picture in none.pictures] == ["scree", "scatter"]
    assert len(section_of(planted.subject()).text) == 1


def test_most_rated_items_are_those_of_the_training_part() -> None:
    section = section_of(planted.subject(), top_n=5)
    assert section.text[0].startswith("Computed over the 5 most rated of 60 items, the mean embedding subtracted.")
    assert frame_of(section, "projection")["item"].tolist() == [0, 10, 20, 30, 40]
    assert frame_of(section, "projection")["ratings"].tolist() == [60, 59, 58, 57, 56]


def test_one_dimension() -> None:
    subject = dataclasses.replace(planted.subject(), item_vectors=planted.vectors()[:, :1])
    section = section_of(subject)
    assert "one dimension" in section.summary[0]
    assert [picture.name for picture in section.pictures] == ["scree", "extremes"]


def test_ids_where_there_are_no_titles() -> None:
    section = section_of(planted.subject(titles=False, genres=False))
    assert list(frame_of(section, "extremes"))[:4] == ["component", "end", "place", "item"]
    assert not {"title", "genres"} & set(frame_of(section, "extremes"))
    assert "Colour" not in next(picture for picture in section.pictures if picture.name == "scatter").title


# -- what they mean -------------------------------------------------------------------------------------------------


def meaning_of(subject: Subject) -> Section:
    section = meaning.section(subject, projection_of(subject, number=2), planted.settings(resamples=200))
    assert section is not None
    return section


def test_planted_meaning_is_said_strongest_first() -> None:
    section = meaning_of(planted.subject())
    assert re.fullmatch(r"PC1: Comedy ([+−])1\.00, Drama (?!\1)[+−]1\.00", section.summary[0])
    assert re.fullmatch(r"PC2: release year ([+−])1\.00, popularity (?!\1)[+−]\.\d\d", section.summary[1])
    found = frame_of(section, "meaning")
    assert found[found["component"] == "PC1"]["r"].abs().is_monotonic_decreasing
    assert ((found["low"] <= found["r"]) & (found["r"] <= found["high"])).all()
    assert found[found["attribute"] == "War"]["beyond chance"].eq("no").any()


def test_without_titles_and_genres_the_ratings_remain() -> None:
    section = meaning_of(planted.subject(titles=False, genres=False))
    assert set(frame_of(section, "meaning")["attribute"]) == {"popularity", "mean rating"}
    assert section.text[-1] == "The data have no genres and no release years."


def test_nothing_known_that_varies_means_nothing() -> None:
    subject = planted.subject(titles=False, genres=False)
    few = projection_of(subject, number=2)
    one = dataclasses.replace(few, items=np.zeros_like(few.items))  # the same item, sixty times
    assert meaning.section(subject, one, planted.settings()) is None
