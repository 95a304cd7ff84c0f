"""Fuzzing of ratings files: each gives what a slow, independent oracle reads, or an error with the line.

HYDRAREC_FUZZ_SEED=7 draws other files; the failing file is shown with its number.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from fractions import Fraction
from pathlib import Path

import pytest
from tests.data.small_data import HALF_STARS
from tests.oracles import reading as oracle

from hydrarec.core.errors import DataError
from hydrarec.data.interactions import interactions_of
from hydrarec.data.readers import delimited
from hydrarec.data.readers.byte_survey import Survey
from hydrarec.data.readers.faults import Rules
from hydrarec.data.readers.layout import Form
from hydrarec.data.table import DECIMALS

SEED = int(os.environ.get("HYDRAREC_FUZZ_SEED", "0"))
PIECES = [
    *"0123456789.,;:\"'-+eE \t\n\r|_#<{[x",
    *("\0", "\r\n", "::", '""', "nan", "inf", "1e3", "é", "\ufeff", "userId", "2020-01-01", "9" * 20, "007", "5.0000001"),
    *("\x1f", "\x0b", "\x85", "\u2028", "\xa0", "\udce9", "20170714", "1500000000123", "T10:00:00.5Z", "anna", "-0", "+7"),
]  # fmt: skip
TIMES = (
    "{}",
    "{}.5",
    "{}123",
    "{}123456",
    "{}123456789",
    "2017-07-{:02d}",
    "2017-07-14 02:40:{:02d}.25",
    "201707{:02d}",
)
LINELESS = ("empty", "no ratings", "UTF-", "not a text file", "starts with", "JSON", "Netflix", "CR alone", "archive")


def drawn(dice: random.Random) -> tuple[bytes, oracle.Form]:
    """A file, damaged or not, and the form that it is said to have."""
    separator = dice.choice([",", ",", "\t", "::", ";", "|"])
    header, quoting = dice.random() < 0.7, dice.random() < 0.8
    has_times, extra = dice.random() < 0.8, dice.random() < 0.3
    time_form = dice.choice(TIMES)
    names = ["userId", "movieId", "stars", "timestamp", "note"][: 5 if extra else 4 if has_times else 3]
    rows = [names] if header else []
    for number in range(dice.randint(1, 12)):
        clock = number % 27 + 1 if "02d" in time_form else 1_500_000_000 + number
        user = str(dice.randint(1, 5)) if dice.random() < 0.99 else dice.choice(["anna", "7.0", "007"])
        row = [
            user,
            str(10 + number),
            str(dice.randint(1, 10) / 2),
            time_form.format(clock),
            dice.choice(["x", "7", ""]),
        ]
        rows.append(row[: len(names)])
    if quoting and dice.random() < 0.3 and len(separator) == 1:
        rows = [[f'"{field}"' if dice.random() < 0.5 else field for field in row] for row in rows]
    text = dice.choice(["\n", "\n", "\r\n"]).join(separator.join(row) for row in rows) + dice.choice(["", "\n"])
    for _ in range(dice.choice([0, 0, 1, 1, 2, 3])):
        text = damaged(text, dice)
    places: tuple[str | int | None, ...] = ("userId", "movieId", "stars", "timestamp") if header else (0, 1, 2, 3)
    columns = places if has_times else (*places[:3], None)
    content = text.encode("utf-8", "surrogateescape")
    return content, oracle.Form(separator, header, quoting, columns, 0.5, 5.0)


def damaged(text: str, dice: random.Random) -> str:
    """The text with a piece put in or cut out, a line twice, or its end lost."""
    place, kind = dice.randint(0, len(text)), dice.random()
    lines = text.split("\n")
    if kind < 0.06:
        return text[:place]
    if kind < 0.12:
        lines.insert(dice.randint(0, len(lines)), dice.choice(lines))
        return "\n".join(lines)
    piece = dice.choice(PIECES) if kind < 0.9 else ""
    return text[:place] + piece + text[place + dice.choice([0, 0, 1, 2, 6]) :]


def check(content: bytes, form: oracle.Form, file: Path) -> str:
    """Compare the reader with the oracle; return ``read``, ``refused`` or ``refused although the oracle reads it``."""
    file.write_bytes(content)
    user, item, rating, time = form.columns
    assert user is not None
    assert item is not None
    ours = Form(
        user=user, item=item, rating=rating, time=time,
        separator=form.separator, header=form.header, encoding="utf-8", quoting=form.quoting,
    )  # fmt: skip
    try:
        expected, reason = oracle.read(content, form), ""
    except oracle.Refused as refusal:
        expected, reason = {}, str(refusal)
    try:
        table = delimited.read_delimited(file, ours, Rules(scale=HALF_STARS, ids="auto", on_bad_rows="error"))
        found = interactions_of(table, name="f", scale=HALF_STARS, duplicates="error", texts=None)
    except DataError as error:
        assert str(error).count("\n") < 4
        assert error.fix
        assert error.line is not None or any(words in error.what for words in LINELESS), f"no line: {error}"
        return "refused although the oracle reads it" if expected else "refused"
    assert expected, f"read, although: {reason}"
    users, items = found.user_ids.raw[found.users].tolist(), found.item_ids.raw[found.items].tolist()
    moments: list[Fraction | None] = [None] * len(found)
    if found.timestamps is not None:
        moments = [Fraction(tick, 10 ** DECIMALS[found.time_unit]) for tick in found.timestamps.tolist()]
    events = zip(found.ratings.tolist(), moments, strict=True)
    assert dict(zip(zip(users, items, strict=True), events, strict=True)) == expected
    return "read"


def fuzz(number: int, seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Check so many files, read in chunks of random sizes."""
    reading, outcomes = Survey.read, Counter[str]()
    for case in range(number):
        dice = random.Random(f"{seed} {case}")
        rows, size = dice.choice([2, 1 << 16]), dice.choice([3, 16, 1 << 18])
        monkeypatch.setattr(delimited, "CHUNK_ROWS", rows)
        monkeypatch.setattr(Survey, "read", lambda survey, wanted=-1, size=size: reading(survey, size))
        content, form = drawn(dice)
        try:
            outcomes[check(content, form, tmp_path / "ratings.txt")] += 1
        except Exception as error:
            raise AssertionError(f"seed {seed}, file {case}: {form}\n{content!r}") from error
    return outcomes


def test_files_are_read_as_the_oracle_does_or_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    outcomes = fuzz(500, SEED, tmp_path, monkeypatch)
    assert outcomes["read"] > 150, outcomes
    assert outcomes["refused"] > 100, outcomes
    assert outcomes["refused although the oracle reads it"] < 15, outcomes


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_ten_thousand_files_are_read_as_the_oracle_does_or_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fuzz(10_000, SEED + 1, tmp_path, monkeypatch)
