"""Two DDP processes give the same negatives, steps and metrics as one."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.conftest import TINY, Train

from hydrarec.runs.checkpoint import load

RANKING = (*TINY, "task=ranking", "model=gmf", "task.datamodule.num_candidates=9", "task.objective.ks=[5]")


def run_of(workplace: Path, name: str) -> Path:
    [folder] = (workplace / "outputs" / name).iterdir()
    return folder


def test_ranking_on_two_processes_equals_one(train: Train, workplace: Path) -> None:
    for devices in (1, 2):
        done = train(*RANKING, "trainer=ddp", f"trainer.devices={devices}", f"name=on{devices}")
        assert done.returncode == 0, done.stderr
    one, two = run_of(workplace, "on1"), run_of(workplace, "on2")
    results = [json.loads((run / "result.json").read_text()) for run in (one, two)]
    assert results[0]["n"] == results[1]["n"]
    for name, value in results[0]["metrics"].items():
        assert results[1]["metrics"][name] == pytest.approx(value, abs=1e-6), name
    with np.load(one / "ranks.npz") as alone, np.load(two / "ranks.npz") as together:
        assert set(alone.files) == set(together.files)
        for name in alone.files:
            np.testing.assert_array_equal(alone[name], together[name], err_msg=name)
    weights = [load(run / "checkpoints" / "best.ckpt")["state_dict"] for run in (one, two)]
    for name, weight in weights[0].items():
        torch.testing.assert_close(weights[1][name], weight, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    "settings",
    [
        # 480 ratings in batches of 31: the last batch of an epoch is small, and shares differ in size.
        pytest.param(
            ("model=biased_dot", "model.user_dropout=0", "model.item_dropout=0", "task.datamodule.batch_size=31"),
            marks=pytest.mark.e2e,
        ),
        # 30 items in batches of 29: the last one is a single item, and the other process's share of it is empty.
        pytest.param(
            ("model=i_autorec", "model.input_dropout=0", "task.datamodule.batch_size=29"), marks=pytest.mark.e2e
        ),
    ],
    ids=["biased_dot", "i_autorec"],
)
def test_ratings_on_two_processes_equal_one(settings: tuple[str, ...], train: Train, workplace: Path) -> None:
    for devices in (1, 2):
        done = train(*TINY, *settings, "trainer=ddp", f"trainer.devices={devices}", f"name=on{devices}")
        assert done.returncode == 0, done.stderr
    one, two = run_of(workplace, "on1"), run_of(workplace, "on2")
    with np.load(one / "predictions.npz") as alone, np.load(two / "predictions.npz") as together:
        for name in alone.files:
            np.testing.assert_allclose(together[name], alone[name], atol=1e-5, err_msg=name)
    rows = [(run / "history.csv").read_text().splitlines()[-1].split(",")[1] for run in (one, two)]
    assert float(rows[0]) == pytest.approx(float(rows[1]), rel=1e-5)


# Runs in the fork server, before anything else.
FAULT = """
import os, sys
if any("multiprocessing.forkserver" in word for word in sys.orig_argv):
    import hydrarec.training.assembly as assembly
    original = assembly.build
    assembly.build = lambda *parts: os._exit(3) if os.environ.get("LOCAL_RANK") == "1" else original(*parts)
"""


@pytest.mark.e2e
def test_worker_that_dies_ends_the_run_with_its_reason(
    train: Train, workplace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (workplace / "sitecustomize.py").write_text(FAULT)
    monkeypatch.setenv("PYTHONPATH", f"{workplace}:{os.environ['PYTHONPATH']}")
    done: subprocess.CompletedProcess[str] = train(*RANKING, "trainer=ddp", "trainer.devices=2", "name=broken")
    assert done.returncode == 6, done.stderr
    assert "process 1 of 2 ended early" in done.stderr
    assert "process-1.log" in done.stderr


def test_more_devices_than_there_are(train: Train) -> None:
    done = train(*TINY, "trainer=ddp", "trainer.devices=4000")
    assert done.returncode == 6
    assert "trainer.devices=4000" in done.stderr
