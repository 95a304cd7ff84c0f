"""Progress display on stderr: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import contextlib
import sys
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


@contextlib.contextmanager
def progress(description: str, total: float | None = None, unit: str = "") -> Iterator[Callable[[float], None]]:
    """Yield ``advance(amount)``; show a bar on a terminal, a line every few seconds elsewhere."""
    console = stderr()
    if console.is_terminal:
        columns = TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn()
        with Progress(*columns, console=console, transient=True) as bar:
            task = bar.add_task(description, total=total)
            yield lambda amount: bar.advance(task, amount)
        return

    done, last = 0.0, time.monotonic() + PATIENCE - PLAIN_INTERVAL

    def advance(amount: float) -> None:
        nonlocal done, last
        done += amount
        if time.monotonic() - last >= PLAIN_INTERVAL:
            last = time.monotonic()
            share = f" ({done / total:.0%})" if total else ""
            console.print(f"{description}: {done:,.0f} {unit}{share}")

    yield advance
