"""Item labels are short enough and overlap nothing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.figures.looking import assert_legible

from hydrarec.figures.labels import bare, place_titles, shortened
from hydrarec.figures.style import new_figure


@pytest.mark.parametrize(
    ("title", "short"),
    [
        ("Alien (1979)", "Alien (1979)"),
        ("Seven (a.k.a. Se7en) (1995)", "Seven (1995)"),
        ("Dr. Strangelove or: How I Learned (1964)", "Dr. Strangelo… (1964)"),
        ("A title of the longest kind", "A title of the longe…"),
    ],
)
def test_shortened(title: str, short: str) -> None:
    assert shortened(title, 21) == short


@given(st.text(), st.integers(9, 40))
def test_shortened_is_never_longer(title: str, width: int) -> None:
    assert len(shortened(title, width)) <= max(width, 9)


def test_bare() -> None:
    assert bare("Amelie (Fabuleux destin, Le) (2001)") == "Amelie"
    assert bare("(500) Days of Summer (2009)") == "Days of Summer"
    assert bare("(1995)") == "(1995)"


@pytest.mark.parametrize("spread", [1.0, 0.02, 0.0])
def test_titles_never_overlap(spread: float) -> None:
    """Also where all points lie on one spot; then those that come first are shown."""
    generator = np.random.default_rng(0)
    points = generator.standard_normal((40, 2)) * spread
    titles = [f"A film with the number {number}" for number in range(40)]
    figure = new_figure(8, 6)
    axis = figure.subplots()
    axis.scatter(points[:, 0], points[:, 1])
    axis.set(title="Forty", xlabel="x", ylabel="y", xlim=(-3, 3), ylim=(-3, 3))
    shown = place_titles(axis, points, titles, fontsize=8)
    assert_legible(figure)
    assert len(shown) == len(axis.texts) >= (30 if spread == 1 else 5)
    assert shown[0].get_text() == titles[0]
    frame = axis.get_window_extent()
    assert all(frame.contains(*corner) for text in shown for corner in text.get_window_extent().corners())


def test_same_titles_same_places() -> None:
    def places() -> list[tuple[float, float]]:
        figure = new_figure(5, 4)
        axis = figure.subplots()
        points = np.random.default_rng(1).random((15, 2))
        axis.scatter(points[:, 0], points[:, 1])
        return [text.get_position() for text in place_titles(axis, points, [f"Film {n}" for n in range(15)])]

    assert places() == places()


def test_a_title_without_room_is_left_out() -> None:
    figure = new_figure(2, 2)
    axis = figure.subplots()
    axis.scatter([0.5], [0.5])
    assert place_titles(axis, np.array([[0.5, 0.5]]), ["w" * 100]) == []
    assert place_titles(axis, np.zeros((0, 2)), []) == []
