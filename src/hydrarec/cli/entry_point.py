"""How an entry point ends: the exit code and the at most four lines of the contract of errors; never a traceback."""

from __future__ import annotations

import logging
import os
import signal
import sys
import traceback
from collections.abc import Callable
from types import FrameType

from hydrarec.core.contract import FULL_ERROR, as_contract, is_interrupt
from hydrarec.core.errors import InterruptedRun


def entry_point(body: Callable[[], int]) -> None:
    """Run ``body`` and exit with its code, or with the code of the error that it raised."""
    show_traceback = os.environ.get(FULL_ERROR, "0") not in ("", "0")
    os.environ[FULL_ERROR] = "1"  # Hydra then lets exceptions pass instead of printing and exiting by itself
    logging.raiseExceptions = False  # a broken pipe is no reason for a report of the logging module
    signal.signal(signal.SIGTERM, _terminated)
    try:
        code = body()
    except BaseException as raised:
        if isinstance(raised, SystemExit) and not is_interrupt(raised):
            raise
        if isinstance(raised, BrokenPipeError):  # the reader, such as head, has seen enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(128 + signal.SIGPIPE)
        error = as_contract(raised)
        if show_traceback:
            traceback.print_exc()
        sys.stderr.write(f"{error}\n")
        code = error.exit_code
    sys.stdout.flush()
    sys.exit(code)


def _terminated(number: int, frame: FrameType | None) -> None:
    raise InterruptedRun(
        f"{signal.Signals(number).name} while there was nothing to save",
        fix="run the same command again, or resume=<run folder> where there is one",
        signal_number=number,
    )
