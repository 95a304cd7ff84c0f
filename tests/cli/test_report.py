"""``python -m hydrarec.cli.report`` end to end, on real runs."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from tests import commands
from tests.conftest import TIME_LIMIT, Execute
from tests.reports.comparison.run_folders import make_run
from tests.reports.comparison.test_comparison import errors

Report = Callable[..., subprocess.CompletedProcess[str]]
RANKING = ("task=ranking", "task.objective.num_candidates=9", "task.datamodule.num_candidates=9", "split.val=true")


@pytest.fixture
def report(workplace: Path) -> Report:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return commands.run("hydrarec.cli.report", *arguments, cwd=workplace, timeout=TIME_LIMIT)

    return run


@pytest.fixture
def runs(workplace: Path) -> Path:
    """Two models with two seeds each, and one failed run."""
    folder = workplace / "outputs" / "small"
    for seed in range(2):
        make_run(folder / f"a{seed}", seed=seed, errors=errors(seed))
        make_run(folder / f"b,{seed}", seed=seed, errors=errors(seed + 10, 1.1), model="BiasedDot")
    (folder / "c").mkdir()
    (folder / "c" / "error.json").write_text('{"what": "the loss became nan"}')
    return folder


@pytest.mark.e2e
def test_report_over_both_tasks_of_real_runs(execute: Execute, report: Report, workplace: Path) -> None:
    for seed in (0, 1):
        for model in ("dot", "biased_dot"):
            execute(workplace / f"runs/{model}-{seed}", f"model={model}", f"seed={seed}", "trainer.epochs=4")
        execute(workplace / f"runs/ranked-{seed}", *RANKING, "model=biased_dot", f"seed={seed}", "task/protocol=both")
    done = report("runs=runs", "name=both")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "6 run folders: 6 finished" in done.stdout
    assert "beats" in done.stdout
    table = (workplace / "outputs/reports/both/table.md").read_text()
    [header] = [line for line in table.splitlines() if line.startswith("| model") and "(2)" in line]
    assert "test/rmse (1)" in header
    assert "test/hr@10/full (2)" in header
    assert "(2)**" in table  # n
    page = (workplace / "outputs/reports/both/report.html").read_text()
    assert page.count("<svg") >= 5

    checked = report("check=runs/biased_dot-0,runs/dot-0")
    assert checked.returncode == 0, checked.stderr
    assert "test/rmse: biased_dot beats dot by" in checked.stdout
    checked = report("check=runs/dot-0,runs/dot-1")
    assert "are not distinguishable" in checked.stdout
    assert "beats" not in checked.stdout


def test_glob_name_and_settings(report: Report, runs: Path, workplace: Path) -> None:
    done = report("runs=outputs/*/[ab]*", "name=an odd, name", "metrics=[mae]", "resamples=100")
    assert done.returncode == 0, done.stderr
    assert "4 run folders: 4 finished" in done.stdout
    assert "test/mae" in (workplace / "outputs/reports/an odd, name/table.md").read_text()


def test_failure_is_reported_and_the_report_succeeds(report: Report, runs: Path) -> None:
    done = report()
    assert done.returncode == 0, done.stderr
    assert "5 run folders: 4 finished, 1 failed" in done.stdout
    assert "outputs/small/c: failed: the loss became nan" in done.stdout
    assert len(done.stdout.splitlines()) < 30


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("runs=nowhere",), "no such folder"),
        (("runs=.cache*",), "no such folder"),
        (("rnus=x",), "unknown key 'rnus'"),
        (("alpha=2",), "alpha=2"),
        (("alpha=high",), "alpha=high"),
        (("compare=0",), "compare=0"),
        (("metrics=[rsme]",), "there is no 'rsme'"),
        (("side_by_side=[hr@0]",), "there is no 'hr@0'"),
        (("costs=[second]",), "there is no 'second'"),
        (("name=a/b",), "name=a/b"),
        (("check=outputs/small/a0",), "check names 1 folder"),
        (("check=outputs/small/a0,outputs/small/c",), "no run in it is finished"),
        (("-m", "alpha=0.05,0.1"), "-m is for training"),
        (("--hepl",), "--hepl"),
    ],
)
def test_mistake_keeps_the_contract(
    report: Report, runs: Path, workplace: Path, arguments: tuple[str, ...], problem: str
) -> None:
    done = report(*arguments)
    assert done.returncode == 2, done.stderr
    assert problem in done.stderr.splitlines()[0]
    assert 2 <= len(done.stderr.splitlines()) <= 4
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    assert not (workplace / "outputs" / "reports").exists()


def test_report_that_cannot_be_written(report: Report, runs: Path, workplace: Path) -> None:
    (workplace / "file").touch()
    done = report("output_dir=file")
    assert done.returncode == 6, done.stderr
    assert "cannot be written" in done.stderr


@pytest.mark.parametrize("argument", ["--help", "--cfg=job", "--info=defaults"])
def test_question_is_answered_and_changes_nothing(report: Report, workplace: Path, argument: str) -> None:
    done = report(argument)
    assert done.returncode == 0, done.stderr
    assert "resamples" in done.stdout or argument.startswith("--info")
    assert sorted(path.name for path in workplace.iterdir()) == ["ratings.csv"]
