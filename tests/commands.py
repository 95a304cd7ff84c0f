"""``python -m hydrarec.…`` as a user runs it, without waiting seconds for torch each time.

A process that has imported what takes long, and never computes anything, is forked per command; the fork gets the command's
folder, environment, arguments and streams, and ends as any process does. What must be shown of imports themselves
(tests/test_cli.py) starts Python anew.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
_IMPORTED = (
    "hydrarec.cli.train",
    "hydrarec.training.assembly",
    "hydrarec.training.fit",
    "hydrarec.training.ddp_workers",
    "hydrarec.runs.provenance",
)
_nurse: list[subprocess.Popen[str]] = []  # of this process, if a command was run


def run(module: str, *arguments: str, cwd: Path | None = None, timeout: float) -> subprocess.CompletedProcess[str]:
    """``python -m module arguments…`` in ``cwd`` (by default the current folder), with this process's environment.

    Raises:
        subprocess.TimeoutExpired: after ``timeout`` seconds, when it was killed.
    """
    if not _nurse:
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "src")])}
        command = [sys.executable, "-c", "from tests.commands import serve; serve()"]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        _nurse.append(subprocess.Popen(command, env=environment, text=True, **pipes))
    nurse = _nurse[0]
    with tempfile.TemporaryDirectory() as folder:
        order = {
            "module": module,
            "arguments": arguments,
            "cwd": str(cwd or Path.cwd()),
            "environment": dict(os.environ),
            "streams": folder,
            "timeout": timeout,
        }
        nurse.stdin.write(json.dumps(order) + "\n")
        nurse.stdin.flush()
        code = json.loads(nurse.stdout.readline())
        out, err = ((Path(folder) / name).read_text(encoding="utf-8") for name in ("stdout", "stderr"))
    command = [sys.executable, "-m", module, *arguments]
    if code is None:
        raise subprocess.TimeoutExpired(command, timeout, out, err)
    return subprocess.CompletedProcess(command, code, out, err)


def serve() -> None:
    """What the process does that is forked: until its input ends."""
    for module in _IMPORTED:
        importlib.import_module(module)
    gc.collect()
    gc.freeze()  # or each command's collector would copy the pages of all of torch
    while line := sys.stdin.readline():
        order = json.loads(line)
        pid = os.fork()
        if pid == 0:
            sys.exit(_command(order))
        sys.stdout.write(json.dumps(_wait(pid, order["timeout"])) + "\n")
        sys.stdout.flush()


def _command(order: dict) -> int | None:
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
    return importlib.import_module(order["module"]).main()


def _wait(pid: int, timeout: float) -> int | None:
    """The exit code, −n for signal n; None if it was killed for the time it took."""
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
