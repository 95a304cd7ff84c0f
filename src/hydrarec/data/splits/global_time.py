"""A split at one point in time for all users, the only one in which no training rating is later than a test rating."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from hydrarec.core.errors import ConfigError, DataError
from hydrarec.core.kinds import Fraction
from hydrarec.data.interactions import Interactions
from hydrarec.data.splits.chronology import timestamps_of
from hydrarec.data.splits.split import Source, Split, require_training_share, split_of
from hydrarec.data.table import DECIMALS, TEST, TRAIN, VALIDATION, TimeUnit


class GlobalTime:
    """A split by time: ratings at or after a cut go to the later part. No look-ahead; cold users and items occur.

    All ratings of one time are on the same side of a cut. A share of n rows sets the cut at the time of the n-th row
    from the end of the rows not yet held out, so a part has n rows, or more if its first time has more ratings.

    Args:
        val, test: size or start of the part: a share of all rows (0: no such part), or the ISO date or time at which
            it begins (UTC if no zone is given). The test part begins after the validation part.

    Raises:
        ConfigError: the shares leave nothing to train on, a text is not a date, or the dates are in the wrong order.
    """

    def __init__(self, *, val: Fraction | str, test: Fraction | str) -> None:
        self.val = _moment("split.val", val) if isinstance(val, str) else val
        self.test = _moment("split.test", test) if isinstance(test, str) else test
        if not isinstance(self.val, datetime) and not isinstance(self.test, datetime):
            require_training_share(self.val, self.test)
        if isinstance(self.val, datetime) and isinstance(self.test, datetime) and self.val >= self.test:
            raise ConfigError(
                f"split.val={val} does not begin before split.test={test}",
                expected="an earlier date for validation than for test",
                fix="exchange them, or split.val=0 for no validation part",
                value=str(val),
            )

    def __call__(self, interactions: Interactions, source: Source) -> Split:
        """Split the interactions.

        Raises:
            ConfigError: there are no timestamps.
            DataError: a date leaves its part empty, or nothing is left to train on.
        """
        times = timestamps_of(interactions, source, "split=global_time")
        parts = np.full(len(times), TRAIN, np.int8)
        cuts = []
        for name, cut, part in (("test", self.test, TEST), ("val", self.val, VALIDATION)):
            rest = np.flatnonzero(parts == TRAIN)
            start = _start(times[rest], cut, len(times), interactions.time_unit)
            if start is None:
                continue
            held_out = rest[times[rest] >= start]
            if not len(held_out):
                raise _empty(name, start, times[rest], interactions.time_unit)
            parts[held_out] = part
            cuts.append(f"{'validation' if name == 'val' else name} from {_iso(start, interactions.time_unit)}")
        return split_of(parts, f"global time, {', '.join(cuts[::-1]) or 'no cut'}")


def _start(times: NDArray[np.int64], cut: float | datetime, total: int, unit: TimeUnit) -> int | None:
    """The time at which a part begins, in the unit of ``times``; None for no such part."""
    if isinstance(cut, datetime):
        microseconds = (cut - datetime.fromtimestamp(0, UTC)) // timedelta(microseconds=1)
        return -(-microseconds * 10 ** DECIMALS[unit] // 10**6)
    number = round(total * cut)
    if number == 0 or len(times) == 0:
        return None
    place = max(0, len(times) - number)
    return int(np.partition(times, place)[place])


def _moment(key: str, text: str) -> datetime:
    """Parse an ISO date or time; UTC if no zone is given."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise ConfigError(
            f"{key}='{text}' is neither a share nor a date: {error}",
            expected="a number from 0 to below 1, or an ISO date",
            fix=f"{key}=0.1, or {key}=2015-01-01",
            value=text,
        ) from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _iso(time: int, unit: TimeUnit) -> str:
    """Format a time as ISO time in UTC, or as a plain number beyond the range of dates."""
    second, fraction = divmod(time, 10 ** DECIMALS[unit])
    decimals = f".{fraction:0{DECIMALS[unit]}d}" if fraction else ""
    try:
        return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%d %H:%M:%S") + decimals
    except (ValueError, OverflowError, OSError):
        return f"{second}{decimals}"


def _empty(name: str, start: int, times: NDArray[np.int64], unit: TimeUnit) -> DataError:
    """The error for a date after which no rating is left."""
    ends = [_iso(int(end), unit) for end in (times.min(), times.max())] if len(times) else []
    return DataError(
        f"no rating is left for split.{name} from {_iso(start, unit)} on",
        expected="a date within the ratings that are not held out yet: "
        + (" to ".join(ends) or "none, all are in the test part"),
        fix=f"an earlier date, or split.{name}=0.1",
        value=_iso(start, unit),
    )
