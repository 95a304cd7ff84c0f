"""Whole runs on the device: every model, twice the same, resumed, in bfloat16, several at a time, and one rank of nccl."""

from __future__ import annotations

import contextlib
import io
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmarks.figures import built
from gpu.harness import CASES, RANKING, RATING, SMALL, Here, quiet_run, said
from hydrarec.config.composition import compose_config, plain
from hydrarec.core.distributed import Replicas
from hydrarec.runs.checkpoint import load
from hydrarec.training import fit
from hydrarec.training.assembly import build

_REPEATED = ("biased_dot", "mlp", "svdpp", "i_autorec", "gmf", "neumf", "lightgcn", "multi_vae", "gmf_sparse")


def whole_runs() -> dict[str, Any]:
    """Each model through the Trainer on both devices: the metric that differs most, relatively, and by how much.

    Models that draw on the device (dropout, a VAE, Gibbs) differ by their draws, and means over lists by the choice of
    the device among tied items.
    """
    found: dict[str, Any] = {}
    for name, overrides in CASES.items():
        try:
            (_, _, a), (_, _, b) = (
                quiet_run([*SMALL, *overrides, trainer]) for trainer in ("trainer=cpu", Here.trainer)
            )
            apart = {key: abs(a["metrics"][key] - value) / max(1e-9, abs(value)) for key, value in b["metrics"].items()}
            worst = max(apart, key=lambda key: apart[key])
            found[name] = f"{apart[worst]:.1e} ({worst})"
        except Exception as error:  # noqa: BLE001  the other models are still to be seen
            found[name] = said(error)
    return found


def determinism_and_resume() -> dict[str, Any]:
    """Weights of a run repeated, interrupted in the middle of an epoch and resumed, and without trainer.deterministic."""
    found: dict[str, Any] = {}
    for name in _REPEATED:
        overrides = [*SMALL, *CASES[name], Here.trainer, "trainer.epochs=3"]
        if name == "mlp":
            overrides.append("model.input_dropout=0.2")
        try:
            first, second = (quiet_run(overrides)[0]["state_dict"] for _ in range(2))
            free = quiet_run([*overrides, "trainer.deterministic=false"])[0]["state_dict"]
            found[name] = {
                "twice equal": _equal(first, second),
                "resumed equal": _equal(first, _interrupted(overrides)),
                "equal without trainer.deterministic": _equal(first, free),
            }
        except Exception as error:  # noqa: BLE001  the other models are still to be seen
            found[name] = said(error)
    return found


def _equal(a: dict[str, Tensor], b: dict[str, Tensor]) -> bool:
    return all(torch.equal(a[name], b[name]) for name in a)


def _interrupted(overrides: list[str]) -> dict[str, Tensor]:
    """Weights after an interruption in the second call of the second epoch, and a resume."""
    with tempfile.TemporaryDirectory() as scratch, contextlib.redirect_stderr(io.StringIO()):
        parts, folder, config = built([*overrides, "trainer.checkpoint_seconds=0"], scratch)
        kind = type(parts.model)
        original, calls, last = kind.training_step, 0, len(parts.datamodule.train_dataloader()) + 2

        def step(self: Any, chunk: Any, index: int) -> None:
            nonlocal calls
            calls += 1
            if calls == last:
                raise KeyboardInterrupt
            original(self, chunk, index)

        kind.training_step = step  # type: ignore[assignment]
        try:
            with contextlib.suppress(SystemExit, KeyboardInterrupt):
                fit.run(parts, folder, config, resume=False)
        finally:
            kind.training_step = original  # type: ignore[method-assign]
        again = plain(compose_config(overrides))
        fit.run(build(again, folder), folder, again, resume=True)
        weights: dict[str, Tensor] = load(folder.last_checkpoint)["state_dict"]
        return weights


def bf16() -> dict[str, Any]:
    """Whole runs of models with a network, in bf16-mixed beside 32-true."""
    found: dict[str, Any] = {}
    for name in ("biased_dot", "mlp", "i_autorec", "bayesian_svdpp", "gmf", "neumf", "lightgcn", "multi_vae", "ials"):
        key = "val/rmse" if name in RATING else "val/ndcg@10/full"
        try:
            for precision in ("32-true", "bf16-mixed"):
                _, _, result = quiet_run([*SMALL, *CASES[name], Here.trainer, f"trainer.precision={precision}"])
                found[f"{name}: {key}, {precision}"] = result["metrics"][key]
        except Exception as error:  # noqa: BLE001  the other models are still to be seen
            found[name] = said(error)
    return found


def sweep() -> dict[str, Any]:
    """Two jobs at a time on one device, forked from a server that has imported torch."""
    with tempfile.TemporaryDirectory() as scratch:
        command = [
            sys.executable,
            "-m",
            "hydrarec.cli.train",
            "-m",
            "hydra/launcher=joblib",
            "hydra.launcher.n_jobs=2",
            *SMALL,
        ]
        command += ["task=ranking", "model=mf,gmf", "seed=0,1", Here.trainer, f"output_dir={scratch}"]
        begun = time.perf_counter()
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        logs = [log.read_text()[-800:] for log in sorted(Path(scratch).rglob("train.log"))] if done.returncode else []
    assert done.returncode == 0, (done.stdout[-1500:], done.stderr[-1500:], logs)
    return {"seconds": time.perf_counter() - begun, "said": " / ".join(done.stdout.split("\n")[-8:])}


def one_rank_of_nccl() -> dict[str, Any]:
    """The strategy of several devices with a single one: as far as one GPU can show."""
    if not Here.cuda:
        return {"skipped": "no nccl"}
    alone = quiet_run([*SMALL, *RANKING["gmf"], Here.trainer])
    original = fit.pl.Trainer
    fit.pl.Trainer = lambda **settings: original(**{**settings, "strategy": Replicas()})  # type: ignore[misc, assignment]
    try:
        together = quiet_run([*SMALL, *RANKING["gmf"], Here.trainer])
        return {
            "backend": torch.distributed.get_backend(),
            "metrics equal": alone[2]["metrics"] == together[2]["metrics"],
        }
    finally:
        fit.pl.Trainer = original  # type: ignore[misc]
        if torch.distributed.is_initialized():
            torch.distributed.destroy_process_group()


PARTS = [(60.0, whole_runs), (40.0, determinism_and_resume), (25.0, bf16)]
SEVERAL = [(45.0, sweep), (20.0, one_rank_of_nccl)]
