"""``sweep.jsonl``, the journal of a sweep: one line per event of a job, never rewritten.

::

    {"event": "started", "session": "5f0c…", "command": […]}                  one per start of the command
    {"event": "planned", "overrides": ["model=dot", "seed=0"]}                 once per job, over all starts
    {"event": "running", "overrides": […], "run": "1a2b3c4d"}                  its folder, named by its configuration
    {"event": "done", …, "monitor": "val/rmse", "mode": "min", "value": 0.91, "seconds": 4.2}
    {"event": "failed", …, "reason": "…"}      {"event": "skipped", …, "reason": "finished"}
    {"event": "pruned", …, "trial": {"study": "…", "number": 3}}                a trial of a search that was given up

The run folders are the truth. This file keeps what a command asked for, and saves composing finished jobs again.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

Event = dict[str, Any]
Job = tuple[str, ...]  # its overrides, which tell the jobs of a sweep apart before they are composed
NAME = "sweep.jsonl"
ENDS = ("done", "failed", "skipped", "pruned")  # a job has one of these per start, unless it was cut off


class Journal:
    """The journal in a sweep's folder; several processes may append to it.

    Args:
        folder: of the sweep; made if it is absent.
        session: names one start of the command, in every event that it writes.
    """

    def __init__(self, folder: Path, session: str) -> None:
        self.path, self.session = folder / NAME, session

    def write(self, *events: Event) -> None:
        """Append the lines in one write, which no other process's lines can come between, and flush them to disk."""
        moment = {"time": time.strftime("%Y-%m-%dT%H:%M:%S%z"), "session": self.session}
        lines = [json.dumps({**event, **moment}, ensure_ascii=False, allow_nan=False) for event in events]
        if not lines:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
        try:
            size = os.fstat(descriptor).st_size
            torn = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"  # by a kill or a full disk
            os.write(descriptor, (("\n" if torn else "") + "\n".join(lines) + "\n").encode())
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def read(self) -> list[Event]:
        """Every whole line so far; a line torn by a kill is left out."""
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
        """The last event of these names for each job, of this start or of all, in the order of the first ones."""
        return {
            tuple(event["overrides"]): event
            for event in self.read()
            if event["event"] in names and (all_starts or event.get("session") == self.session)
        }
