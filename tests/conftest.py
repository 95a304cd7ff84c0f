"""Shared fixtures: a small ratings file, a separate working folder per test, and ways to run hydrarec in it.

No test sees the user's cache, data, network settings or terminal.
"""

from __future__ import annotations

import contextlib
import copy
import csv
import functools
import hashlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from tests import commands
from tests.browser import browser  # noqa: F401  (a fixture)

from hydrarec.core.errors import HydrarecError

# Before torch is imported: on a busy machine two threads take fifty times as long as one for models this small.
os.environ.setdefault("OMP_NUM_THREADS", "1")
PACKAGE_ROOT = Path(__file__).resolve().parents[1] / "src"
TIME_LIMIT = 120  # seconds; a run of these tests takes 5, also where other work keeps the machine busy

# The same examples each time; HYPOTHESIS_PROFILE=default looks for new ones.
settings.register_profile("repeatable", derandomize=True, database=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))

Config = dict[str, Any]
Train = Callable[..., subprocess.CompletedProcess[str]]
Compose = Callable[..., Config]
Execute = Callable[..., dict[str, Any]]

# A run of 2 epochs of 8 calls of 2 steps: 480 training ratings in batches of 32.
TINY = (
    "dataset=csv",
    "dataset.path=ratings.csv",
    "dataset.time=time",
    "logger=none",
    "trainer.epochs=2",
    "trainer.steps_per_call=2",
    "trainer.checkpoint_seconds=0",
    "task.datamodule.batch_size=32",
)


@pytest.fixture(autouse=True)
def isolated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give each test its own cache folder, no data folder and no proxies."""
    monkeypatch.setenv("HYDRAREC_CACHE_DIR", str(tmp_path / "cache"))
    for name in (
        "HYDRAREC_DATA_DIR",
        "HYDRAREC_OFFLINE",
        "HYDRA_FULL_ERROR",
        "http_proxy",
        "https_proxy",
        "HTTP_PROXY",
        "HTTPS_PROXY",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(
        "PYTHONPATH", os.pathsep.join([str(PACKAGE_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    )


REAL_DATA = os.environ.get("HYDRAREC_DATA_DIR")  # read before `isolated` hides it


@pytest.fixture
def real_data(monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of real datasets, for tests that need them."""
    if not REAL_DATA:
        pytest.skip("HYDRAREC_DATA_DIR is not set: no real data to test with")
    monkeypatch.setenv("HYDRAREC_DATA_DIR", REAL_DATA)
    return Path(REAL_DATA)


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Working folder with ``ratings.csv``: 40 users × 30 items, every second pair, 600 ratings from 1 to 5."""
    folder = tmp_path / "work"
    folder.mkdir()
    (folder / "ratings.csv").write_text(small_ratings(), encoding="utf-8")
    monkeypatch.chdir(folder)
    return folder


def small_ratings() -> str:
    pairs = [(user, item) for user in range(1, 41) for item in range(1, 31) if (user + item) % 2 == 0]
    lines = [
        f"{user},{item},{1 + (3 * user + 5 * item + user * item) % 5},{1_000_000_000 + row}"
        for row, (user, item) in enumerate(pairs)
    ]
    return "\n".join(["user,item,rating,time", *lines]) + "\n"


@pytest.fixture
def train(workplace: Path) -> Train:
    """``train("key=value", …)`` runs ``python -m hydrarec.cli.train`` in the working folder, as a user would."""

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return commands.run("hydrarec.cli.train", *arguments, cwd=workplace, timeout=TIME_LIMIT)

    return run


@pytest.fixture
def started(workplace: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """``started("key=value", …)`` starts a run and returns at once; remaining processes are killed at the end."""
    processes: list[subprocess.Popen[str]] = []

    def start(*arguments: str, **environment: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "hydrarec.cli.train", *arguments]
        streams = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
        process = subprocess.Popen(command, cwd=workplace, text=True, env={**os.environ, **environment}, **streams)
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.kill()
        process.wait()
        process.stderr.close()


@functools.cache  # composing takes longer than most of these runs train
def _composed(overrides: tuple[str, ...]) -> Config:
    from hydrarec.config.composition import compose_config, plain

    return plain(compose_config([*TINY, *overrides]))


@pytest.fixture
def composed(workplace: Path) -> Compose:
    """``composed("key=value", …)``: the plain configuration of a tiny run with these overrides."""
    return lambda *overrides: copy.deepcopy(_composed(overrides))


@pytest.fixture
def execute(composed: Compose) -> Execute:
    """``execute(folder, "key=value", …)`` does a tiny run in this process, resumes if possible, and returns the result."""
    from hydrarec.training.job import execute

    def run(folder: Path, *overrides: str) -> dict[str, Any]:
        return execute({**composed(*overrides), "resume": str(folder)}, folder, [*TINY, *overrides])

    return run


class Killed(BaseException):
    """Simulates a kill at an exact point within this process."""


@contextlib.contextmanager
def killed_after(saves: int) -> Iterator[None]:
    """The run inside the block dies once ``last.ckpt`` has been written ``saves`` times."""
    from hydrarec.training.callbacks.checkpoints import Checkpoints

    original, left = Checkpoints._save_last, [saves]

    def save_then_die(self: Any, trainer: Any, *, force: bool) -> None:
        before = self._written
        original(self, trainer, force=force)
        left[0] -= self._written != before
        if left[0] == 0:
            raise Killed

    with pytest.MonkeyPatch.context() as patch, pytest.raises(HydrarecError, match="Killed"):
        patch.setattr(Checkpoints, "_save_last", save_then_die)
        yield


def history_of(folder: Path) -> list[dict[str, str]]:
    """Rows of ``history.csv`` as texts; empty if the file is missing."""
    path = folder / "history.csv"
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def wait_until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + TIME_LIMIT
    while not condition():
        assert time.monotonic() < deadline, f"in vain: {what}"
        time.sleep(0.01)


def processes_marked(mark: str) -> list[int]:
    """Processes started with ``MARK=mark`` in their environment, and their forks."""
    marked = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):  # ended meanwhile
            if f"MARK={mark}".encode() in path.read_bytes().split(b"\0"):
                marked.append(int(path.parent.name))
    return marked


def tree_digest(folder: Path, *, without: tuple[str, ...] = ()) -> dict[str, str]:
    """Digest of every file, link and folder below ``folder``, except the top-level names in ``without``."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        if name.parts[0] not in without:
            content = (
                os.fsencode(path.readlink())
                if path.is_symlink()
                else path.read_bytes()
                if path.is_file()
                else b"folder"
            )
            found[str(name)] = hashlib.sha256(content).hexdigest()
    return found
