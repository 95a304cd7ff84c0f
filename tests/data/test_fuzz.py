"""Fuzzing of ratings files: each gives a hydrarec error or the ratings that an independent, slow reader finds."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tests.data.small_data import CLEAN, own_file

from hydrarec.core.errors import DataError

PIECES = st.sampled_from(
    [
        *"0123456789.,;:\"'-+eE \t\n\r",
        "\0",
        "\r\n",
        "::",
        "nan",
        "inf",
        "é",
        "\ufeff",
        "userId",
        "2020-01-01",
        "9" * 20,
        "_",
    ]
)


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """The clean file with a few pieces put in or cut out."""
    text = CLEAN
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, len(text)))
        cut = draw(st.integers(0, 6))
        text = text[:place] + draw(PIECES) + text[place + cut :]
    return text.encode()


def oracle(content: bytes) -> dict[tuple[str, str], tuple[float, float]]:
    """(user, item) → (rating, time), of a file that is read without complaint; by the csv module, row by row."""
    rows = csv.reader(io.StringIO(content.decode("utf-8").lstrip("\ufeff"), newline=""))
    header = [name.strip() for name in next(row for row in rows if any(field.strip() for field in row))]
    where = [header.index(name) for name in ("userId", "movieId", "rating", "timestamp")]

    def found() -> Iterator[tuple[tuple[str, str], tuple[float, float]]]:
        for row in rows:
            if any(field.strip() for field in row):
                user, item, rating, time = (row[position].strip() for position in where)
                yield (plain(user), plain(item)), (float(np.float32(rating)), seconds(time))

    return dict(found())


def plain(raw: str) -> str:
    whole = re.fullmatch(r"([+-]?\d+)(\.0*)?", raw)
    return str(int(whole[1])) if whole and abs(int(whole[1])) < 2**63 else raw


def seconds(time: str) -> float:
    if re.fullmatch(r"\d{4}-\d\d-\d\d.*", time):
        return -1
    return math.floor(float(time))


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=damaged())
@example(content=CLEAN.replace("3.5", '"3.5').encode())
@example(content=CLEAN.replace("10,4.0", "10\0,4.0").encode())
def test_an_error_of_ours_or_the_right_ratings(content: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    file = tmp_path_factory.mktemp("fuzz") / "ratings.csv"
    file.write_bytes(content)
    try:
        found = own_file(file).load()
    except DataError as error:
        assert len(str(error).splitlines()) <= 4
        assert error.what
        assert error.fix
        return
    expected = oracle(content)
    users, items = found.user_ids.raw[found.users].tolist(), found.item_ids.raw[found.items].tolist()
    pairs = [(plain(str(user)), plain(str(item))) for user, item in zip(users, items, strict=True)]
    assert found.timestamps is not None
    assert dict(zip(pairs, found.ratings.tolist(), strict=True)) == {pair: value[0] for pair, value in expected.items()}
    if max(time for _, time in expected.values()) < 10**11 and min(time for _, time in expected.values()) >= 0:
        assert dict(zip(pairs, found.timestamps.tolist(), strict=True)) == {pair: v[1] for pair, v in expected.items()}
