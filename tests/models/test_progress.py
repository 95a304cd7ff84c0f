"""Models that compute for long say how far they are, to the end."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator

import pytest
from tests.models.conftest import NUM_ITEMS, NUM_USERS, Make

STEPS = {
    "ease": [("step 1 of 3, counting", NUM_ITEMS), ("step 2 of 3", None), ("step 3 of 3", None)],
    "item_knn": [("ItemKNN: neighbours", NUM_ITEMS)],
    "user_knn": [("UserKNN: neighbours", NUM_USERS)],
    "pure_svd": [("PureSVD", None)],
    "ials": [("iALS, sweep 1", NUM_USERS + NUM_ITEMS)],
}


@pytest.mark.parametrize(("model", "steps"), STEPS.items())
def test_solved_model_says_how_far_it_is(
    model: str, steps: list[tuple[str, int | None]], monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[list] = []

    @contextlib.contextmanager
    def progress(description: str, total: float | None = None, unit: str = "") -> Iterator[Callable[[float], None]]:
        said.append([description, total, 0.0])
        place = len(said) - 1

        def advance(amount: float) -> None:
            said[place][2] += amount

        yield advance

    made = Make("ranking", model)()
    monkeypatch.setattr(sys.modules[type(made).__module__], "progress", progress)
    made.solve(made._data, 0)
    assert len(said) == len(steps)
    for (description, total, done), (words, expected) in zip(said, steps, strict=True):
        assert words in description
        if expected is not None:
            assert total == expected
        if total is not None:
            assert 0 < done <= total
