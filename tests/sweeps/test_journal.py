"""``sweep.jsonl``: appended by several processes, readable after any kill."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from hydrarec.sweeps.journal import ENDS, Journal


def test_what_is_written_is_read(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "sweep", "one")
    assert journal.read() == []
    journal.write({"event": "running", "overrides": ["seed=0"], "run": "1a2b3c4d"})
    (event,) = journal.read()
    assert (event["event"], event["run"], event["session"]) == ("running", "1a2b3c4d", "one")
    assert [json.loads(line) for line in journal.path.read_text().splitlines()] == [event]


def test_torn_line_costs_itself_only(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "one")
    journal.write({"event": "planned", "overrides": ["seed=0"]})
    with journal.path.open("a") as file:
        file.write('{"event": "done", "overr')
    journal.write({"event": "planned", "overrides": ["seed=1"]})
    assert [event["overrides"] for event in journal.read()] == [["seed=0"], ["seed=1"]]


def test_many_writers_lose_nothing(tmp_path: Path) -> None:
    def write(number: int) -> None:
        Journal(tmp_path, str(number)).write(*[{"event": "planned", "overrides": [f"{number}"]}] * 50)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(8)))
    events = Journal(tmp_path, "reader").read()
    assert len(events) == 400
    sessions = [event["session"] for event in events]
    assert [sessions[start : start + 50] for start in range(0, 400, 50)] == [
        [sessions[start]] * 50 for start in range(0, 400, 50)
    ]  # nobody's lines come between another's


def test_only_the_own_start_counts(tmp_path: Path) -> None:
    Journal(tmp_path, "one").write({"event": "failed", "overrides": ["seed=0"]})
    Journal(tmp_path, "two").write({"event": "done", "overrides": ["seed=0"]})
    journal = Journal(tmp_path, "two")
    assert [event["event"] for event in journal.last_events("done", "failed").values()] == ["done"]
    assert journal.last_events("failed") == {}
    assert list(journal.last_events("failed", all_starts=True)) == [("seed=0",)]


def test_last_event_of_a_job_holds(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "one")
    names = ("planned", "running", "failed", "running", "done")
    journal.write(*({"event": name, "overrides": ["seed=0"]} for name in names))
    assert [event["event"] for event in journal.last_events(*ENDS).values()] == ["done"]
