"""Run folders of an earlier version, with former class names, still load, analyse, recommend and replay."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch

from hydrarec.cli import analyze, recommend, report
from hydrarec.cli.train import _prepare
from hydrarec.config.composition import compose_config, plain
from hydrarec.models.trained import load_run
from hydrarec.runs.reader import RunReader
from hydrarec.training.job import execute

OLD = Path(__file__).parents[1] / "golden" / "old_runs"
TASKS = ("rating", "ranking")


@pytest.fixture
def old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of both in the current folder, since commands write into them."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(OLD, tmp_path / "old")
    return tmp_path / "old"


def call(command: ModuleType, *arguments: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["hydrarec", *arguments])
        assert command._main() == 0


@pytest.mark.parametrize("task", TASKS)
def test_loads(old: Path, task: str) -> None:
    run = load_run(old / task)
    assert (run.task, run.data.num_users, run.data.num_items) == (task, 40, 30)
    assert run.config["task"]["objective"]["_target_"].startswith(f"hydrarec.tasks.{task}.")
    scores = run.model.catalogue_scores(torch.arange(40))
    assert scores.shape == (40, 30)
    assert scores.isfinite().all()


@pytest.mark.parametrize("task", [pytest.param("rating", marks=pytest.mark.e2e), "ranking"])
def test_analyses_and_recommends(old: Path, task: str, capsys: pytest.CaptureFixture[str]) -> None:
    call(analyze, f"run={old / task}", "shuffles=5", "resamples=20", "min_ratings=5", "extremes=3", "bias_list=4")
    assert (old / task / "analysis" / "analysis.md").is_file()
    assert (old / task / "figures" / "curves.pdf").is_file()
    user = load_run(old / task).data.user_ids.raw[0]
    capsys.readouterr()
    call(recommend, f"run={old / task}", f"user={user}", "k=3")
    assert len([line for line in capsys.readouterr().out.splitlines() if line.strip()[:1] in ("1", "2", "3")]) >= 3


def test_reports(old: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call(report, f"runs={old}", "resamples=50")
    assert "2 run folders: 2 finished" in capsys.readouterr().out


@pytest.mark.parametrize("task", TASKS)
def test_replays(old: Path, task: str) -> None:
    prepared = _prepare([f"replay={old / task}", "name=again"])
    assert prepared is not None
    composed = compose_config(prepared, with_hydra=True)
    folder = Path(composed.hydra.run.dir)
    execute(
        plain(composed), folder, [override for override in prepared if not override.startswith(("replay", "hydra"))]
    )
    record, before = RunReader(folder).read_record(), RunReader(old / task).read_record()
    assert record["config_hash"] != before["config_hash"]  # classes have other names since
    replay = record["replay"]
    assert replay["not_compared"] == []
    assert [part.split(" ")[-1] for part in replay["compared"]][:2] == ["metrics", "epochs"]
    unlike = [line for line in replay["circumstances"] if line.startswith(("package torch", "machine's", "device"))]
    if not unlike:  # else other bits need not be our code's
        assert replay["differences"] == []
