"""Progress of long work: plain lines elsewhere than on a terminal, also while nothing advances; nothing for short work."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable

import pytest
from rich.console import Console
from tests.conftest import wait_until

from hydrarec.core import console


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console, "PATIENCE", 0.01)
    monkeypatch.setattr(console, "PLAIN_INTERVAL", 0.01)


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> Callable[..., io.StringIO]:
    """``written(terminal=…)``: the text on a stderr that is a terminal, or none."""
    text = io.StringIO()

    def make(*, terminal: bool) -> io.StringIO:
        monkeypatch.setattr(
            console, "stderr", lambda: Console(file=text, force_terminal=terminal, soft_wrap=True, color_system=None)
        )
        return text

    return make


def test_work_that_lasts_says_so_without_advancing(quick: None, written: Callable[..., io.StringIO]) -> None:
    text = written(terminal=False)
    with console.progress("inverting"):
        wait_until(lambda: text.getvalue().count("\n") >= 2, "two lines")
    lines = text.getvalue().splitlines()
    assert set(lines) <= {"inverting: 0 s", "inverting: 1 s"}
    ended = len(text.getvalue())
    assert not [thread for thread in threading.enumerate() if isinstance(thread, threading.Timer)]
    assert len(text.getvalue()) == ended


def test_lines_say_how_far_the_work_is(quick: None, written: Callable[..., io.StringIO]) -> None:
    text = written(terminal=False)
    with console.progress("neighbours", 2000, "rows") as advance:
        advance(500)
        wait_until(lambda: "\n" in text.getvalue(), "a line")
    assert text.getvalue().splitlines()[0].startswith("neighbours: 500 of 2,000 rows (25%), ")


def test_short_work_says_nothing(written: Callable[..., io.StringIO]) -> None:
    text = written(terminal=False)
    with console.progress("short", 10, "rows") as advance:
        advance(10)
    assert text.getvalue() == ""


def test_work_within_work_shares_the_terminal(written: Callable[..., io.StringIO]) -> None:
    text = written(terminal=True)
    with console.display(), console.progress("outer", 2) as outer:
        outer(1)
        with console.progress("inner", 4) as inner:
            inner(1)
            console.say("a row")
            assert len(console._shown) == 1 and len(console._shown[0].tasks) == 2
        assert len(console._shown[0].tasks) == 1
    assert console._shown == []
    assert "a row" in text.getvalue()


def test_error_within_leaves_no_display(written: Callable[..., io.StringIO]) -> None:
    written(terminal=True)
    with pytest.raises(ValueError, match="wrong"), console.progress("outer", 2):
        raise ValueError("wrong")
    assert console._shown == []
