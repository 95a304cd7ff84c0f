"""Highest and lowest items of a scale, against plain sorting."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hydrarec.analysis.extremes import extremes, most_rated

# Few distinct values, so that there are ties; NaN where an item has none.
VALUES = st.lists(st.tuples(st.sampled_from([-1.0, 0.0, 0.5, np.nan]), st.integers(0, 4)), max_size=12)


@given(VALUES, st.integers(0, 5), st.integers(0, 4))
def test_equal_to_plain_sorting(rows: list[tuple[float, int]], k: int, min_ratings: int) -> None:
    values, counts = np.array([v for v, _ in rows], float), np.array([c for _, c in rows], int)
    eligible = [i for i, (value, count) in enumerate(rows) if count >= min_ratings and not np.isnan(value)]
    size = min(k, len(eligible) // 2)
    lowest = sorted(eligible, key=lambda i: (values[i], i))[:size]
    highest = [i for i in sorted(eligible, key=lambda i: (-values[i], i)) if i not in lowest][:size]
    found = extremes(values, counts, k=k, min_ratings=min_ratings)
    assert found.lowest.tolist() == lowest
    assert found.highest.tolist() == highest


def test_by_hand() -> None:
    values, counts = np.array([0.3, -2.0, 9.0, 1.0, -1.0]), np.array([20, 21, 5, 30, 20])
    found = extremes(values, counts, k=2, min_ratings=20)
    assert found.lowest.tolist() == [1, 4]
    assert found.highest.tolist() == [3, 0]
    assert values.tolist() == [0.3, -2.0, 9.0, 1.0, -1.0]


def test_most_rated() -> None:
    counts = np.array([3, 0, 7, 3, 1], np.int32)
    assert most_rated(counts, 3).tolist() == [2, 0, 3]
    assert most_rated(counts, 99).tolist() == [2, 0, 3, 4]
    assert most_rated(np.array([1, 2], np.uint8), 2).tolist() == [1, 0]
