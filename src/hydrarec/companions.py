"""The other processes of a run on several devices: started by the first one, fed by its run folder, gone when it goes."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hydrarec.errors import EnvironmentFault, HydrarecError
from hydrarec.runs import SilentFolder


@contextlib.contextmanager
def companions(number: int, folder: Path, *, resume: bool) -> Iterator[None]:
    """Start processes 1 … ``number`` − 1, and make this one number 0, for the time of the block.

    Raises:
        EnvironmentFault: one of them ended early; what it said is in ``<folder>/process-<rank>.log``.
    """
    if number == 1:
        yield
        return
    meeting = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(_free_port()), "NODE_RANK": "0", "LOCAL_RANK": "0"}
    started: list[subprocess.Popen] = []
    before = {name: os.environ.get(name) for name in meeting}
    os.environ.update(meeting)  # Lightning reads them
    try:
        for rank in range(1, number):
            command = [sys.executable, "-m", "hydrarec.companions", str(folder), *(["resume"] if resume else [])]
            with (folder / f"process-{rank}.log").open("wb") as log:
                environment = {**os.environ, "LOCAL_RANK": str(rank)}
                started.append(subprocess.Popen(command, stdout=log, stderr=log, env=environment))
        yield
    except HydrarecError:
        raise
    except RuntimeError as error:  # a collective whose other end has gone
        failed = [rank for rank, process in enumerate(started, 1) if process.poll() not in (None, 0)]
        if not failed:
            raise
        raise EnvironmentFault(
            f"process {failed[0]} of {number} ended early",
            expected="all processes of a run to its end",
            fix=f"read {folder / f'process-{failed[0]}.log'}, or trainer.devices=1",
        ) from error
    finally:
        _dismiss(started, gently=sys.exc_info()[0] is None)
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _dismiss(started: list[subprocess.Popen], *, gently: bool) -> None:
    """Wait for processes that end by themselves; kill those that wait for a run that has failed."""
    for process in started:
        if not gently:
            process.kill()
        try:
            process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _main(path: Path, *, resume: bool) -> None:
    """One companion: the same run, writing nothing. Signals are for the first process, which tells the others."""
    from hydrarec.assembly import build
    from hydrarec.training import run

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    folder = SilentFolder(path)
    config: dict[str, Any] = folder.read_config()
    run(build(config, folder), folder, config, resume=resume)


if __name__ == "__main__":
    _main(Path(sys.argv[1]), resume=sys.argv[2:] == ["resume"])
