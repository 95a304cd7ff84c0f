"""Round-robin assignment of one GPU per worker."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import filelock
import pytest

from hydrarec.sweeps import devices


@pytest.fixture(autouse=True)
def placeless() -> Iterator[None]:
    yield
    while devices._held:
        devices._held.pop().release()


@pytest.mark.parametrize(
    ("present", "taken", "gets"), [("0,1", 0, "0"), ("0,1", 1, "1"), ("4,7", 3, "7"), ("0,1,2", 3, "0")]
)
def test_worker_gets_the_next_gpu(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, present: str, taken: int, gets: str
) -> None:
    monkeypatch.setenv(devices.VISIBLE, present)
    (tmp_path / ".workers").mkdir()
    others = [filelock.FileLock(tmp_path / ".workers" / f"{place}.lock") for place in range(taken)]
    for lock in others:
        lock.acquire()
    devices.choose(tmp_path)
    assert devices.gpus() == [gets]
    devices.choose(tmp_path)  # a worker keeps its place
    assert len(devices._held) == 1
    for lock in others:
        lock.release()


@pytest.mark.parametrize("present", ["", "3"])
def test_one_gpu_or_none_is_left_to_everybody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, present: str) -> None:
    monkeypatch.setenv(devices.VISIBLE, present)
    devices.choose(tmp_path)
    assert devices.gpus() == [name for name in [present] if name]
    assert not (tmp_path / ".workers").exists()
