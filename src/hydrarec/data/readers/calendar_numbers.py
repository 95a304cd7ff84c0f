"""Recognises dates written as numbers, such as 20170714 or 20170714123000, which are no unix times."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

YEARS = 1900, 2100
FIRST_DAY, LAST_DAY = 19_000_101, 21_001_231
MOST = 0.5  # share of the numbers that must be dates; of consecutive row numbers, fewer than 4 % are


class CalendarForm(NamedTuple):
    """A way to write a date as a number: its name, and its digits after the day."""

    name: str
    clock_digits: int

    def seconds(self, numbers: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Unix seconds of the numbers, int64 [N], and whether each is a date in :data:`YEARS`, bool [N]."""
        days, clock = np.divmod(numbers, 10**self.clock_digits)
        clock = clock * 10 ** (6 - self.clock_digits)  # hhmmss
        months, day = np.divmod(days, 100)
        year, month = np.divmod(months, 100)
        valid = (year >= YEARS[0]) & (year <= YEARS[1]) & (month >= 1) & (month <= 12)
        index = np.where(valid, (year - 1970) * 12 + month - 1, 0)
        first, after = (
            (index + shift).astype("datetime64[M]").astype("datetime64[D]").astype(np.int64) for shift in (0, 1)
        )
        valid &= (day >= 1) & (day <= after - first)
        hour, minute, second = clock // 10_000, clock // 100 % 100, clock % 100
        valid &= (hour < 24) & (minute < 60) & (second < 60)
        seconds = (first + day - 1) * 86_400 + hour * 3600 + minute * 60 + second
        return np.where(valid, seconds, 0), valid


FORMS = (CalendarForm("YYYYMMDD", 0), CalendarForm("YYYYMMDDhhmm", 4), CalendarForm("YYYYMMDDhhmmss", 6))


def calendar_form(numbers: NDArray[np.int64]) -> CalendarForm | None:
    """The form of most of the numbers, int64 [N]; None if most are no dates."""
    for form in FORMS:
        low, high = (year * 10 ** (4 + form.clock_digits) for year in (YEARS[0], YEARS[1] + 1))
        within = numbers[(numbers >= low) & (numbers < high)]
        if len(within) > MOST * len(numbers) and form.seconds(within)[1].sum() > MOST * len(numbers):
            return form
    return None
