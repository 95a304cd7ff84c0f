"""Run ``python -m hydrarec.…`` as a user would, without importing torch anew (seconds) for each command.

One server per test process imports everything and composes one configuration, so that Hydra has loaded its plugins and its
parser. It is then forked per command. The fork gets the command's folder, environment, arguments and streams, and exits
like any process. Tests of the imports themselves (tests/cli/test_cli.py) start a new Python.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import json
import os
import pkgutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parents[1]
_SLOW_TO_IMPORT = (  # by hydrarec, in functions
    "matplotlib.backends.backend_agg",
    "matplotlib.backends.backend_pdf",
    "scipy.stats",
    "torch.utils.tensorboard",
)
_exit_code = [1]  # of this process, if it ends by an exception that nobody handles
_server: list[subprocess.Popen[str]] = []  # of this process, if a command was run


def run(module: str, *arguments: str, cwd: Path | None = None, timeout: float) -> subprocess.CompletedProcess[str]:
    """``python -m module arguments…`` in ``cwd`` (by default the current folder), with this process's environment.

    Raises:
        subprocess.TimeoutExpired: after ``timeout`` seconds, when it was killed.
    """
    if not _server:
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "src")])}
        command = [sys.executable, "-c", "from tests.commands import serve; serve()"]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        _server.append(subprocess.Popen(command, env=environment, text=True, **pipes))
    server = _server[0]
    with tempfile.TemporaryDirectory() as folder:
        order = {
            "module": module,
            "arguments": arguments,
            "cwd": str(cwd or Path.cwd()),
            "environment": dict(os.environ),
            "streams": folder,
            "timeout": timeout,
        }
        server.stdin.write(json.dumps(order) + "\n")
        server.stdin.flush()
        code = json.loads(server.stdout.readline())
        out, err = ((Path(folder) / name).read_text(encoding="utf-8") for name in ("stdout", "stderr"))
    command = [sys.executable, "-m", module, *arguments]
    if code is None:
        raise subprocess.TimeoutExpired(command, timeout, out, err)
    return subprocess.CompletedProcess(command, code, out, err)


def serve() -> None:
    """Main loop of the server that is forked; ends at EOF on its input."""
    import hydrarec

    atexit.register(_leave)  # first, so that it runs last
    for module in pkgutil.walk_packages(hydrarec.__path__, "hydrarec."):
        if not module.name.endswith("__main__"):
            with contextlib.suppress(ModuleNotFoundError):  # of an extra that is not installed
                importlib.import_module(module.name)
    for name in _SLOW_TO_IMPORT:
        importlib.import_module(name)
    importlib.import_module("hydrarec.config.composition").compose_config([])
    gc.collect()
    gc.freeze()  # or each command's collector would copy the pages of all of torch
    while line := sys.stdin.readline():
        order = json.loads(line)
        pid = os.fork()
        if pid == 0:
            _command(order)
        sys.stdout.write(json.dumps(_wait(pid, order["timeout"])) + "\n")
        sys.stdout.flush()


def _leave() -> None:
    """Exit without tearing down modules, which would copy memory shared between forks."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(_exit_code[0])


def _command(order: dict) -> NoReturn:
    os.chdir(order["cwd"])
    os.environ.clear()
    os.environ.update(order["environment"])
    streams = [(0, Path(os.devnull), os.O_RDONLY)]
    streams += [
        (number, Path(order["streams"]) / name, os.O_CREAT | os.O_WRONLY)
        for number, name in ((1, "stdout"), (2, "stderr"))
    ]
    for number, path, flags in streams:
        os.dup2(os.open(path, flags), number)
    sys.argv = [order["module"], *order["arguments"]]
    try:
        sys.exit(importlib.import_module(order["module"]).main())
    except SystemExit as ended:
        _exit_code[0] = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
        raise


def _wait(pid: int, timeout: float) -> int | None:
    """Wait for a process; return its exit code, −n for signal n, or None if it was killed at the timeout."""
    deadline = time.monotonic() + timeout
    while True:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() > deadline:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            return None
        time.sleep(0.005)
