"""The signals that ask a process to stop: Ctrl-C, ``kill``, and the end of its terminal."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterable
from types import FrameType
from typing import Any

END = (signal.SIGTERM, signal.SIGHUP)  # from a scheduler, or because the terminal or the connection has gone
STOP = (signal.SIGINT, *END)

Handler = Callable[[int, FrameType | None], Any] | signal.Handlers


def handle(numbers: Iterable[int], handler: Handler) -> dict[int, Any]:
    """Install ``handler`` for signals; return the handlers before. Signals that are ignored stay so: ``nohup`` asks for it."""
    return {
        number: signal.signal(number, handler) for number in numbers if signal.getsignal(number) is not signal.SIG_IGN
    }


def exit_signal(number: int) -> int:
    """The signal that the exit code names: a hang-up ends a process as SIGTERM does."""
    return signal.SIGTERM if number == signal.SIGHUP else number
