"""Exit of an entry point: its exit code and, per the error contract, at most four lines; never a traceback."""

from __future__ import annotations

import logging
import os
import signal
import sys
import traceback
from collections.abc import Callable
from types import FrameType

from hydrarec.core import signals, streams
from hydrarec.core.contract import FULL_ERROR, as_contract, is_interrupt
from hydrarec.core.errors import InterruptedRun, UserCodeError


def entry_point(body: Callable[[], int]) -> None:
    """Run ``body`` and exit with its code, or with the code of the error that it raised."""
    streams.open_closed_streams()
    show_traceback = os.environ.get(FULL_ERROR, "0") not in ("", "0")
    os.environ[FULL_ERROR] = "1"  # makes Hydra re-raise exceptions instead of printing them and exiting
    logging.raiseExceptions = False  # no report from the logging module on a broken pipe
    signals.handle(signals.END, _terminated)
    try:
        code = body()
        sys.stdout.flush()
    except BaseException as raised:
        if isinstance(raised, SystemExit) and not is_interrupt(raised):
            raise
        if isinstance(raised, BrokenPipeError):  # the reader, such as head, closed the pipe
            streams.discard_stdout()
            sys.exit(128 + signal.SIGPIPE)
        error = as_contract(raised)
        if show_traceback:
            streams.write_stderr(traceback.format_exc())
        elif isinstance(error, UserCodeError):
            streams.write_stderr(error.traceback)
        streams.write_stderr(f"{error}\n")
        code = error.exit_code
        try:
            sys.stdout.flush()
        except OSError:  # as the error says, or beside it
            streams.discard_stdout()
    sys.exit(code)


def _terminated(number: int, frame: FrameType | None) -> None:
    raise InterruptedRun(
        f"{signal.Signals(number).name} while there was nothing to save",
        fix="run the same command again, or resume=<run folder> where there is one",
        signal_number=signals.exit_signal(number),
    )
