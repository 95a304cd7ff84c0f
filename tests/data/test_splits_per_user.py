"""Splits that hold out part of each user's ratings: affected users, held-out rows, and ties."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.data.small_data import table_of
from tests.data.test_splits import NoFolds, assert_partition

from hydrarec.core.errors import ConfigError, DataError
from hydrarec.data.interactions import Interactions, interactions_of
from hydrarec.data.splits import GivenSplit, GlobalTime, LeaveOneOut, Split, UserRatio
from hydrarec.data.splits.chronology import later_ratings
from hydrarec.data.table import TEST, TRAIN, VALIDATION, Scale

Row = tuple[int, int, int]  # user, item, time


def interactions(rows: list[Row], *, times: bool = True, part: list[int] | None = None) -> Interactions:
    users, items, seconds = (list(column) for column in zip(*rows, strict=True))
    table = table_of(users, items, [1.0] * len(rows), seconds if times else None, part)
    return interactions_of(table, name="tiny", scale=Scale(low=1, high=5, step=1), duplicates="error", texts=None)


def rows_in(split: Split, data: Interactions, part: str) -> set[tuple[int, int]]:
    """The raw (user, item) pairs of a part."""
    rows = getattr(split, part)
    users, items = data.user_ids.raw[data.users[rows]], data.item_ids.raw[data.items[rows]]
    return set(zip(users.tolist(), items.tolist(), strict=True))


pairs = st.sets(st.tuples(st.integers(0, 7), st.integers(0, 9)), min_size=6, max_size=60)
many_rows = pairs.flatmap(
    lambda found: st.lists(st.integers(100, 112), min_size=len(found), max_size=len(found)).map(
        lambda seconds: [(*pair, second) for pair, second in zip(sorted(found), seconds, strict=True)]
    )
)
repeated = settings(max_examples=60, deadline=None)

# user 1 rates four items, user 2 three, user 3 two, user 4 one; in time order 10, 20, 30, 40
FOUR_USERS = [(1, 10, 1), (1, 20, 2), (1, 30, 3), (1, 40, 4), (2, 10, 5), (2, 30, 6), (2, 20, 7), (3, 10, 8), (3, 20, 9), (4, 10, 10)]  # fmt: skip


# -- the order of a user's ratings -------------------------------------------------------------------------------------


@repeated
@given(many_rows, st.integers(0, 2**40))
def test_later_ratings_against_a_naive_count(rows: list[Row], seed: int) -> None:
    data = interactions(rows)
    assert data.timestamps is not None
    later = later_ratings(data.users, data.timestamps, seed)
    for user in range(data.num_users):
        mine = np.flatnonzero(data.users == user)
        assert sorted(later[mine]) == list(range(len(mine)))
        in_order = mine[np.argsort(-later[mine])]
        assert np.all(np.diff(data.timestamps[in_order]) >= 0)


def test_times_too_far_apart_for_one_number_per_user_and_time() -> None:
    users, times = np.array([0, 0, 1, 1], np.int32), np.array([-(2**62), 2**62, 2**62, 5], np.int64)
    assert later_ratings(users, times, 0).tolist() == [1, 0, 0, 1]


def test_each_of_tied_ratings_is_the_latest_equally_often() -> None:
    """3,000 users rate the same 3 items in one second: neither the first nor the last item id is preferred."""
    users = np.repeat(np.arange(3_000, dtype=np.int32), 3)
    later = later_ratings(users, np.zeros(9_000, np.int64), seed=1).reshape(3_000, 3)
    latest = (later == 0).sum(0)  # binomial: 1,000 each, with a standard deviation of 26
    assert np.all(np.abs(latest - 1_000) < 5 * 26)


# -- leave one out -----------------------------------------------------------------------------------------------------


def test_the_latest_tests_and_the_second_latest_validates() -> None:
    data = interactions(FOUR_USERS)
    split = LeaveOneOut(seed=0, val=True)(data, NoFolds())
    assert rows_in(split, data, "test") == {(1, 40), (2, 20)}
    assert rows_in(split, data, "val") == {(1, 30), (2, 30)}
    assert split.left_out == {"fewer than 3 ratings": 2}
    assert split.report(data)["users_left_out"] == {"fewer than 3 ratings": 2}


def test_without_validation_two_ratings_are_enough() -> None:
    data = interactions(FOUR_USERS)
    split = LeaveOneOut(seed=0, val=False)(data, NoFolds())
    assert rows_in(split, data, "test") == {(1, 40), (2, 20), (3, 20)}
    assert len(split.val) == 0
    assert split.left_out == {"fewer than 2 ratings": 1}


@repeated
@given(many_rows, st.integers(0, 2**40), st.booleans(), st.randoms(use_true_random=False))
def test_leave_one_out_holds_its_promises(rows: list[Row], seed: int, val: bool, random: object) -> None:
    data = interactions(rows)
    counts, needed = np.bincount(data.users), 3 if val else 2
    if counts.max() < needed:
        return
    split = LeaveOneOut(seed=seed, val=val)(data, NoFolds())
    assert_partition(split, len(data))
    expected = np.flatnonzero(counts >= needed)
    assert data.users[split.test].tolist() == expected.tolist()
    assert data.users[split.val].tolist() == (expected.tolist() if val else [])
    assert data.timestamps is not None
    for user in expected:
        first, last = ((part[data.users[part] == user]) for part in (split.train, split.test))
        assert len(first) > 0
        assert data.timestamps[first].max() <= data.timestamps[last].min()
    assert split.report(data)["look_ahead"]["own_user"] == 0
    again = list(rows)
    random.shuffle(again)  # type: ignore[attr-defined]
    assert LeaveOneOut(seed=seed, val=val)(interactions(again), NoFolds()).fingerprint == split.fingerprint


def test_ties_follow_the_seed_and_all_come_up() -> None:
    rows = [(1, item, 5) for item in range(4)]
    data = interactions(rows)
    tested = [rows_in(LeaveOneOut(seed=seed, val=True)(data, NoFolds()), data, "test") for seed in range(40)]
    assert {item for [(_, item)] in tested} == {0, 1, 2, 3}
    assert tested[3] == rows_in(LeaveOneOut(seed=3, val=True)(data, NoFolds()), data, "test")


def test_all_users_too_short() -> None:
    with pytest.raises(DataError, match="all 2 users have fewer than 3 ratings") as raised:
        LeaveOneOut(seed=0, val=True)(interactions([(1, 1, 1), (1, 2, 2), (2, 1, 3)]), NoFolds())
    assert "split.val=false" in raised.value.fix
    with pytest.raises(DataError, match="fewer than 2 ratings"):
        LeaveOneOut(seed=0, val=False)(interactions([(1, 1, 1), (2, 1, 3)]), NoFolds())


@pytest.mark.parametrize(
    "splitter",
    [
        LeaveOneOut(seed=0, val=True),
        UserRatio(seed=0, val=0.1, test=0.2, order="time"),
        GlobalTime(val=0.1, test=0.2),
        GivenSplit(index=None, hold_out_last=True, seed=0),
    ],
    ids=lambda splitter: type(splitter).__name__,
)
def test_without_timestamps_the_splits_that_work_are_named(splitter: LeaveOneOut) -> None:
    data = interactions(FOUR_USERS, times=False, part=[0] * 9 + [2])
    with pytest.raises(ConfigError, match="needs timestamps") as raised:
        splitter(data, NoFolds())
    assert raised.value.exit_code == 2
    for name in ("random", "folds", "user_ratio"):
        assert name in raised.value.expected


# -- user ratio --------------------------------------------------------------------------------------------------------


def test_the_last_share_of_each_user() -> None:
    """User 1 has 10 ratings: 3 test, 2 validate. User 2 has 2: round(.6) = 1 tests, round(.4) = 0. User 3 has 1."""
    rows = [(1, item, 100 + item) for item in range(10)] + [(2, 0, 9), (2, 1, 8), (3, 0, 1)]
    data = interactions(rows)
    split = UserRatio(seed=0, val=0.2, test=0.3, order="time")(data, NoFolds())
    assert rows_in(split, data, "test") == {(1, 7), (1, 8), (1, 9), (2, 0)}
    assert rows_in(split, data, "val") == {(1, 5), (1, 6)}
    assert split.left_out == {
        "too few ratings for a validation part of 20%": 2,
        "too few ratings for a test part of 30%": 1,
    }


@repeated
@given(many_rows, st.integers(0, 2**40), st.floats(0, 0.49), st.floats(0.05, 0.5), st.sampled_from(["time", "random"]))
def test_user_ratio_holds_its_promises(rows: list[Row], seed: int, val: float, test: float, order: str) -> None:
    data = interactions(rows)
    expected = {}
    for user, number in enumerate(np.bincount(data.users).tolist()):
        tests = min(round(number * test), number - 1)
        expected[user] = (min(round(number * val), number - 1 - tests), tests)
    if not any(sum(numbers) for numbers in expected.values()):
        return
    splitter = UserRatio(seed=seed, val=val, test=test, order=order)  # type: ignore[arg-type]
    split = splitter(data, NoFolds())
    assert_partition(split, len(data))
    for user, numbers in expected.items():
        assert tuple((data.users[part] == user).sum() for part in (split.val, split.test)) == numbers
        assert (data.users[split.train] == user).any()
    if order == "time":
        assert split.report(data)["look_ahead"]["own_user"] in (0, None)
    assert splitter(interactions(rows[::-1]), NoFolds()).fingerprint == split.fingerprint


def test_a_random_order_needs_no_times_and_follows_the_seed() -> None:
    data = interactions([(1, item, 0) for item in range(20)], times=False)
    splits = [UserRatio(seed=seed, val=0.0, test=0.2, order="random")(data, NoFolds()) for seed in (0, 0, 1)]
    assert splits[0].fingerprint == splits[1].fingerprint != splits[2].fingerprint
    assert len(splits[0].test) == 4


def test_shares_of_users_that_leave_nothing_to_train_on() -> None:
    with pytest.raises(ConfigError, match="leave nothing to train on"):
        UserRatio(seed=0, val=0.5, test=0.5, order="time")


def test_nobody_has_enough_for_a_share() -> None:
    with pytest.raises(DataError, match="0 to evaluate"):
        UserRatio(seed=0, val=0.1, test=0.1, order="time")(interactions(FOUR_USERS), NoFolds())


# -- given, with the latest training rating held out ---------------------------------------------------------------------


def test_the_latest_training_rating_of_each_user_validates() -> None:
    """User 3 keeps the only training rating, user 4 has none."""
    part = [TRAIN, TRAIN, TRAIN, TEST, TRAIN, TRAIN, TEST, TRAIN, TEST, TEST]
    data = interactions(FOUR_USERS, part=part)
    split = GivenSplit(index=None, hold_out_last=True, seed=0)(data, NoFolds())
    plain = GivenSplit(index=None, hold_out_last=False, seed=0)(data, NoFolds())
    assert_partition(split, 10)
    assert rows_in(split, data, "val") == {(1, 30), (2, 30)}
    assert rows_in(split, data, "test") == rows_in(plain, data, "test") == {(1, 40), (2, 20), (3, 20), (4, 10)}
    assert len(plain.val) == 0
    assert split.left_out == {"no training rating": 1, "only 1 training rating": 1}
    assert plain.left_out == {}


def test_row_numbers_in_place_of_times_are_not_compared_between_users() -> None:
    part = [TRAIN] * 9 + [TEST]
    nothing = {"own_user": None, "anybody": None}
    for start, expected in ((0, nothing), (1_000_000_000, {"own_user": 0, "anybody": 0})):
        data = interactions([(user, item, start + second) for user, item, second in FOUR_USERS], part=part)
        split = GivenSplit(index=None, hold_out_last=True, seed=0)(data, NoFolds())
        assert split.report(data)["look_ahead"] == expected


def test_nothing_to_hold_out_of_given_parts() -> None:
    data = interactions([(1, 1, 1), (1, 2, 2), (2, 1, 1)], part=[TRAIN, TEST, TRAIN])
    with pytest.raises(DataError, match="no user has two training ratings"):
        GivenSplit(index=None, hold_out_last=True, seed=0)(data, NoFolds())
    validated = interactions(FOUR_USERS, part=[TRAIN] * 8 + [VALIDATION, TEST])
    with pytest.raises(ConfigError, match="given already"):
        GivenSplit(index=None, hold_out_last=True, seed=0)(validated, NoFolds())
