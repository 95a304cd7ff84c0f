"""A sweep: how much faster two jobs at a time are done than one, and what a job costs beside its training."""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import torch

from benchmarks.figures import Figure, built, cpu, in_turn, ratio, training_run, wall

JOBS, TINY_JOBS = 8, 16
# The data set is small, so that a job is its training; a sweep takes what it takes to import torch on top of its jobs.
SMALL = ("model=biased_dot", "dataset=synthetic", "dataset.num_users=600", "dataset.num_items=300", "trainer.threads=1")
TINY = ("dataset.num_ratings=2000", "trainer.epochs=1", "save_predictions=false")


def bench_sweep(arguments: argparse.Namespace) -> list[Figure]:
    """Two jobs at a time against one, and the start-up of a job."""
    training = ("dataset.num_ratings=50_000", f"trainer.epochs={arguments.epochs}", "task.datamodule.batch_size=64")
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        alone, together = in_turn(
            (
                lambda: wall(lambda: _sweep(folder, JOBS, 1, training)),
                lambda: wall(lambda: _sweep(folder, JOBS, 2, training)),
            ),
            max(1, arguments.repeats // 2),  # each pair takes a minute
        )
        [start_up] = in_turn((lambda: _cpu_of_sweep(folder) / TINY_JOBS,), arguments.repeats)
    ours, reference = (60 * JOBS / statistics.median(seconds) for seconds in (together, alone))
    return [
        Figure(
            f"{JOBS} equal jobs, n_jobs=2 against 1",
            ours,
            "jobs per minute",
            reference,
            ratio(alone, together),
            "ratio ≥ 1.7",
        ),
        Figure("start-up of a job in a sweep", statistics.median(start_up), "CPU s", None, None, "value < 1.5"),
    ]


def _cpu_of_sweep(folder: Path) -> float:
    """CPU seconds of a whole sweep of tiny jobs without what they train: 0.05 s each, measured in this process."""
    _adopt_orphans()
    before = _cpu_of_children()
    _sweep(folder, TINY_JOBS, 1, TINY)
    with contextlib.suppress(ChildProcessError):
        while True:
            os.wait()  # for the fork server, which ends after the sweep
    spent = _cpu_of_children() - before
    parts = built([*SMALL, *TINY], str(folder))
    torch.set_num_threads(1)
    return spent - TINY_JOBS * cpu(lambda: training_run(*parts))


def _adopt_orphans() -> None:
    """Become the parent of processes whose parent ends, or nobody is told what they cost."""
    set_child_subreaper = 36  # <linux/prctl.h>
    if ctypes.CDLL(None).prctl(set_child_subreaper, 1, 0, 0, 0):
        raise OSError("prctl(PR_SET_CHILD_SUBREAPER) failed")


def _sweep(folder: Path, jobs: int, at_a_time: int, overrides: tuple[str, ...]) -> None:
    """A whole sweep as a user starts it, in a folder of its own."""
    output = tempfile.mkdtemp(dir=folder)
    seeds = ",".join(map(str, range(jobs)))
    launcher = ("hydra/launcher=joblib", f"hydra.launcher.n_jobs={at_a_time}")
    command = [sys.executable, "-m", "hydrarec.cli.train", "-m", *launcher, *SMALL, *overrides, f"seed={seeds}"]
    ended = subprocess.run([*command, f"output_dir={output}"], capture_output=True, text=True)
    done = len(list(Path(output).rglob("result.json")))
    if ended.returncode or done != jobs:
        raise RuntimeError(f"{done} of {jobs} jobs ended well:\n{ended.stdout}{ended.stderr}")
    shutil.rmtree(output)


def _cpu_of_children() -> float:
    """Of all that have ended and were waited for, and of theirs."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
