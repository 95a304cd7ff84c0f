"""Mixed precision is for training only; TF32 and compilation are the Trainer's to ask for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.conftest import Execute

from hydrarec.runs.checkpoint import load

BF16 = "trainer.precision=bf16-mixed"


def test_evaluation_scores_in_float32(execute: Execute, tmp_path: Path) -> None:
    execute(tmp_path / "run", "model=mlp", BF16)
    predictions = np.load(tmp_path / "run" / "predictions.npz", allow_pickle=False)["test/prediction"]
    assert predictions.dtype == np.float32
    rounded = torch.from_numpy(predictions).bfloat16().float().numpy()
    assert (predictions != rounded).mean() > 0.9  # bfloat16 has 8 bits of mantissa


@pytest.mark.parametrize("model", ["ials", "ease"])
def test_equations_are_solved_in_float32(model: str, execute: Execute, tmp_path: Path) -> None:
    settings = ["task=ranking", f"model={model}", "trainer.epochs=1"]
    execute(tmp_path / "mixed", *settings, BF16)
    execute(tmp_path / "full", *settings)
    mixed, full = (load(tmp_path / name / "checkpoints" / "last.ckpt")["state_dict"] for name in ("mixed", "full"))
    assert all(torch.equal(mixed[name], full[name]) for name in full)


def test_a_sampler_in_bf16_draws_as_in_float32(execute: Execute, tmp_path: Path) -> None:
    settings = ["model=bayesian_svdpp", "model.burn_in=0", "model.thin=1", "trainer.epochs=1"]
    mixed, full = (
        execute(tmp_path / name, *settings, more)["metrics"] for name, more in (("a", BF16), ("b", "seed=0"))
    )
    assert mixed == full


def test_the_loss_is_compiled_where_asked(execute: Execute, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def compiled(function: Any, **settings: Any) -> Any:
        asked.append(settings)
        return function

    monkeypatch.setattr(torch, "compile", compiled)
    execute(tmp_path / "eager")
    assert asked == []
    execute(tmp_path / "compiled", "trainer.compile=true", "trainer.matmul=high")
    assert asked == [{"dynamic": False}]
    assert torch.get_float32_matmul_precision() == "high"
    execute(tmp_path / "after")
    assert torch.get_float32_matmul_precision() == "highest"  # each run says which it wants
