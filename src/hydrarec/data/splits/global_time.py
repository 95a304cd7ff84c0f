"""A split at one point in time for all users, the only one in which no training rating is later than a test rating."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from hydrarec.core.errors import ConfigError, DataError
from hydrarec.core.kinds import Fraction
from hydrarec.data.interactions import Interactions
from hydrarec.data.splits.chronology import timestamps_of
from hydrarec.data.splits.split import Source, Split, require_training_share, split_of
from hydrarec.data.table import TEST, TRAIN, VALIDATION


class GlobalTime:
    """A split by time: ratings at or after a cut go to the later part. No look-ahead; cold users and items occur.

    All ratings of one second are on the same side of a cut. A share of n rows sets the cut at the time of the n-th row
    from the end of the rows not yet held out, so a part has n rows, or more if its first second has more ratings.

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
        times = timestamps_of(interactions, "split=global_time")
        parts = np.full(len(times), TRAIN, np.int8)
        cuts = []
        for name, cut, part in (("test", self.test, TEST), ("val", self.val, VALIDATION)):
            rest = np.flatnonzero(parts == TRAIN)
            start = _start(times[rest], cut, len(times))
            if start is None:
                continue
            held_out = rest[times[rest] >= start]
            if not len(held_out):
                raise _empty(name, start, times[rest])
            parts[held_out] = part
            cuts.append(f"{'validation' if name == 'val' else name} from {_iso(start)}")
        return split_of(parts, f"global time, {', '.join(cuts[::-1]) or 'no cut'}")


def _start(times: NDArray[np.int64], cut: float | datetime, total: int) -> int | None:
    """The second of ``times`` at which a part begins; None for no such part."""
    if isinstance(cut, datetime):
        return int(np.ceil(cut.timestamp()))
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


def _iso(second: int) -> str:
    """Format a unix second as ISO time in UTC, or as a plain number beyond the range of dates."""
    try:
        return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%d %H:%M:%S")
    except (ValueError, OverflowError, OSError):
        return str(second)


def _empty(name: str, start: int, times: NDArray[np.int64]) -> DataError:
    """The error for a date after which no rating is left."""
    span = f"{_iso(int(times.min()))} to {_iso(int(times.max()))}" if len(times) else "none, all are in the test part"
    return DataError(
        f"no rating is left for split.{name} from {_iso(start)} on",
        expected=f"a date within the ratings that are not held out yet: {span}",
        fix=f"an earlier date, or split.{name}=0.1",
        value=_iso(start),
    )
