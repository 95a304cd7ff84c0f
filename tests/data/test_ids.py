"""IdMap: exact, sorted, independent of the order of the rows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hydrarec.core.errors import DataError
from hydrarec.data.ids import IdMap

int64 = st.integers(-(2**63) + 1, 2**63 - 1)


@given(st.lists(int64, min_size=1))
def test_indices_lead_back_to_the_exact_integers(raw: list[int]) -> None:
    ids, indices = IdMap.of(raw)
    assert ids.raw[indices].tolist() == raw
    assert ids.to_list() == sorted(set(raw))
    assert indices.dtype == np.int32


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), min_size=1))
def test_indices_lead_back_to_the_same_strings(raw: list[str]) -> None:
    ids, indices = IdMap.of(raw)
    assert ids.raw[indices].tolist() == raw
    assert ids.to_list() == sorted(set(raw))


@given(st.lists(int64, min_size=1), st.randoms(use_true_random=False))
def test_the_map_does_not_depend_on_the_order_of_rows(raw: list[int], random: object) -> None:
    shuffled = raw.copy()
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert IdMap.of(raw)[0] == IdMap.of(shuffled)[0]


@given(st.lists(int64, min_size=1, unique=True) | st.lists(st.text("ab7", min_size=1), min_size=1, unique=True))
def test_a_saved_list_gives_the_same_map(raw: list[int] | list[str]) -> None:
    ids, _ = IdMap.of(raw)
    assert IdMap.from_list(ids.to_list()) == ids
    assert all(type(value) in (int, str) for value in ids.to_list())


def test_integers_beyond_2_to_the_53_stay_apart() -> None:
    assert len(IdMap.of([2**53, 2**53 + 1])[0]) == 2


def test_strings_keep_007_and_7_apart() -> None:
    assert IdMap.of(["007", "7"])[0].to_list() == ["007", "7"]


def test_floats_are_refused() -> None:
    with pytest.raises(TypeError):
        IdMap.of(np.array([1.5]))
    with pytest.raises(TypeError):
        IdMap.of([1.5])  # type: ignore[list-item]


def test_raw_ids_cannot_be_changed() -> None:
    ids, _ = IdMap.of([3, 1])
    with pytest.raises(ValueError, match="read-only"):
        ids.raw[0] = 9


def test_an_unknown_integer_is_answered_with_its_neighbours() -> None:
    ids, _ = IdMap.of([1, 5, 9, 40])
    assert ids.index_of(9) == 2
    assert ids.index_of("9") == 2
    with pytest.raises(DataError) as caught:
        ids.index_of(8)
    assert caught.value.what == "id '8' does not occur in the ratings"
    assert caught.value.expected == "one of 4 ids, next to it 1, 5, 9, 40"


@pytest.mark.parametrize("unknown", [2**70, -(2**70), "12345678901234567890"])
def test_an_id_beyond_int64_is_unknown_not_an_overflow(unknown: int | str) -> None:
    with pytest.raises(DataError, match="does not occur"):
        IdMap.of([1, 5])[0].index_of(unknown)


def test_a_misspelt_string_is_answered_with_the_nearest() -> None:
    ids, _ = IdMap.of(["alice", "bob", "carol"])
    with pytest.raises(DataError) as caught:
        ids.index_of("alise")
    assert "alice" in caught.value.expected


def test_text_among_integers_is_not_an_integer() -> None:
    with pytest.raises(DataError, match="not an integer"):
        IdMap.of([1, 2])[0].index_of("one")


def test_many_at_once() -> None:
    ids, _ = IdMap.of([10, 20, 30])
    assert ids.indices_of([30, 10, 30]).tolist() == [2, 0, 2]
    with pytest.raises(DataError, match=r"2 such ids"):
        ids.indices_of(np.array([10, 11, 12]))


def test_an_unsorted_saved_list_is_refused() -> None:
    with pytest.raises(DataError, match="not sorted"):
        IdMap.from_list([2, 1])
