"""Progress display on stderr: bars on a terminal, plain lines elsewhere."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator

from rich.console import Console, ConsoleOptions, RenderableType
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.segment import Segment

from hydrarec.core.escaping import visible

PLAIN_INTERVAL = 5.0  # seconds between two plain lines
PATIENCE = 2.0  # seconds; without a terminal, shorter work prints nothing


class _SafeConsole(Console):
    """A console on which text cannot act: what a terminal would obey is shown escaped; Rich's own styles stay."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=visible(segment.text))


def write(text: str) -> None:
    """Write to stdout; what a terminal would obey is shown escaped."""
    sys.stdout.write(visible(text))


def stderr() -> Console:
    """A console on stderr, created per use so that redirection is respected."""
    return _SafeConsole(stderr=True, highlight=False, soft_wrap=True)


def stdout() -> Console:
    """A console on stdout for requested output, as opposed to progress; also created per use."""
    return _SafeConsole(highlight=False, soft_wrap=True)


_shown: list[Progress] = []  # the display on the terminal, if one is shown: there is room for one


def say(line: str) -> None:
    """Print a line on stderr, above the progress display if there is one."""
    (_shown[0].console if _shown else stderr()).print(line, highlight=False)


@contextlib.contextmanager
def progress(description: str, total: float | None = None, unit: str = "") -> Iterator[Callable[[float], None]]:
    """Yield ``advance(amount)``; show a bar on a terminal, a line every few seconds elsewhere.

    The lines also come while nothing advances, such as in a long call of a library; they say for how long. Work within
    work has a bar, or lines, of its own.
    """
    if stderr().is_terminal:
        with display() as bars:
            task = bars.add_task(description, total=total)
            try:
                yield lambda amount: bars.advance(task, amount)
            finally:
                bars.remove_task(task)
        return
    lines = _Lines(description, total, unit)
    try:
        yield lines.advance
    finally:
        lines.end()


@contextlib.contextmanager
def display() -> Iterator[Progress]:
    """The display of all bars; the outermost work shows and removes it. Elsewhere than on a terminal it stays invisible."""
    if _shown:
        yield _shown[0]
        return
    columns = TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn()
    console = stderr()
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bars:
        _shown.append(bars)
        try:
            yield bars
        finally:
            _shown.clear()


class _Lines:
    """Plain lines about work in progress, from a thread of their own, which starts when the work has begun to last."""

    def __init__(self, description: str, total: float | None, unit: str) -> None:
        self.description, self.total, self.unit = description, total, unit
        self.done, self.started = 0.0, time.monotonic()
        self._ended = threading.Event()
        self._timer = threading.Timer(PATIENCE, self._report)
        self._timer.daemon = True
        self._timer.start()

    def advance(self, amount: float) -> None:
        self.done += amount

    def end(self) -> None:
        self._timer.cancel()
        self._ended.set()
        if self._timer is not threading.current_thread():
            self._timer.join()

    def _report(self) -> None:
        with contextlib.suppress(OSError, ValueError):  # stderr is closed or broken: the main thread will say so
            while not self._ended.is_set():
                stderr().print(self._line())
                self._ended.wait(PLAIN_INTERVAL)

    def _line(self) -> str:
        of_total = f" of {self.total:,.0f}" if self.total else ""
        share = f" ({self.done / self.total:.0%})" if self.total else ""
        count = f"{self.done:,.0f}{of_total} {self.unit}{share}, " if self.unit or self.total else ""
        return f"{self.description}: {count}{time.monotonic() - self.started:.0f} s"
