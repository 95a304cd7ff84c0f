"""What is needed to repeat a run: code, packages, machine, and what it cost."""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import platform
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import hydrarec
from hydrarec.config.location import conf_dir
from hydrarec.runs.folder import DIFF, RunFolder

MOST_DIFF_BYTES = 1_000_000  # of changed code kept with a run
MOST_NEW_FILES = 50
PACKAGES = (
    "hydrarec",
    "torch",
    "pytorch-lightning",
    "hydra-core",
    "omegaconf",
    "numpy",
    "pandas",
    "scipy",
    "torchmetrics",
    "tensorboard",
)


def provenance(folder: RunFolder) -> dict[str, Any]:
    """Git commit (None outside a clone), package versions, machine and command; changed code goes into ``git.diff``."""
    return {
        "git": _git(folder),
        "packages": {name: _version(name) for name in PACKAGES},
        "python": platform.python_version(),
        "machine": {
            "system": platform.platform(),
            "processor": _processor(),
            "cores": os.cpu_count(),
            "host": platform.node(),
        },
        "command": [Path(sys.argv[0]).name, *sys.argv[1:]],
        "started": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
    }


def cpu_seconds() -> float:
    """Of all threads of this process so far, in the user's code and in the system's."""
    return time.process_time()


def peak_memory_bytes() -> int:
    """The largest resident set of this process so far, in bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024  # Linux counts in KiB


def _git(folder: RunFolder) -> dict[str, Any] | None:
    package = Path(hydrarec.__file__).resolve().parent
    folder.remove_diff()
    try:
        if not _ask(package, "ls-files", "__init__.py"):  # a wheel merely lies inside somebody's repository
            return None
        commit = _ask(package, "rev-parse", "HEAD").decode()
        new = _new_files(package)
        dirty = bool(new or _ask(package, "status", "--porcelain", "--untracked-files=no"))
    except (OSError, subprocess.SubprocessError):
        return None
    return {"commit": commit, "dirty": dirty, "diff": _written_diff(package, new, folder) if dirty else None}


def _new_files(package: Path) -> list[str]:
    """Code and settings that git does not know yet, such as a model that was just written."""
    places = [str(package.parent), str(conf_dir())]
    found = _ask(package, "ls-files", "--others", "--exclude-standard", "--full-name", "-z", "--", *places)
    names = [os.fsdecode(name) for name in found.split(b"\0")]
    return [name for name in names if name.endswith((".py", ".yaml"))][:MOST_NEW_FILES]


def _written_diff(package: Path, new: list[str], folder: RunFolder) -> dict[str, Any] | None:
    """Write ``git.diff``, for ``git apply``; what was written. None if git could not tell."""
    plain = ("--binary", "--no-color", "--no-ext-diff", "--no-textconv")
    try:
        diff = _ask(package, "diff", *plain, "--no-relative", "HEAD", strip=False)
        root = Path(os.fsdecode(_ask(package, "rev-parse", "--show-toplevel")))
        for name in new:  # whose difference from nothing git tells with the exit code 1
            diff += _ask(root, "diff", *plain, "--no-index", "--", os.devnull, name, strip=False, fine=(0, 1))
    except (OSError, subprocess.SubprocessError):
        return None
    folder.write_diff(diff[:MOST_DIFF_BYTES])
    about = {"file": DIFF, "bytes": len(diff), "sha256": hashlib.sha256(diff).hexdigest()}
    return {**about, "cut_at_bytes": MOST_DIFF_BYTES if len(diff) > MOST_DIFF_BYTES else None}


def _ask(place: Path, *arguments: str, strip: bool = True, fine: tuple[int, ...] = (0,)) -> bytes:
    """What git says.

    Raises:
        OSError, SubprocessError: there is no git, it takes too long, or it failed.
    """
    done = subprocess.run(["git", "-C", str(place), *arguments], capture_output=True, timeout=10, check=False)
    if done.returncode not in fine:
        raise subprocess.CalledProcessError(done.returncode, done.args)
    return done.stdout.strip() if strip else done.stdout


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _processor() -> str:
    source = Path("/proc/cpuinfo")
    if source.exists():
        for line in source.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor()
