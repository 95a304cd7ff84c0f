"""One job in a process of its own, whatever becomes of it.

Why a process per job, under every launcher: within the launcher's process an ``os._exit``, a crash in C or a hang would
take the sweep along, a job would inherit what earlier ones left in torch and in memory, and its peak of memory would be
theirs. Why a server of our own to fork it from, and not multiprocessing's: launchers bring start methods of their own.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import Any

from hydrarec.core.errors import HydrarecError, LostJobError, from_dict
from hydrarec.sweeps.server import GRACE, LOG, Order

_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_running: list[subprocess.Popen[bytes]] = []  # this process's server, if it was started


def warm_up() -> subprocess.Popen[bytes]:
    """The server, started if need be; it imports while this process goes on."""
    if _running and _running[0].poll() is not None:
        _running.clear()
    if not _running:
        _running.append(
            subprocess.Popen(
                [sys.executable, "-m", "hydrarec.sweeps.server"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env={**dict.fromkeys(_ONE_THREAD, "1"), **os.environ},  # trainer.threads still sets torch's own
                start_new_session=True,  # Ctrl-C is for the sweep, which passes it on
            )
        )
    return _running[0]


def shut_down() -> None:
    """End the server and its job, which gets its time to write a checkpoint."""
    while _running:
        server = _running.pop()
        assert server.stdin is not None
        server.stdin.close()
        try:
            server.wait(GRACE + 1)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def supervise(order: Order) -> HydrarecError | None:
    """Run a job to its end; None if it ended well, else why not. Only an interruption of this process is raised."""
    server = warm_up()
    assert server.stdin is not None and server.stdout is not None
    try:
        server.stdin.write(json.dumps(order).encode() + b"\n")
        server.stdin.flush()
        reply = server.stdout.readline()
    except BrokenPipeError:
        reply = b""
    except BaseException:
        shut_down()
        raise
    if not reply:
        shut_down()
        return _lost("the process that jobs are forked from ended", order)
    return _judge(json.loads(reply), order)


def _judge(ended: dict[str, Any], order: Order) -> HydrarecError | None:
    if ended["late"]:
        return LostJobError(
            f"the job outlived sweep.timeout={order['timeout']:g} s and was stopped",
            expected=f"an end within {order['timeout']:g} s",
            fix="sweep.timeout=<more seconds>: the same command goes on from its last checkpoint",
            value=order["timeout"],
        )
    if ended["error"]:
        return from_dict(ended["error"])
    code = ended["code"]
    if code < 0:
        memory = " (out of memory?)" if -code == signal.SIGKILL else ""
        return _lost(f"the job's process was ended by {signal.Signals(-code).name}{memory}", order)
    return _lost(f"the job's process ended with code {code} and without a word", order) if code else None


def _lost(what: str, order: Order) -> LostJobError:
    return LostJobError(
        what, expected="a run to its end", fix=f"read {order['path']}/{LOG}; the same command runs the job again"
    )
