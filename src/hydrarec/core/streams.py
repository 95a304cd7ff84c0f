"""The standard streams of a command, which its caller may have closed (``>&-``) or connected to a full disk."""

from __future__ import annotations

import contextlib
import os
import sys


def open_closed_streams() -> None:
    """Connect closed standard streams to the null device: nobody reads them, and the work goes on.

    Otherwise Python has no ``sys.stdout``, and the next file that is opened, such as a checkpoint, would get the number of
    the closed stream and whatever C code prints there.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number, this one
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115 - stays open
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115


def discard_stdout() -> None:
    """Connect stdout to the null device after a failed write, or Python fails once more when it flushes at exit."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())
    os.close(null)


def write_stderr(text: str) -> None:
    """Write to stderr; nobody can be told if that fails."""
    with contextlib.suppress(OSError):
        sys.stderr.write(text)
        sys.stderr.flush()
