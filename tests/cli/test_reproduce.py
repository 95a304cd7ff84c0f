"""Runs of a reproduction: a failure affects only its own run, and no run is repeated."""

from __future__ import annotations

from pathlib import Path

from tests.conftest import TINY, Compose

from hydrarec.cli.reproduce import Job, Work, _chosen, _run_all, _waves
from hydrarec.config.experiments import PublishedRow
from hydrarec.config.schema import Published


def test_run_that_fails_costs_itself_and_a_finished_one_is_kept(composed: Compose, workplace: Path) -> None:
    def job(*words: str) -> Job:
        overrides = [*TINY, "trainer.epochs=1", *words]
        return Job(Work(words[0], (), None), 0, overrides, composed(*overrides), Path("runs", *words))

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


def row(name: str, **fields: object) -> PublishedRow:
    published = Published(id=name, source="", metric="val/rmse", value=1.0, band=(0.9, 1.1), reason="", **fields)
    return PublishedRow(f"file_{name}", published)


def test_patterns_choose_rows_once_and_sources_come_first() -> None:
    rows = [row("A2", starts_from={"model.start": "experiment=file_A1 seed=3"}), row("B"), row("C", on_request=True)]
    known = {each.published.id: each for each in rows}
    ids = [[each.published.id for each in _chosen(pattern, known)] for pattern in ("all", ["B", "*"], ["file_C"])]
    assert ids == [["A2", "B"], ["B", "A2", "C"], ["C"]]
    waves = [[work.id for work in wave] for wave in _waves(rows[:2])]
    assert waves == [["file_A1-seed-3", "B"], ["A2"]]
