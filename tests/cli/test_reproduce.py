"""Runs of a reproduction: each costs only itself, and none is done twice."""

from __future__ import annotations

from pathlib import Path

from tests.conftest import TINY, Compose

from hydrarec.cli.reproduce import Job, _in_waves, _matching, _run_all
from hydrarec.config.schema import Published


def test_run_that_fails_costs_itself_and_a_finished_one_is_kept(composed: Compose, workplace: Path) -> None:
    def job(*words: str) -> Job:
        overrides = [*TINY, "trainer.epochs=1", *words]
        return Job(words[0], overrides, composed(*overrides), Path("runs", *words))

    jobs = [job("model=bias", "seed=0"), job("model=dot", "dataset.path=absent.csv"), job("model=bias", "seed=1")]
    problems = _run_all(jobs, workers=2)
    assert list(problems) == [jobs[1].folder]
    assert problems[jobs[1].folder] == "no such file"
    assert "absent.csv" in (jobs[1].folder / "train.log").read_text()
    results = [job.folder / "result.json" for job in (jobs[0], jobs[2])]
    before = [result.stat().st_mtime_ns for result in results]
    Path("absent.csv").write_bytes(Path("ratings.csv").read_bytes())
    assert _run_all(jobs, workers=3) == {}
    assert [result.stat().st_mtime_ns for result in results] == before
    assert (jobs[1].folder / "result.json").is_file()


def published(name: str, **fields: object) -> Published:
    return Published(id=name, source="", metric="val/rmse", value=1.0, band=(0.9, 1.1), reason="", **fields)


def test_patterns_choose_experiments_once_and_sources_come_first() -> None:
    known = {entry.id: entry for entry in (
        published("A2", starts_from={"model.start": "A1"}), published("B"), published("C", on_request=True),
    )}  # fmt: skip
    assert _matching("all", known) == ["A2", "B"]
    assert _matching(["B", "*"], known) == ["B", "A2", "C"]
    assert _in_waves(["A2", "B"], known) == [["A1", "B"], ["A2"]]
