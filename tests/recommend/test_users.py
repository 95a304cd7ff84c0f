"""Selection of users for bulk recommendation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hydrarec.core.errors import DataError
from hydrarec.data.ids import IdMap
from hydrarec.recommend.users import Users, many_users, one_user

INTEGERS = IdMap(np.array([3, 5, 2**53 + 1]))
TEXTS = IdMap(np.array(["007", "7", "ann", "b,c"], dtype=object))


def test_one_user() -> None:
    assert one_user("5", INTEGERS) == 1
    assert one_user(str(2**53 + 1), INTEGERS) == 2
    assert one_user("007", TEXTS) == 0
    assert one_user("7", TEXTS) == 1


@pytest.mark.parametrize("raw", ["4", "5.0", "x", "", "1_000", str(2**70), "-3"])
def test_unknown_user(raw: str) -> None:
    with pytest.raises(DataError, match=f"does not know a user '{raw}'") as caught:
        one_user(raw, INTEGERS)
    assert caught.value.expected
    assert caught.value.fix


def test_nearest_of_an_unknown_user() -> None:
    with pytest.raises(DataError) as caught:
        one_user("anne", TEXTS)
    assert "ann" in caught.value.expected
    with pytest.raises(DataError) as caught:
        one_user("4", INTEGERS)
    assert "3, 5" in caught.value.expected


def listed(tmp_path: Path, content: str, ids: IdMap = INTEGERS, on_unknown: str = "error") -> Users:
    file = tmp_path / "users.csv"
    file.write_text(content)
    return many_users(str(file), ids, on_unknown)  # type: ignore[arg-type]


def test_all() -> None:
    found = many_users("all", INTEGERS, "error")
    assert found.indices.tolist() == [0, 1, 2]
    assert found.notes == ()


@pytest.mark.parametrize(
    "content",
    [
        "user\n5\n3\n",
        "5\n3\n",
        "who\n5\n3\n",
        "UserID\n 5\n+3\n",
        "name,user\nx,5\ny,3\n",
        "\ufeffuser_id,a\r\n5,\r\n\r\n3,",
    ],
)
def test_file(tmp_path: Path, content: str) -> None:
    assert listed(tmp_path, content).indices.tolist() == [1, 0]
    assert listed(tmp_path, content).notes == ()


def test_file_of_texts(tmp_path: Path) -> None:
    assert listed(tmp_path, 'user\n"b,c"\n007\n7\n', TEXTS).indices.tolist() == [3, 0, 1]
    assert listed(tmp_path, "ann\n7\n", TEXTS).indices.tolist() == [2, 1]


def test_repeated_and_skipped(tmp_path: Path) -> None:
    found = listed(tmp_path, "user\n5\n9\n5\nx\n3\n5\n", on_unknown="skip")
    assert found.indices.tolist() == [1, 0]
    assert found.notes == (
        "left out because the model does not know them: 2 of 6 lines",
        "left out because they are repeated: 2 of 6 lines",
    )


@pytest.mark.parametrize(
    ("content", "line", "says"),
    [
        ("user\n5\n\n9\n", 4, "'9'"),
        ("5\nx\n", 2, "'x'"),
        ("9\n5\n", 1, "'9'"),
        ("user\n", None, "no users after the header"),
        ("name,id\nx,5\n", 1, "no column user"),
        ("", None, "empty"),
    ],
)
def test_file_that_cannot_be_used(tmp_path: Path, content: str, line: int | None, says: str) -> None:
    with pytest.raises(DataError) as caught:
        listed(tmp_path, content)
    assert says in caught.value.what
    assert caught.value.file == str(tmp_path / "users.csv")
    assert caught.value.line == line


def test_nobody_is_known(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="none of the 2 users"):
        listed(tmp_path, "user\n8\n9\n", on_unknown="skip")
