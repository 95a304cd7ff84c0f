"""The summary printed at the end of a sweep."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Collection, Iterable
from pathlib import Path

from hydrarec.core import console
from hydrarec.sweeps.journal import ENDS, NAME, Event
from hydrarec.sweeps.task import SweepTask, what_differs

BEST = 5
FAILED = 20  # failed jobs to print with reasons; the journal lists all
SOME_FAILED = 5  # exit code


def conclude(task: SweepTask) -> int:
    """Print the results of this start's jobs and return the exit code."""
    ends = list(task.journal.last_events(*ENDS).values())
    console.write("\n".join(lines_of(ends, task.folder, task.swept)) + "\n")
    return SOME_FAILED if any(end["event"] == "failed" for end in ends) else 0


def lines_of(ends: list[Event], folder: Path, swept: Collection[str]) -> list[str]:
    """Format the summary: counts, the best jobs, the failed jobs."""
    shown = folder.relative_to(Path.cwd()) if folder.is_relative_to(Path.cwd()) else folder
    counts = Counter(end["event"] for end in ends)
    pruned = f", {counts['pruned']} pruned" if counts["pruned"] else ""
    lines = ["", f"{counts['done']} done, {counts['failed']} failed, {counts['skipped']} skipped{pruned}"]
    for (monitor, mode), group in _by_metric(ends).items():
        lines.append(f"best by {monitor}")
        ranked = sorted(group, key=lambda end: end["value"], reverse=mode == "max")
        for end in ranked[:BEST]:
            lines.append(f"  {end['value']:.4f}  {end['run']}  {what_differs(end['overrides'], swept)}")
    failed = [end for end in ends if end["event"] == "failed"]
    for end in failed[:FAILED]:
        alone = [override for override in end["overrides"] if not override.startswith("sweep.")]
        lines.append(f"failed: {end['reason']}")
        lines.append(f"  {shown / end['run']}/  alone: {shlex.join(['hydrarec-train', *alone])}")
    if failed:
        more = f"{len(failed) - FAILED} more failed, see {shown / NAME}; " if len(failed) > FAILED else ""
        lines.append(f"{more}the same command again runs the failed ones")
    return [*lines, f"sweep folder: {shown}/", f"compare: hydrarec-report runs={shlex.quote(str(shown))}"]


def _by_metric(ends: Iterable[Event]) -> dict[tuple[str, str], list[Event]]:
    """Group events by metric and direction, since jobs of different tasks are not compared; list each run once."""
    groups: dict[tuple[str, str], dict[str, Event]] = {}
    for end in ends:
        if end.get("value") is not None:
            groups.setdefault((end["monitor"], end["mode"]), {})[end["run"]] = end
    return {metric: list(group.values()) for metric, group in groups.items()}
