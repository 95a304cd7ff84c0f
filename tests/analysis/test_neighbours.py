"""Nearest neighbours and their overlap against brute force."""

from __future__ import annotations

import itertools
from typing import Literal

import numpy as np
import pytest

from hydrarec.analysis import neighbours
from hydrarec.analysis.neighbours import nearest_neighbours, overlap


def brute(vectors: np.ndarray, query: int, k: int, measure: str, among: list[int]) -> list[int]:
    def similarity(item: int) -> float:
        product = float(vectors[query] @ vectors[item])
        lengths = np.linalg.norm(vectors[query]) * np.linalg.norm(vectors[item])
        return product if measure == "inner" else product / lengths

    others = [item for item in among if item != query]
    if measure == "cosine":
        others = [item for item in others if vectors[item].any() and vectors[query].any()]
    found = sorted(others, key=lambda item: (-similarity(item), item))[:k]
    return found + [-1] * (k - len(found))


@pytest.mark.parametrize("chunk", [1, 100, 2**20])
@pytest.mark.parametrize("measure", ["cosine", "inner"])
@pytest.mark.parametrize("seed", range(5))
def test_equal_to_brute_force(
    seed: int, measure: Literal["cosine", "inner"], chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(neighbours, "CHUNK", chunk)
    generator = np.random.default_rng(seed)
    vectors = generator.normal(size=(30, 4))
    vectors[generator.integers(0, 30, 3)] = 0
    queries = generator.integers(0, 30, 8)
    among = generator.choice(30, 12, replace=False)
    for who, where in [(None, None), (queries, None), (None, among), (queries, among)]:
        found = nearest_neighbours(vectors, k=5, measure=measure, queries=who, among=where)
        asked = range(30) if who is None else who.tolist()
        allowed = list(range(30)) if where is None else where.tolist()
        assert found.items.tolist() == [brute(vectors, query, 5, measure, allowed) for query in asked]
        assert np.array_equal(np.isnan(found.similarities), found.items == -1)


@pytest.mark.parametrize("seed", range(10))
def test_ties_go_by_index(seed: int) -> None:
    vectors = np.random.default_rng(seed).integers(-1, 2, (40, 2)).astype(float)  # whole numbers: no rounding
    found = nearest_neighbours(vectors, k=6, measure="inner")
    assert found.items.tolist() == [brute(vectors, query, 6, "inner", list(range(40))) for query in range(40)]


def test_by_hand() -> None:
    vectors = np.array([[1.0, 0.0], [3.0, 4.0], [0.0, 0.0], [2.0, 0.0], [-1.0, 0.0]])
    found = nearest_neighbours(vectors, k=3, measure="cosine", queries=np.array([0, 2]))
    assert found.items.tolist() == [[3, 1, 4], [-1, -1, -1]]
    assert found.similarities[0] == pytest.approx([1, 3 / 5, -1])
    found = nearest_neighbours(vectors, k=4, measure="inner", queries=np.array([0]))
    assert found.items.tolist() == [[1, 3, 2, 4]]
    assert found.similarities[0] == pytest.approx([3, 2, 0, -1])


def test_cosine_of_huge_and_tiny_vectors() -> None:
    vectors = np.array([[1e200, 0.0], [1e-200, 1e-200], [0.0, 5.0]])
    found = nearest_neighbours(vectors, k=2, measure="cosine")
    assert found.items.tolist() == [[1, 2], [0, 2], [1, 0]]
    assert found.similarities[0, 0] == pytest.approx(1 / np.sqrt(2))


def test_more_neighbours_than_items() -> None:
    found = nearest_neighbours(np.eye(3), k=5, measure="inner", among=np.array([1]))
    assert found.items.tolist() == [[1, -1, -1, -1, -1], [-1] * 5, [1, -1, -1, -1, -1]]
    assert (
        nearest_neighbours(np.eye(3), k=2, measure="inner", among=np.array([], np.int64)).items.tolist()
        == [[-1, -1]] * 3
    )


def test_overlap_by_hand() -> None:
    """2 of 3 shared, then none; unions of 4 and 6. By chance among 9: 3 · 3/9 = 1 shared of 3."""
    found = overlap(np.array([[1, 2, 3], [4, 5, 6]]), np.array([[3, 9, 1], [1, 2, 3]]), candidates=9)
    assert found.shared == pytest.approx([2 / 3, 0])
    assert found.mean == pytest.approx(1 / 3)
    assert found.jaccard == pytest.approx((2 / 4 + 0) / 2)
    assert found.expected == pytest.approx(1 / 3)


@pytest.mark.parametrize(("a", "b", "candidates"), [(2, 2, 5), (3, 1, 6), (4, 4, 4)])
def test_chance_is_that_of_all_choices(a: int, b: int, candidates: int) -> None:
    first = np.array([[*range(a), *[-1] * (4 - a)]])
    second = np.array([[*range(b), *[-1] * (4 - b)]])
    found = overlap(first, second, candidates=candidates)
    shared, jaccard = [], []
    for chosen in itertools.combinations(range(candidates), b):
        common = len(set(range(a)) & set(chosen))
        shared.append(common / max(a, b))
        jaccard.append(common / (a + b - common))
    assert found.expected == pytest.approx(np.mean(shared))
    assert found.expected_jaccard == pytest.approx(np.mean(jaccard))


def test_unrelated_embeddings_overlap_by_chance_and_equal_ones_wholly() -> None:
    generator = np.random.default_rng(0)
    first, second = (nearest_neighbours(generator.normal(size=(400, 8)), k=20, measure="cosine") for _ in range(2))
    by_chance = overlap(first.items, second.items, candidates=399)
    assert by_chance.mean == pytest.approx(by_chance.expected, abs=0.005)
    assert by_chance.jaccard == pytest.approx(by_chance.expected_jaccard, abs=0.003)
    same = overlap(first.items, first.items[:, ::-1], candidates=399)
    assert (same.mean, same.jaccard) == (1, 1)


def test_queries_without_neighbours_are_left_out() -> None:
    none = np.full((2, 3), -1)
    assert np.isnan(overlap(none, none, candidates=5).mean)
    some = np.array([[1, 2, 3], [-1, -1, -1]])
    found = overlap(some, some, candidates=5)
    assert found.mean == 1
    assert np.isnan(found.shared[1])
    assert overlap(some, none, candidates=5).mean == 0
