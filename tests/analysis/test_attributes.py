"""Parsing of years and genres in MovieLens's format."""

from __future__ import annotations

import numpy as np
import pytest

from hydrarec.analysis.attributes import genre_flags, item_attributes, release_years


def test_years() -> None:
    found = release_years(["Toy Story (1995)", "Babylon 5", "Death Note: Desu nôto (2006–2007)"])
    assert found.dtype == np.float64
    assert found[[0, 2]].tolist() == [1995, 2006]
    assert np.isnan(found[1])
    assert release_years([]).shape == (0,)


def test_genres() -> None:
    names, flags = genre_flags(["Drama|Comedy", "", "Film-Noir", "Comedy|Comedy| "])
    assert names == ("Comedy", "Drama", "Film-Noir")
    assert flags.tolist() == [[1, 1, 0], [0, 0, 0], [0, 0, 1], [1, 0, 0]]
    assert genre_flags(["", ""])[1].shape == (2, 0)


def test_all_that_is_known_of_an_item() -> None:
    counts, means = np.array([3, 0]), np.array([4.5, np.nan])
    found = item_attributes(["Alien (1979)", "Alien"], ["Horror", ""], counts, means)
    assert found.names == ("Horror", "release year", "popularity", "mean rating")
    assert found.values[0] == pytest.approx([1, 1979, np.log(4), 4.5])
    assert np.isnan(found.values[1]).tolist() == [False, True, False, True]
    assert item_attributes(None, None, counts, means).names == ("popularity", "mean rating")
