"""Memory: how much this process may still take, and the refusal of work that needs more."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from pathlib import Path

from hydrarec.core.errors import ConfigError, EnvironmentFault

_CGROUPS = Path("/sys/fs/cgroup")
_UNLIMITED = 2**60  # version 1 of cgroups writes a number near 2⁶³ for no limit


def require(needed: int, what: str, fix: str) -> None:
    """Refuse work that needs more memory than there is.

    Args:
        needed: bytes, at the peak. what: what needs them, for the message.

    Raises:
        ConfigError: more than the machine has: no other moment would do.
        EnvironmentFault: more than is free now, or than a limit on this process leaves.
    """
    installed, available = installed_bytes(), available_bytes()
    if needed > installed:
        raise ConfigError(
            f"{what} needs about {_gib(needed)}",
            expected=f"at most {_gib(installed)}, what this machine has",
            fix=fix,
            value=needed,
        )
    if needed > available:
        raise EnvironmentFault(
            f"not enough memory: {what} needs about {_gib(needed)}",
            expected=f"at most {_gib(available)}, what is free now within the limits of this process",
            fix=f"{fix}; or end other programs, or raise the limit",
            value=needed,
        )


def installed_bytes() -> int:
    """The size of this machine's memory.

    Raises:
        EnvironmentFault: the system does not say.
    """
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError) as error:  # sysconf does not know the name on this system
        raise EnvironmentFault(f"the size of this machine's memory is unknown: {error}") from error


def available_bytes() -> int:
    """What this process may still take: free memory and swap, the limits of its cgroups, and ``ulimit -v`` and ``-d``."""
    return max(0, min([_free(), *_left_by_cgroups(), *_left_by_limits()]))


def _free() -> int:
    path = Path("/proc/meminfo")
    if not path.is_file():  # not Linux
        return installed_bytes()
    entries = dict(line.split(":", 1) for line in path.read_text(encoding="ascii").splitlines())
    return sum(int(entries[name].split()[0]) * 1024 for name in ("MemAvailable", "SwapFree"))


def _left_by_cgroups() -> Iterator[int]:
    """What the limit of each cgroup of this process leaves; file caches do not count, the kernel drops them."""
    for folder, limit, usage, cache in _cgroups():
        allowed, used = _number(folder / limit), _number(folder / usage)
        if allowed is not None and used is not None and allowed < _UNLIMITED:
            stats = (folder / "memory.stat").read_text(encoding="ascii").split()
            cached = int(stats[stats.index(cache) + 1]) if cache in stats else 0
            yield allowed - used + cached


def _cgroups() -> Iterator[tuple[Path, str, str, str]]:
    """Folder of each memory cgroup, from the process's own to the root, and the names of limit, usage and file cache."""
    path = Path("/proc/self/cgroup")
    for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else []:
        _, controllers, place = line.split(":", 2)
        if controllers in ("", "memory"):
            root = _CGROUPS / controllers
            own = root / place.lstrip("/")
            names = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
            for folder in (own, *own.parents):
                if folder.is_relative_to(root):
                    yield folder, *(names if controllers else ("memory.max", "memory.current", "inactive_file"))


def _number(file: Path) -> int | None:
    """The number in a file; None for ``max``, or if there is no such file."""
    text = file.read_text(encoding="ascii").strip() if file.is_file() else "max"
    return None if text == "max" else int(text)


def _left_by_limits() -> Iterator[int]:
    path = Path("/proc/self/statm")
    if path.is_file():
        sizes = [int(word) * resource.getpagesize() for word in path.read_text(encoding="ascii").split()]
        for limit, used in ((resource.RLIMIT_AS, sizes[0]), (resource.RLIMIT_DATA, sizes[5])):
            allowed, _ = resource.getrlimit(limit)
            if allowed != resource.RLIM_INFINITY:
                yield allowed - used


def _gib(number: int) -> str:
    return f"{number / 2**30:,.1f} GiB"
