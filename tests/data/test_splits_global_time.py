"""The global time split, and the look-ahead of training in any split."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.data.test_splits import NoFolds
from tests.data.test_splits_per_user import FOUR_USERS, Row, interactions, many_rows, repeated, rows_in

from hydrarec.core.errors import ConfigError, DataError
from hydrarec.data.splits import GlobalTime, RandomSplit, Split
from hydrarec.data.table import TEST, TRAIN, VALIDATION

# -- global time -------------------------------------------------------------------------------------------------------


def test_shares_of_all_rows_in_time() -> None:
    data = interactions(FOUR_USERS)  # ten ratings at the seconds 1 … 10
    split = GlobalTime(val=0.2, test=0.3)(data, NoFolds())
    assert data.timestamps is not None
    assert sorted(data.timestamps[split.test].tolist()) == [8, 9, 10]
    assert sorted(data.timestamps[split.val].tolist()) == [6, 7]
    assert split.protocol == "global time, validation from 1970-01-01 00:00:06, test from 1970-01-01 00:00:08"


def test_a_second_is_not_cut_through() -> None:
    """Three of ten asked for, and the third from the end is one of four ratings in second 7: all four test."""
    seconds = [1, 2, 3, 4, 5, 7, 7, 7, 7, 8]
    data = interactions([(1, item, second) for item, second in enumerate(seconds)])
    split = GlobalTime(val=0.1, test=0.3)(data, NoFolds())
    assert data.timestamps is not None
    assert data.timestamps[split.test].tolist() == [7, 7, 7, 7, 8]
    assert data.timestamps[split.val].tolist() == [5]


def naive_parts(times: list[int], val: float, test: float) -> list[int]:
    """The part of each time, by sorting."""
    starts, rest = {}, sorted(times)
    for part, share in ((TEST, test), (VALIDATION, val)):
        number = min(round(len(times) * share), len(rest))
        starts[part] = rest[-number] if number else 10**9
        rest = [time for time in rest if time < starts[part]]
    return [TEST if t >= starts[TEST] else VALIDATION if t >= starts[VALIDATION] else TRAIN for t in times]


@repeated
@given(many_rows, st.floats(0, 0.45), st.floats(0, 0.45))
def test_global_time_against_sorting(rows: list[Row], val: float, test: float) -> None:
    data = interactions(rows)
    times = data.timestamps
    assert times is not None
    expected = np.array(naive_parts(times.tolist(), val, test))
    splitter = GlobalTime(val=val, test=test)
    if TRAIN not in expected or (expected == TRAIN).all():
        with pytest.raises(DataError, match="to train on and"):
            splitter(data, NoFolds())
        return
    split = splitter(data, NoFolds())
    for rows_of_part, part in ((split.train, TRAIN), (split.val, VALIDATION), (split.test, TEST)):
        assert np.array_equal(rows_of_part, np.flatnonzero(expected == part))
    parts = [times[part] for part in (split.train, split.val, split.test) if len(part)]
    assert all(earlier.max() < later.min() for earlier, later in itertools.pairwise(parts))
    assert split.report(data)["look_ahead"]["anybody"] in (0, None)
    assert splitter(interactions(rows[::-1]), NoFolds()).fingerprint == split.fingerprint


DAY = 86_400
DAYS = [(1, day, day * DAY) for day in range(10)]  # midnights from 1970-01-01


def test_dates_begin_their_parts() -> None:
    data = interactions(DAYS)
    split = GlobalTime(val="1970-01-06", test="1970-01-08T00:00:01")(data, NoFolds())
    assert rows_in(split, data, "val") == {(1, 5), (1, 6), (1, 7)}
    assert rows_in(split, data, "test") == {(1, 8), (1, 9)}
    with_zone = GlobalTime(val=0.2, test="1970-01-08T02:00:01+02:00")(data, NoFolds())
    assert rows_in(with_zone, data, "test") == {(1, 8), (1, 9)}
    assert rows_in(with_zone, data, "val") == {(1, 6), (1, 7)}


def test_dates_in_the_wrong_order_and_texts_that_are_none() -> None:
    with pytest.raises(ConfigError, match="does not begin before"):
        GlobalTime(val="2015-01-01", test="2015-01-01")
    with pytest.raises(ConfigError, match="neither a share nor a date"):
        GlobalTime(val=0.1, test="spring")
    with pytest.raises(ConfigError, match="leave nothing"):
        GlobalTime(val=0.4, test=0.6)


def test_dates_outside_the_data() -> None:
    with pytest.raises(DataError, match=r"split\.test from 1971") as raised:
        GlobalTime(val=0.1, test="1971-01-01")(interactions(DAYS), NoFolds())
    assert "1970-01-01 00:00:00 to 1970-01-10 00:00:00" in raised.value.expected
    with pytest.raises(DataError, match=r"split\.val from 1970-01-06"):
        GlobalTime(val="1970-01-06", test=0.6)(interactions(DAYS), NoFolds())
    with pytest.raises(DataError, match="0 to train on"):
        GlobalTime(val=0, test="1969-01-01")(interactions(DAYS), NoFolds())


# -- look-ahead --------------------------------------------------------------------------------------------------------


def test_look_ahead_by_hand() -> None:
    """Tests: (1, 20) at 2 and (2, 20) at 7. Of 8 training rows user 1's at 3 and 4 come after the own test row;
    after the earliest of all, at 2, come all but the one at 1."""
    data = interactions(FOUR_USERS)
    test = np.flatnonzero((data.item_ids.raw[data.items] == 20) & (data.users < 2))
    split = Split(np.setdiff1d(np.arange(10), test), np.array([], np.int64), test, "by hand")
    assert split.report(data)["look_ahead"] == {"own_user": 2 / 8, "anybody": 7 / 8}


@repeated
@given(many_rows, st.integers(0, 2**40))
def test_look_ahead_against_a_naive_loop(rows: list[Row], seed: int) -> None:
    data = interactions(rows)
    split = RandomSplit(seed=seed, val=0.1, test=0.3)(data, NoFolds())
    assert data.timestamps is not None
    own = anybody = 0
    for row in split.train:
        second = data.timestamps[row]
        own += any(data.users[other] == data.users[row] and data.timestamps[other] < second for other in split.test)
        anybody += any(data.timestamps[other] < second for other in split.test)
    expected = {"own_user": own / len(split.train), "anybody": anybody / len(split.train)}
    assert split.report(data)["look_ahead"] == expected


def test_look_ahead_is_unknown_without_times_or_a_test_part() -> None:
    nothing = {"own_user": None, "anybody": None}
    timeless = interactions(FOUR_USERS, times=False)
    assert RandomSplit(seed=0, val=0.1, test=0.3)(timeless, NoFolds()).report(timeless)["look_ahead"] == nothing
    data = interactions(FOUR_USERS)
    assert RandomSplit(seed=0, val=0.3, test=0.0)(data, NoFolds()).report(data)["look_ahead"] == nothing
