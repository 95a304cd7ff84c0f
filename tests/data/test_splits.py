"""Splits as sets: disjoint, complete, and the same for any row order."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hydrarec.core.errors import ConfigError, DataError
from hydrarec.data.interactions import Interactions, interactions_of
from hydrarec.data.splits import FoldSplit, GivenSplit, LegacySplit, RandomSplit, Split
from hydrarec.data.table import RatingTable, Scale


class NoFolds:
    name = "tiny"

    def unused_times(self) -> list[str]:
        return []

    def official_fold(self, fold: int) -> np.ndarray:
        parts = np.zeros(40, np.int8)
        parts[fold::5] = 2
        return parts


def interactions(rows: int = 40, order: np.ndarray | None = None, part: np.ndarray | None = None) -> Interactions:
    """``rows`` distinct pairs of 8 users, in canonical order whatever ``order`` they come in."""
    order = np.arange(rows) if order is None else order
    pairs = np.arange(rows)
    table = RatingTable(
        users=(pairs % 8)[order],
        items=(pairs // 8)[order],
        ratings=(1.0 + pairs % 5).astype(np.float32)[order],
        timestamps=pairs[order],
        part=None if part is None else part[order],
        places=lambda rows: [],
    )
    return interactions_of(table, name="tiny", scale=Scale(low=1, high=5, step=1), duplicates="error", texts=None)


def assert_partition(split: Split, rows: int) -> None:
    together = np.concatenate([split.train, split.val, split.test])
    assert np.array_equal(np.sort(together), np.arange(rows))


@settings(max_examples=60, deadline=None)
@given(st.integers(5, 200), st.integers(0, 2**40), st.floats(0, 0.45), st.floats(0.05, 0.45))
def test_random_parts_are_disjoint_complete_and_of_the_asked_size(
    rows: int, seed: int, val: float, test: float
) -> None:
    if round(rows * test) + round(rows * val) in (0, rows):
        return
    split = RandomSplit(seed=seed, val=val, test=test)(interactions(rows), NoFolds())
    assert_partition(split, rows)
    assert len(split.test) == round(rows * test)
    assert len(split.val) == round(rows * val)


def test_random_depends_on_the_seed_alone_and_not_on_the_row_order() -> None:
    shuffled = np.random.default_rng(1).permutation(40)
    splits = [
        RandomSplit(seed=3, val=0.2, test=0.2)(data, NoFolds())
        for data in (interactions(), interactions(order=shuffled))
    ]
    assert splits[0].fingerprint == splits[1].fingerprint
    assert RandomSplit(seed=4, val=0.2, test=0.2)(interactions(), NoFolds()).fingerprint != splits[0].fingerprint


def test_the_test_part_does_not_depend_on_the_share_of_validation() -> None:
    tests = [RandomSplit(seed=0, val=val, test=0.25)(interactions(), NoFolds()).test for val in (0.0, 0.1, 0.5)]
    assert np.array_equal(tests[0], tests[1])
    assert np.array_equal(tests[0], tests[2])


def test_shares_that_leave_nothing_to_train_on() -> None:
    with pytest.raises(ConfigError, match="leave nothing to train on"):
        RandomSplit(seed=0, val=0.5, test=0.5)


def test_nothing_to_evaluate() -> None:
    with pytest.raises(DataError, match="0 to evaluate"):
        RandomSplit(seed=0, val=0.0, test=0.0)(interactions(), NoFolds())


def test_folds_test_each_row_once() -> None:
    splits = [
        FoldSplit(folds=5, fold=k, seed=7, val=0.25, official=False)(interactions(), NoFolds()) for k in range(1, 6)
    ]
    for split in splits:
        assert_partition(split, 40)
        assert (len(split.train), len(split.val), len(split.test)) == (24, 8, 8)
    assert np.array_equal(np.sort(np.concatenate([split.test for split in splits])), np.arange(40))


def test_official_folds_are_the_sources() -> None:
    split = FoldSplit(folds=5, fold=2, seed=0, val=0.0, official=True)(interactions(), NoFolds())
    assert np.array_equal(split.test, np.arange(2, 40, 5))
    assert len(split.val) == 0


@pytest.mark.parametrize(("folds", "fold"), [(5, 6), (1, 1)])
def test_a_fold_that_does_not_exist(folds: int, fold: int) -> None:
    with pytest.raises(ConfigError, match="does not exist"):
        FoldSplit(folds=folds, fold=fold, seed=0, val=0.1, official=False)


def test_legacy_validates_on_the_first_of_numpys_old_permutation() -> None:
    split = LegacySplit(random_state=42, val=0.2)(interactions(), NoFolds())
    assert_partition(split, 40)
    np.random.seed(42)  # as the source does it
    assert np.array_equal(split.val, np.sort(np.random.permutation(40)[:8]))
    assert len(split.test) == 0


def test_given_parts_of_separate_files() -> None:
    part = (np.arange(40) % 3).astype(np.int8)
    split = GivenSplit(index=None, hold_out_last=False, seed=0)(interactions(part=part), NoFolds())
    assert_partition(split, 40)
    assert len(split.train) == (part == 0).sum()


def test_given_needs_parts() -> None:
    with pytest.raises(ConfigError, match="needs parts"):
        GivenSplit(index=None, hold_out_last=False, seed=0)(interactions(), NoFolds())


def test_given_index_round_trip_and_its_checks(tmp_path: Path) -> None:
    data = interactions()
    made = RandomSplit(seed=0, val=0.2, test=0.2)(data, NoFolds())
    path = tmp_path / "split.npz"
    np.savez(path, train=made.train, val=made.val, test=made.test, fingerprint=data.fingerprint)
    assert GivenSplit(index=str(path), hold_out_last=False, seed=0)(data, NoFolds()).fingerprint == made.fingerprint
    with pytest.raises(DataError, match="other interactions"):
        GivenSplit(index=str(path), hold_out_last=False, seed=0)(interactions(32), NoFolds())
    np.savez(path, train=made.train, val=made.val, test=made.test[1:], fingerprint=data.fingerprint)
    with pytest.raises(DataError, match="leave rows out"):
        GivenSplit(index=str(path), hold_out_last=False, seed=0)(data, NoFolds())
    path.write_text("<html>")
    with pytest.raises(DataError, match="not a split index"):
        GivenSplit(index=str(path), hold_out_last=False, seed=0)(data, NoFolds())


def test_the_report_counts_what_training_never_saw() -> None:
    data = interactions()
    parts = np.where(data.users == 0, 2, np.where(data.items == 0, 1, 0)).astype(
        np.int8
    )  # user 0 tests, item 0 validates
    rows = [np.flatnonzero(parts == part) for part in range(3)]
    report = Split(*rows, protocol="by hand").report(data)["parts"]
    assert report["test"]["ratings_of_cold_users"] == (data.users == 0).sum() == 5
    assert report["val"]["ratings_of_cold_items"] == 7
    assert report["train"]["ratings_of_cold_items"] == 0
    assert [report[part]["users"] for part in ("train", "val", "test")] == [7, 7, 1]
    assert [report[part]["items"] for part in ("train", "val", "test")] == [4, 1, 5]
