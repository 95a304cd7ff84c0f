"""Provenance of a run: code, packages and machine, needed to repeat it, and its cost."""

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

MOST_DIFF_BYTES = 1_000_000  # largest diff stored with a run
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
    """Git commit (None outside a clone), package versions, machine and command; writes code changes to ``git.diff``."""
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
    """CPU time of all threads of this process so far, user plus system, in seconds."""
    return time.process_time()


def peak_memory_bytes() -> int:
    """Peak resident set size of this process, in bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024  # Linux counts in KiB


def _git(folder: RunFolder) -> dict[str, Any] | None:
    """Return the commit and a summary of the diff against it; the diff goes into ``git.diff``, for ``git apply``."""
    folder.write_diff(None)
    package = Path(hydrarec.__file__).resolve().parent
    diff_words = ("diff", "--binary", "--no-color", "--no-ext-diff", "--no-textconv")
    try:
        if not _git_output(package, "ls-files", "__init__.py"):  # an installed wheel inside an unrelated repository
            return None
        commit, root = (_git_output(package, "rev-parse", word).strip() for word in ("HEAD", "--show-toplevel"))
        diff = _git_output(package, *diff_words, "--no-relative", "HEAD")
        for name in _new_files(package):  # git diff --no-index exits with 1 if there are differences
            words = (*diff_words, "--no-index", "--", os.devnull, name)
            diff += _git_output(Path(os.fsdecode(root)), *words, exit_codes=(0, 1))
    except (OSError, subprocess.SubprocessError):
        return None
    about = {
        "file": DIFF,
        "bytes": len(diff),
        "sha256": hashlib.sha256(diff).hexdigest(),
        "cut_at_bytes": MOST_DIFF_BYTES if len(diff) > MOST_DIFF_BYTES else None,
    }
    folder.write_diff(diff[:MOST_DIFF_BYTES] or None)
    return {"commit": commit.decode(), "dirty": bool(diff), "diff": about if diff else None}


def _new_files(package: Path) -> list[str]:
    """Untracked code and YAML files, such as a new model."""
    places = [str(package.parent), str(conf_dir())]
    output = _git_output(package, "ls-files", "--others", "--exclude-standard", "--full-name", "-z", "--", *places)
    names = [os.fsdecode(name) for name in output.split(b"\0")]
    return [name for name in names if name.endswith((".py", ".yaml"))][:MOST_NEW_FILES]


def _git_output(folder: Path, *words: str, exit_codes: tuple[int, ...] = (0,)) -> bytes:
    """Return the output of ``git words…`` in ``folder``.

    Raises:
        OSError, SubprocessError: git is missing, timed out or failed.
    """
    done = subprocess.run(["git", "-C", str(folder), *words], capture_output=True, timeout=10, check=False)
    if done.returncode not in exit_codes:
        raise subprocess.CalledProcessError(done.returncode, done.args)
    return done.stdout


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
