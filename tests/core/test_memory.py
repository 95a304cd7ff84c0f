"""Memory that is left, from pretended limits; and the refusal of work that needs more."""

from __future__ import annotations

import resource
from pathlib import Path

import pytest

from hydrarec.core import memory
from hydrarec.core.errors import ConfigError, EnvironmentFault

GIB = 2**30


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine of 16 GiB with 8 GiB free and no limits; returns the folder of its cgroups."""
    monkeypatch.setattr(memory, "installed_bytes", lambda: 16 * GIB)
    monkeypatch.setattr(memory, "_free", lambda: 8 * GIB)
    monkeypatch.setattr(memory, "_left_by_limits", lambda: iter(()))
    monkeypatch.setattr(memory, "_CGROUPS", tmp_path)
    monkeypatch.setattr(memory, "_cgroups", lambda: iter([(tmp_path, "memory.max", "memory.current", "inactive_file")]))
    return tmp_path


def limit(folder: Path, allowed: str, used: int, cached: int) -> None:
    (folder / "memory.max").write_text(f"{allowed}\n")
    (folder / "memory.current").write_text(f"{used}\n")
    (folder / "memory.stat").write_text(f"anon 1\ninactive_file {cached}\n")


def test_a_cgroup_leaves_its_limit_less_what_is_used_but_for_file_caches(machine: Path) -> None:
    assert memory.available_bytes() == 8 * GIB
    limit(machine, "max", 3 * GIB, GIB)
    assert memory.available_bytes() == 8 * GIB
    limit(machine, str(4 * GIB), 3 * GIB, GIB)
    assert memory.available_bytes() == 2 * GIB
    limit(machine, str(4 * GIB), 5 * GIB, 0)
    assert memory.available_bytes() == 0


def test_ulimit_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = [int(word) * resource.getpagesize() for word in Path("/proc/self/statm").read_text().split()]
    limits = {resource.RLIMIT_AS: sizes[0] + GIB, resource.RLIMIT_DATA: resource.RLIM_INFINITY}
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (limits[kind], resource.RLIM_INFINITY))
    assert 0.9 * GIB < memory.available_bytes() <= 1.1 * GIB


@pytest.mark.parametrize(
    ("needed", "kind", "says"),
    [
        (17 * GIB, ConfigError, "model.x=1 needs about 17.0 GiB"),
        (9 * GIB, EnvironmentFault, "at most 8.0 GiB, what is free now"),
    ],
)
def test_work_that_needs_more_is_refused_with_numbers(machine: Path, needed: int, kind: type, says: str) -> None:
    with pytest.raises(kind) as caught:
        memory.require(needed, "model.x=1", fix="model.x=0")
    assert says in str(caught.value) and "model.x=0" in str(caught.value)
    memory.require(8 * GIB, "model.x=1", fix="model.x=0")
