"""A sweep is judged as a whole before its first job: empty, endless and doubled values, and what controls it."""

from __future__ import annotations

import logging
import time
from pathlib import Path

import pytest

from hydrarec.config.sweep_values import judge_sweep
from hydrarec.core.errors import ConfigError

BASE = ("dataset=csv", "dataset.path=ratings.csv", "trainer.epochs=1")
REFUSED = {
    "no value": (("seed=range(3,3)",), "no value", ""),
    "a range the wrong way": (("seed=range(3,0)",), "no value", ""),
    "no step": (("seed=range(0,5,0)",), "no value", ""),
    "no option": (("model=glob(zzz*)",), "no value", ""),
    "a range among values": (("seed=range(0,300),-1",), "a sweep among the values", ""),
    "without end": (("seed=range(0,100000000)",), "100,000,000 jobs", ""),
    "too many together": (("seed=range(0,400)", "split.seed=range(0,400)"), "160,000 jobs", ""),
    "an interval in a grid": (("optimizer.learning_rate=interval(0.1,0.2)",), "interval", "hydra/sweeper=optuna"),
    "no batch": (("seed=0,1", "hydra.sweeper.max_batch_size=0"), "max_batch_size=0", ""),
    "no job at a time": (("seed=0,1", "hydra/launcher=joblib", "hydra.launcher.n_jobs=0"), "n_jobs=0", "hydra.launcher.n_jobs=2"),
    "no trial at a time": (("hydra/sweeper=optuna", "hydra.sweeper.n_jobs=0"), "n_jobs=0", "hydra.sweeper.n_jobs=2"),
    "no random trial": (("hydra/sweeper=optuna", "hydra.sweeper.startup_trials=-1"), "startup_trials=-1", ""),
    "another sweeper": (("seed=0,1", "hydra/sweeper=basic"), "BasicSweeper", "hydra/sweeper=grid"),
    "a key of the first option only": (("model=mlp,dot", "model.hidden_dims=[8]", "model.dropout=[0]"), "model=dot: unknown key 'model.hidden_dims'", ""),
    "a key of the second option only": (("model=dot,mlp", "model.hidden_dims=[8],[4]"), "model=dot: unknown key 'model.hidden_dims'", ""),
    "a value that one option refuses": (("model=mlp,dot", "model.embedding_dim=8,0"), "model.embedding_dim=0", ""),
    "one bad value in a file": (("hydra.sweeper.params={seed:'0,-1'}",), "seed=-1", ""),
}  # fmt: skip


@pytest.mark.parametrize(("overrides", "says", "fix"), REFUSED.values(), ids=REFUSED.keys())
def test_sweep_that_cannot_run_is_refused_at_once(overrides: tuple[str, ...], says: str, fix: str) -> None:
    before = time.monotonic()
    with pytest.raises(ConfigError) as caught:
        judge_sweep([*BASE, *overrides])
    assert time.monotonic() - before < 10
    assert says in caught.value.what
    assert caught.value.expected
    assert fix in caught.value.fix


def test_equal_values_are_one_job_and_said(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        sweep = judge_sweep([*BASE, "optimizer.learning_rate=0.001,1e-3,0.01", "trainer.deterministic=true,false"])
    assert sweep.overrides[-2:] == ["optimizer.learning_rate=0.001,0.01", "trainer.deterministic=true,false"]
    assert [record.getMessage() for record in caplog.records] == [
        "optimizer.learning_rate=0.001 is given twice, and runs once"
    ]


def test_key_that_the_default_option_lacks_is_one_of_the_first_job() -> None:
    sweep = judge_sweep([*BASE, "model=mlp,ncf_mlp", "model.hidden_dims=[8],[4]", "model.dropout=[0.0]"])
    assert sweep.alone == [*BASE, "model.dropout=[0.0]", "model=mlp", "model.hidden_dims=[8]"]
    assert sweep.first.model.hidden_dims == [8]


def test_values_of_a_file_are_below_those_of_the_command_line(tmp_path: Path) -> None:
    (tmp_path / "experiment").mkdir()
    (tmp_path / "experiment" / "seeds.yaml").write_text(
        "# @package _global_\nhydra: {sweeper: {params: {seed: '0,1', split.seed: '2,3'}}}\n"
    )
    sweep = judge_sweep([f"hydra.searchpath=['file://{tmp_path}']", *BASE, "experiment=seeds", "seed=7,8"])
    assert sweep.overrides[0] == "split.seed=2,3"
    assert sweep.overrides[-1] == "seed=7,8"
