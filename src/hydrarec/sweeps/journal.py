"""Journal of a sweep, ``sweep.jsonl``: append-only, one line per event of a job.

::

    {"event": "started", "session": "5f0c…", "command": […]}                  one per start of the command
    {"event": "planned", "overrides": ["model=dot", "seed=0"]}                 once per job, over all starts
    {"event": "running", "overrides": […], "run": "1a2b3c4d"}                  its folder, named by its configuration
    {"event": "done", …, "monitor": "val/rmse", "mode": "min", "value": 0.91, "seconds": 4.2}
    {"event": "failed", …, "reason": "…"}      {"event": "skipped", …, "reason": "finished"}
    {"event": "pruned", …, "trial": {"study": "…", "number": 3}}                a pruned trial of a search

The run folders are authoritative. The journal records what a command asked for and avoids composing finished jobs again.
"""

from __future__ import annotations

import errno
import json
import os
import time
from pathlib import Path
from typing import Any

Event = dict[str, Any]
Job = tuple[str, ...]  # overrides, which identify a job before it is composed
NAME = "sweep.jsonl"
ENDS = ("done", "failed", "skipped", "pruned")  # one of these per job and start, unless interrupted


class Journal:
    """Journal in a sweep's folder; several processes may append to it.

    Args:
        folder: folder of the sweep; created if absent.
        session: id of this start of the command, stored in every event that it writes.
    """

    def __init__(self, folder: Path, session: str) -> None:
        self.path, self.session = folder / NAME, session

    def write(self, *events: Event) -> None:
        """Append events in a single write, so that lines of other processes cannot interleave, and flush to disk."""
        moment = {"time": time.strftime("%Y-%m-%dT%H:%M:%S%z"), "session": self.session}
        lines = [json.dumps({**event, **moment}, ensure_ascii=False, allow_nan=False) for event in events]
        if not lines:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
        try:
            size = os.fstat(descriptor).st_size
            torn = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"  # cut off by a kill or a full disk
            content = (("\n" if torn else "") + "\n".join(lines) + "\n").encode()
            if os.write(descriptor, content) < len(content):  # the disk took a part
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.path))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def read(self) -> list[Event]:
        """Read all complete lines; a line cut off by a kill is skipped."""
        if not self.path.is_file():
            return []
        events = []
        for line in self.path.read_text(encoding="utf-8", errors="replace").splitlines():
            try:
                event = json.loads(line)
            except ValueError:
                continue
            if isinstance(event, dict) and "event" in event:
                events.append(event)
        return events

    def last_events(self, *names: str, all_starts: bool = False) -> dict[Job, Event]:
        """Last event with one of ``names`` per job, from this start or from all, ordered by the jobs' first events."""
        return {
            tuple(event["overrides"]): event
            for event in self.read()
            if event["event"] in names and (all_starts or event.get("session") == self.session)
        }
