"""DDP workers of a run on several devices: ranks 1 and above. Rank 0 starts them; they exit with it."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
from collections.abc import Iterator
from multiprocessing.connection import Connection, Pipe
from pathlib import Path
from typing import Any

from hydrarec.core import signals
from hydrarec.core.errors import EnvironmentFault
from hydrarec.runs.folder import RunFolder
from hydrarec.training.processes import ChildProcess, end_all, environment

_PATIENCE = 60.0  # seconds for workers to exit by themselves after a successful run


class Workers:
    """Worker processes, ranks 1 … ``number`` − 1; none if ``number`` is 1."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.processes: list[ChildProcess] = []
        self._ready: list[Connection] = []  # receive a byte once the worker has built its parts

    def start(self, folder: Path, *, resume: bool) -> None:
        """Start all workers, each with its own log in the run folder."""
        for rank in range(1, self.number):
            reading, writing = Pipe(duplex=False)
            log = folder / f"process-{rank}.log"
            log.unlink(missing_ok=True)
            variables = {**os.environ, "LOCAL_RANK": str(rank)}
            with writing:
                process = ChildProcess(_work, rank, folder, writing, resume, log=log, variables=variables, grace=0)
            self.processes.append(process)
            self._ready.append(reading)

    def wait_until_built(self) -> None:
        """Wait until all workers have built their parts.

        Raises:
            EnvironmentFault: a worker exited before; the others would wait for it forever.
        """
        for rank, ready in enumerate(self._ready, 1):
            try:
                ready.recv_bytes()
            except EOFError:
                raise self.fault(rank) from None

    def fault(self, rank: int) -> EnvironmentFault:
        """Error of a run whose worker ``rank`` exited early."""
        return EnvironmentFault(
            f"process {rank} of {self.number} ended early",
            expected="all processes of a run to its end",
            fix=f"read {self.processes[rank - 1].log}, or trainer.devices=1",
            value=rank,
        )

    def failed_rank(self) -> int | None:
        """Rank of a worker that fails within ten seconds; None if there is none."""
        return next((rank for rank, process in enumerate(self.processes, 1) if process.wait(10) and process.code), None)


@contextlib.contextmanager
def ddp_workers(number: int, folder: Path, *, resume: bool) -> Iterator[Workers]:
    """Run workers for the duration of the block; this process becomes rank 0 of ``number``.

    Raises:
        EnvironmentFault: a worker exited early.
    """
    meeting = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(_free_port()), "NODE_RANK": "0", "LOCAL_RANK": "0"}
    workers = Workers(number)
    with environment(meeting if number > 1 else {}):  # read by Lightning
        try:
            workers.start(folder, resume=resume)
            yield workers
            for process in workers.processes:
                process.wait(_PATIENCE)
        except RuntimeError as error:  # a collective whose peer has exited
            rank = workers.failed_rank()
            if rank is None:
                raise
            raise workers.fault(rank) from error
        finally:
            end_all(workers.processes)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _work(rank: int, path: Path, ready: Connection, resume: bool) -> None:
    """Worker process: the same run without writing files. It ignores signals; rank 0 handles them and ends the workers."""
    from pytorch_lightning.utilities import rank_zero

    from hydrarec.training.assembly import build
    from hydrarec.training.fit import run

    for number in signals.STOP:
        signal.signal(number, signal.SIG_IGN)
    lightning: Any = rank_zero
    lightning.rank_zero_only.rank = rank  # Lightning set it on import, before the fork
    folder = RunFolder(path, rank=rank)
    config = folder.read_config()
    parts = build(config, folder)
    ready.send_bytes(b"!")
    run(parts, folder, config, resume=resume)
