"""The process that jobs are forked from: ``python -m hydrarec.sweeps.server``, one per worker of a sweep.

It imports torch once (seconds) and is then forked per job (milliseconds). It never computes anything, and so has neither
threads nor a CUDA context that a fork could break. An order comes as a line of JSON, and one line answers when the job
has ended. When its input closes, the sweep is gone or wants to be: the running job is ended, and then the server.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import select
import signal
import sys
import threading
import time
from functools import partial
from pathlib import Path
from typing import Any

LOG = "train.log"
GRACE = 5.0  # seconds for a checkpoint, between asking a job to end and ending it
_TICK = 0.02  # seconds between two looks at a running job
_PRELOADED = (
    "hydrarec.training.job",
    "hydrarec.training.assembly",
    "hydrarec.training.fit",
    "hydrarec.training.ddp_workers",
    "hydrarec.runs.provenance",
    "hydrarec.figures.curves",
)

Order = dict[str, Any]  # config, path, overrides, trial: what hydrarec.training.job.execute needs; timeout in seconds


def main() -> int:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the sweep decides
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever an import prints is no reply
    for module in _PRELOADED:
        importlib.import_module(module)
    gc.collect()
    gc.freeze()  # what is there now stays: a job's collector need not look through all of torch, nor copy its pages
    while line := _read_line(0):
        order: Order = json.loads(line)
        lifeline, held = os.pipe()
        said, says = os.pipe()
        pid = os.fork()
        if pid == 0:
            for descriptor in (0, held, said, replies.fileno()):
                os.close(descriptor)
            return _job(order, lifeline, says)  # and so out of this function: the job's process ends as any other
        os.close(lifeline)
        os.close(says)
        ended = _watch(pid, order["timeout"])
        with os.fdopen(said, encoding="utf-8") as words:
            ended["error"] = json.loads(words.read() or "null")
        os.close(held)
        replies.write(json.dumps(ended) + "\n")
        replies.flush()
    return 0


def _read_line(descriptor: int) -> bytes:
    """Unbuffered, so that the end of the input can be waited for while a job runs."""
    line = b""
    while not line.endswith(b"\n"):
        piece = os.read(descriptor, 1) if not line else os.read(descriptor, 1 << 16)
        if not piece:
            return b""
        line += piece
    return line


def _watch(pid: int, timeout: float | None) -> dict[str, Any]:
    """Wait for a job; end it when it takes too long, or when nobody waits for it any more."""
    deadline = None if timeout is None else time.monotonic() + timeout
    insist: float | None = None
    late = False
    while True:
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            return {"code": os.waitstatus_to_exitcode(status), "late": late}
        now = time.monotonic()
        late = late or (deadline is not None and now > deadline)
        alone = bool(select.select([0], [], [], _TICK)[0])  # no order comes while one is worked on: this is the end
        if insist is None and (late or alone):
            os.kill(pid, signal.SIGTERM)
            insist = now + GRACE
        elif insist is not None and now > insist:
            os.kill(pid, signal.SIGKILL)
        if alone:
            time.sleep(_TICK)


def _job(order: Order, lifeline: int, says: int) -> int:
    """One run; an error goes to the server, and everything that is written goes into ``train.log``."""
    threading.Thread(target=_end_with_the_server, args=(lifeline,), daemon=True).start()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    _write_to(Path(order["path"]) / LOG)
    sys.argv = ["hydrarec-train", *order["overrides"]]  # for run.json: the same run, alone
    from hydrarec.core.contract import as_contract
    from hydrarec.sweeps.pruning import pruned
    from hydrarec.training.job import execute

    try:
        execute(order["config"], Path(order["path"]), order["overrides"], partial(pruned, trial=order["trial"]))
    except Exception as error:
        os.write(says, json.dumps(as_contract(error).to_dict()).encode())
        raise  # for the traceback in the log
    return 0


def _end_with_the_server(lifeline: int) -> None:
    os.read(lifeline, 1)  # returns when the only other end is gone
    os._exit(1)


def _write_to(log: Path) -> None:
    """Everything, also what C code says when it crashes; a sweep's own lines stay readable."""
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
    for stream in (1, 2):
        os.dup2(descriptor, stream)
    os.close(descriptor)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    if null:
        os.close(null)


if __name__ == "__main__":
    sys.exit(main())
