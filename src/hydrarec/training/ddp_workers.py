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

from hydrarec.core.errors import EnvironmentFault
from hydrarec.runs.folder import RunFolder


class Companions:
    """Processes 1 … ``number`` − 1 of a run; none if it has only one.

    What each says is in ``<folder>/process-<rank>.log``.
    """

    def __init__(self, number: int, folder: Path, *, resume: bool) -> None:
        self.folder, self.number = folder, number
        self.processes: list[subprocess.Popen] = []
        self._ready: list[int] = []  # a pipe from each, which also tells of its end
        for rank in range(1, number):
            reading, writing = os.pipe()
            command = [sys.executable, "-m", "hydrarec.training.ddp_workers", str(folder), str(writing)]
            environment = {**os.environ, "LOCAL_RANK": str(rank)}
            with self._log(rank).open("wb") as log:
                self.processes.append(
                    subprocess.Popen(
                        [*command, *(["resume"] if resume else [])],
                        stdout=log,
                        stderr=log,
                        env=environment,
                        pass_fds=[writing],
                    )
                )
            os.close(writing)
            self._ready.append(reading)

    def meet(self) -> None:
        """Wait until all have built their parts.

        Raises:
            EnvironmentFault: one ended before; the others would wait for it in vain.
        """
        for rank, pipe in enumerate(self._ready, 1):
            if not os.read(pipe, 1):
                raise self.fault(rank)

    def fault(self, rank: int) -> EnvironmentFault:
        """That process ``rank`` ended early."""
        return EnvironmentFault(
            f"process {rank} of {self.number} ended early",
            expected="all processes of a run to its end",
            fix=f"read {self._log(rank)}, or trainer.devices=1",
            value=rank,
        )

    def failed(self) -> int | None:
        """The rank of one that ends in an error, or is about to; None if there is none."""
        for process in self.processes:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=10)
        codes = [process.poll() for process in self.processes]
        return next((rank for rank, code in enumerate(codes, 1) if code not in (None, 0)), None)

    def dismiss(self, *, gently: bool) -> None:
        """Wait for processes that end by themselves; kill those that wait for a run that has failed."""
        for pipe, process in zip(self._ready, self.processes, strict=True):
            os.close(pipe)
            if not gently:
                process.kill()
            try:
                process.wait(timeout=60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _log(self, rank: int) -> Path:
        return self.folder / f"process-{rank}.log"


@contextlib.contextmanager
def companions(number: int, folder: Path, *, resume: bool) -> Iterator[Companions]:
    """The companions of this process, which becomes number 0 of ``number``, for the time of the block.

    Raises:
        EnvironmentFault: one of them ended early.
    """
    meeting = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(_free_port()), "NODE_RANK": "0", "LOCAL_RANK": "0"}
    before = {name: os.environ.get(name) for name in meeting}
    if number > 1:
        os.environ.update(meeting)  # Lightning reads them
    group = Companions(number, folder, resume=resume)
    gently = False
    try:
        yield group
        gently = True
    except RuntimeError as error:  # a collective whose other end has gone
        rank = group.failed()
        if rank is None:
            raise
        raise group.fault(rank) from error
    finally:
        group.dismiss(gently=gently)
        for name, value in before.items():
            if value is not None:
                os.environ[name] = value
            elif number > 1:
                del os.environ[name]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _main(path: Path, ready: int, *, resume: bool) -> None:
    """One companion: the same run, writing nothing. Signals are for the first process, which tells the others."""
    from hydrarec.training.assembly import build
    from hydrarec.training.fit import run

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    folder = RunFolder(path, rank=int(os.environ["LOCAL_RANK"]))
    config = folder.read_config()
    parts = build(config, folder)
    os.write(ready, b"!")
    run(parts, folder, config, resume=resume)


if __name__ == "__main__":
    _main(Path(sys.argv[1]), int(sys.argv[2]), resume=sys.argv[3:] == ["resume"])
