"""Child processes: jobs of a sweep, runs of a reproduction, DDP workers of a run.

multiprocessing's fork server imports torch once (seconds) and is forked per process (milliseconds). It computes nothing, so
it has neither threads nor a CUDA context that a fork could break. A crash, a hang or an ``os._exit`` affects only its own
process, and each process ends when the process that started it ends.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import json
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from multiprocessing import connection, forkserver, resource_tracker
from pathlib import Path
from types import ModuleType
from typing import Any

from hydrarec.core import signals
from hydrarec.core.contract import as_contract
from hydrarec.core.errors import HydrarecError, LostJobError, from_dict

LOG = "train.log"  # in a run folder: output of the run's process
STARTER = "HYDRAREC_STARTER"  # environment variable of the fork server: the process that started it
GRACE = 5.0  # seconds for a checkpoint, between SIGTERM and SIGKILL
_PRELOADED = ["hydrarec.training.fork_server"]
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
_PR_SET_PDEATHSIG = 1  # <linux/prctl.h>
_CONTEXT = multiprocessing.get_context("forkserver")


def warm_up() -> None:
    """Start the fork server unless it runs; it imports torch while this process continues."""
    forkserver.set_forkserver_preload(_PRELOADED)
    resource_tracker.ensure_running()  # before blocking the signals, because it unblocks them
    # Signals are often sent to a whole process group: its leader decides.
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, signals.STOP)
    try:
        with environment(
            {**_ONE_THREAD, **os.environ, STARTER: str(os.getpid())}
        ):  # trainer.threads still sets torch's threads
            forkserver.ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)


@contextlib.contextmanager
def environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables for the duration of the block."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


class ChildProcess:
    """A function call that runs in a child process, started on construction.

    Args:
        function: module-level function; called with ``arguments``, which must be picklable.
        log: file to which all output of the process is appended.
        variables: environment of the process, set before it imports or computes anything; default: this process's.
        grace: seconds between SIGTERM and SIGKILL.
    """

    def __init__(
        self,
        function: Callable[..., object],
        *arguments: object,
        log: Path,
        variables: Mapping[str, str] | None = None,
        grace: float = GRACE,
    ) -> None:
        self.log, self.grace = log, grace
        self.code: int | None = None  # −n: killed by signal n
        self._report = b""  # error reported by the process, as JSON
        self._reports, writing = _CONTEXT.Pipe(duplex=False)
        variables = dict(os.environ if variables is None else variables)
        call = (function, arguments, log, variables, writing, grace)
        self._process = _CONTEXT.Process(target=_call, args=call)
        _running.add(self)
        try:
            with _neutral_parent(), writing:
                self._start()
        except (OSError, EOFError) as error:
            self.code = 1
            self._report = _as_json(self._lost(f"could not be forked: {str(error) or 'the fork server ended'}"))
            self._reports.close()
            _running.discard(self)

    def _start(self) -> None:
        warm_up()
        try:
            self._process.start()
        except (OSError, EOFError):  # the fork server has just been killed
            time.sleep(0.2)
            warm_up()
            self._process.start()

    @property
    def sources(self) -> list[Any]:
        """Objects to wait on: one becomes ready when the running process ends or reports an error."""
        return [self._process.sentinel, *([] if self._reports.closed else [self._reports])]

    def wait(self, timeout: float | None = None) -> bool:
        """Wait at most ``timeout`` seconds; return whether the process has ended."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while self.code is None:
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            if not connection.wait(self.sources, left):
                return False
            if not self._reports.closed and self._reports.poll():  # read early: a long report fills the pipe
                with contextlib.suppress(EOFError), self._reports:
                    self._report = self._reports.recv_bytes()
            elif (code := self._process.exitcode) is not None:
                self.code = code
                _running.discard(self)
                self._reports.close()
        return True

    def end(self) -> None:
        """Send SIGTERM and, after ``grace`` seconds, SIGKILL; do nothing if the process has ended."""
        if not self.wait(0):
            self._process.terminate()
            if not self.wait(self.grace):
                self._process.kill()
                self.wait()

    def failure(self) -> HydrarecError | None:
        """Error of the ended process; None if it succeeded."""
        assert self.code is not None, "the process still runs"
        if self._report:
            return from_dict(json.loads(self._report))
        if self.code < 0:
            memory = " (out of memory?)" if -self.code == signal.SIGKILL else ""
            return self._lost(f"was ended by {signal.Signals(-self.code).name}{memory}")
        return self._lost(f"exited with code {self.code} and no error message") if self.code else None

    def _lost(self, what: str) -> LostJobError:
        return LostJobError(
            f"the job's process {what}",
            expected="a run to its end",
            fix=f"read {self.log}; the same command runs the job again",
        )


_running: set[ChildProcess] = set()
os.register_at_fork(after_in_child=_running.clear)
atexit.register(lambda: end_all(_running))  # also those whose constructor a signal interrupted


def first_to_end(children: Collection[ChildProcess]) -> ChildProcess:
    """Wait until one of several processes ends and return it."""
    while True:
        for child in children:
            if child.wait(0):
                return child
        connection.wait([source for child in children for source in child.sources])


def end_all(children: Collection[ChildProcess]) -> None:
    """End processes in parallel, so that all write their checkpoints within the same ``grace`` period."""
    threads = [threading.Thread(target=child.end) for child in tuple(children)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def end_with_parent(parent: int) -> None:
    """Exit this process when its parent, with the process id ``parent``, has ended."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


@contextlib.contextmanager
def _neutral_parent() -> Iterator[None]:
    """Hide state that multiprocessing would reproduce in the child: the user's script, a start method such as joblib's."""
    main, method = sys.modules["__main__"], multiprocessing.get_start_method(allow_none=True)
    sys.modules["__main__"] = ModuleType("__main__")
    multiprocessing.set_start_method("forkserver", force=True)
    try:
        yield
    finally:
        sys.modules["__main__"] = main
        multiprocessing.set_start_method(method, force=True)


def _call(
    function: Callable[..., object],
    arguments: tuple[object, ...],
    log: Path,
    variables: dict[str, str],
    reports: connection.Connection,
    grace: float,
) -> None:
    """Main function of a child process; it reports an error to the parent, and multiprocessing prints the traceback."""
    os.setsid()  # Ctrl-C goes to the starter, which forwards it
    _end_with_server()
    threading.Thread(target=_end_with_starter, args=(grace,), daemon=True).start()
    multiprocessing.set_start_method(None, force=True)  # user code that starts processes gets the default method
    os.environ.clear()
    os.environ.update(variables)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # a worker of joblib ignores it
    signal.pthread_sigmask(signal.SIG_UNBLOCK, signals.STOP)
    try:
        _redirect_streams(log)
        function(*arguments)
    except Exception as error:
        reports.send_bytes(_as_json(as_contract(error)))
        raise


def _as_json(error: HydrarecError) -> bytes:
    return json.dumps(error.to_dict()).encode()


def _end_with_server() -> None:
    """Have the kernel kill this process when the fork server ends (Linux), and let the server end with its starter."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    server: Any = forkserver._forkserver
    os.close(server._forkserver_alive_fd)  # the server lives while any process holds it open


def _end_with_starter(grace: float) -> None:
    """End this process, with ``grace`` seconds for a checkpoint, when the process that requested it has ended."""
    starter = multiprocessing.parent_process()
    assert starter is not None
    starter.join()
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(grace)
    os.kill(os.getpid(), signal.SIGKILL)


def _redirect_streams(log: Path) -> None:
    """Append stdout and stderr to the log, including output of crashing C code."""
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
    for stream in (1, 2):
        os.dup2(descriptor, stream)
    os.close(descriptor)
