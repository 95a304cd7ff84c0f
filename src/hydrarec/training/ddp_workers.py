"""The DDP workers of a run on several devices: ranks 1 and above, started by rank 0, which they end with."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
from collections.abc import Iterator
from multiprocessing.connection import Connection, Pipe
from pathlib import Path
from typing import Any

from hydrarec.core.errors import EnvironmentFault
from hydrarec.runs.folder import RunFolder
from hydrarec.training.processes import ChildProcess, end_all, environment

_PATIENCE = 60.0  # seconds for workers to end by themselves after a run that ended well


class Workers:
    """The processes of ranks 1 … ``number`` − 1; none if ``number`` is 1."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.processes: list[ChildProcess] = []
        self._ready: list[Connection] = []  # a byte arrives on each when the worker's parts are built

    def start(self, folder: Path, *, resume: bool) -> None:
        """Start all, each with its log in the run folder."""
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
        """Return when all workers have built their parts.

        Raises:
            EnvironmentFault: one ended before; the others would wait for it in vain.
        """
        for rank, ready in enumerate(self._ready, 1):
            try:
                ready.recv_bytes()
            except EOFError:
                raise self.fault(rank) from None

    def fault(self, rank: int) -> EnvironmentFault:
        """The error of a run whose worker ``rank`` ended early."""
        return EnvironmentFault(
            f"process {rank} of {self.number} ended early",
            expected="all processes of a run to its end",
            fix=f"read {self.processes[rank - 1].log}, or trainer.devices=1",
            value=rank,
        )

    def failed_rank(self) -> int | None:
        """The rank of a worker that ends in an error within ten seconds; None if there is none."""
        return next((rank for rank, process in enumerate(self.processes, 1) if process.wait(10) and process.code), None)


@contextlib.contextmanager
def ddp_workers(number: int, folder: Path, *, resume: bool) -> Iterator[Workers]:
    """The workers of this process, which becomes rank 0 of ``number``, for the time of the block.

    Raises:
        EnvironmentFault: one of them ended early.
    """
    meeting = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(_free_port()), "NODE_RANK": "0", "LOCAL_RANK": "0"}
    workers = Workers(number)
    with environment(meeting if number > 1 else {}):  # Lightning reads it
        try:
            workers.start(folder, resume=resume)
            yield workers
            for process in workers.processes:
                process.wait(_PATIENCE)
        except RuntimeError as error:  # a collective whose other end has gone
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
    """What a worker does: the same run, writing nothing. Rank 0 gets the signals and ends the others."""
    from pytorch_lightning.utilities import rank_zero

    from hydrarec.training.assembly import build
    from hydrarec.training.fit import run

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    lightning: Any = rank_zero
    lightning.rank_zero_only.rank = rank  # Lightning read it when it was imported, before the fork
    folder = RunFolder(path, rank=rank)
    config = folder.read_config()
    parts = build(config, folder)
    ready.send_bytes(b"!")
    run(parts, folder, config, resume=resume)
