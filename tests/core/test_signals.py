"""Signals that stop a process: which are handled, and which are left alone."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from hydrarec.core import signals


@pytest.fixture(autouse=True)
def handlers_stay() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in signals.STOP}
    for number in signals.STOP:  # a shell in the background hands SIGINT on as ignored
        signal.signal(number, signal.SIG_DFL)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def test_handler_is_installed_and_can_be_given_back() -> None:
    received: list[int] = []
    before = signals.handle(signals.END, lambda number, _: received.append(number))
    for number in signals.END:
        signal.raise_signal(number)
    assert received == [signal.SIGTERM, signal.SIGHUP]
    assert set(before) == set(signals.END)


def test_nohup_is_respected() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    assert set(signals.handle(signals.STOP, lambda *_: None)) == {signal.SIGINT, signal.SIGTERM}
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 143)])
def test_a_hang_up_ends_a_process_as_sigterm_does(number: int, code: int) -> None:
    assert 128 + signals.exit_signal(number) == code
