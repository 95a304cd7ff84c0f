"""Bad inputs and the errors that the user sees, row by row of the table of bad inputs.

Each row checks: exit code; cause, location, expected value and fix in at most four lines; no traceback; no data lost; the
same content in ``error.json`` if there is a run folder.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import re
import resource
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from tests.conftest import TINY, Compose, Execute, Train, history_of, killed_after, tree_digest, wait_until

from hydrarec.cli.entry_point import as_contract
from hydrarec.config.judge import judge
from hydrarec.core import signals
from hydrarec.core.errors import CheckpointError, ConfigError, HydrarecError
from hydrarec.core.files import sha256_of
from hydrarec.runs import folder as runs

OUTPUTS = "outputs"
TRAP = """import pathlib
pathlib.Path(__file__).with_name("sprung").touch()
def boom(*args, **kwargs):
    raise SystemExit("called")
"""
SHORT = ("trainer.epochs=1", "trainer.steps_per_call=50")  # one chunk, one checkpoint


def run_folders(workplace: Path) -> list[Path]:
    return sorted(path.parent for path in (workplace / OUTPUTS).rglob(".lock"))


def assert_contract(error_text: str, *says: str) -> None:
    lines = error_text.splitlines()
    assert 1 <= len(lines) <= 4, error_text
    assert "Traceback" not in error_text
    assert lines[0].strip(), "the first line says what is wrong and where"
    assert any(line.startswith("  expected: ") for line in lines), error_text
    assert any(line.startswith("  fix: ") for line in lines), error_text
    for part in says:
        assert part in error_text


def assert_refused(completed: subprocess.CompletedProcess[str], exit_code: int, *says: str) -> None:
    """Check the error on stderr against the contract, ignoring an epoch table above it."""
    assert completed.returncode == exit_code, completed.stderr
    error_lines = [line for line in completed.stderr.splitlines() if not re.match(r" +(epoch|\d+) ", line)]
    assert_contract("\n".join(error_lines), *says)
    assert completed.stdout == ""


def assert_recorded(folder: Path, error: HydrarecError, status: str = "failed") -> None:
    assert json.loads((folder / "error.json").read_text()) == error.to_dict()
    assert json.loads((folder / "run.json").read_text())["status"] == status
    assert not list(folder.rglob(".*.part"))


def refused(action: Callable[[], object], exit_code: int, *says: str) -> HydrarecError:
    """Run ``action`` in this process and return its error, after checking it as the entry point would show it."""
    with pytest.raises(Exception) as caught:
        action()
    error = as_contract(caught.value)
    assert error.exit_code == exit_code, error
    assert_contract(str(error), *says)
    return error


# -- configurations: refused before any data is read, and before torch is imported -------------------------------------

CONFIGS = {
    "unknown model": ("model=biased_dto", "model=biased_dto", "biased_dot"),
    "unknown optimizer, nothing near": ("optimizer=foo", "optimizer=foo", "adagrad, adam, adamw, rowwise_adam, sgd"),
    "unknown group": ("modl=mlp", "'modl'", "model"),
    "unknown group after +": ("+modl=mlp", "'modl'", "model"),
    "unknown key": ("model.embeding_dim=8", "'model.embeding_dim'", "embedding_dim"),
    "unknown key after +": ("+model.embeding_dim=8", "'model.embeding_dim'", "embedding_dim"),
    "unknown key in a new group after +": ("+optimzer.lr=3", "'optimzer'", "optimizer"),
    "unknown key of a whole node after +": ("+model.head.width=3", "'model.head'", "embedding_dim"),
    "a setting that only a run knows": ("+model.num_users=3", "model.num_users", "num_users"),
    "a group taken out": ("~model", "model", "model"),
    "a setting taken out": ("~seed", "seed", "seed"),
    "a setting of a class taken out": ("~optimizer.eps", "optimizer.eps", "> 0"),
    "a number for a group": ("model=3", "model=3", "biased_dot"),
    "an override that cannot be read": ("model=[mlp", "model=[mlp", "key=value"),
    "an interpolation that leads nowhere": ("optimizer.learning_rate=${nowhere}", "nowhere", "optimizer.learning_rate"),
    "text for a whole number": ("model.embedding_dim=abc", "model.embedding_dim=abc", "a whole number"),
    "fraction for a whole number": ("model.embedding_dim=8.5", "model.embedding_dim=8.5", "a whole number"),
    "true for a whole number": ("model.embedding_dim=true", "model.embedding_dim=True", "a whole number"),
    "a number for true or false": ("model.global_mean=1", "model.global_mean=1", "true or false"),
    "a number for a node": ("dataset.expected=3", "dataset.expected=3", "dataset.expected"),
    "a list too short": ("optimizer.betas=[0.9]", "optimizer.betas=[0.9]", "2"),
    "no such choice": ("model.init=gaussian", "model.init=gaussian", "normal, uniform"),
    "learning rate 0": ("optimizer.learning_rate=0", "optimizer.learning_rate=0", "> 0"),
    "learning rate negative": ("optimizer.learning_rate=-0.1", "optimizer.learning_rate=-0.1", "> 0"),
    "learning rate nan": ("optimizer.learning_rate=nan", "optimizer.learning_rate=nan", "a finite number"),
    "learning rate inf": ("optimizer.learning_rate=inf", "optimizer.learning_rate=inf", "a finite number"),
    "dropout 1": ("model.user_dropout=1", "model.user_dropout=1", "< 1"),
    "weight decay negative": ("optimizer.weight_decay=-0.1", "optimizer.weight_decay=-0.1", "≥ 0"),
    "embedding_dim 0": ("model.embedding_dim=0", "model.embedding_dim=0", "≥ 1"),
    "embedding_dim 10⁹": ("model.embedding_dim=1000000000", "model.embedding_dim=1000000000", "GiB"),
    "batch_size 0": ("task.datamodule.batch_size=0", "task.datamodule.batch_size=0", "≥ 1"),
    "epochs 0": ("trainer.epochs=0", "trainer.epochs=0", "≥ 1"),
    "seed negative": ("seed=-1", "seed=-1", "≥ 0"),
    "early stopping that can never act": ("callbacks=early_stopping", "patience=3", "trainer.epochs=2"),
    "a task that is not there": ("task=rankign", "task=rankign", "ranking"),
    "a blank name": ("name=' '", "name", "name=first-runs"),
    "no folder": ("output_dir=", "output_dir", "output_dir=outputs"),
    "threads without end": ("trainer.threads=100000", "trainer.threads=100000", "≤ 1024"),
    "epochs without end": ("trainer.epochs=1000000000000", "trainer.epochs=1000000000000", "≤ 1,000,000"),
    "a decay beyond float32": ("optimizer.weight_decay=1e308", "optimizer.weight_decay=1e+308", "≤ 1,000,000"),
    "a number that is 0 in float32": ("optimizer.eps=1e-320", "optimizer.eps=1e-320", "> 0"),
    "ends of the scale exchanged": ("dataset.scale={low:5,high:1}", "dataset.scale.low=5", "dataset.scale.low=1 dataset.scale.high=5"),
    "a scale without steps": ("dataset.scale.step=0", "dataset.scale.step=0", "> 0"),
}  # fmt: skip


@pytest.mark.parametrize(("override", "value", "accepted"), CONFIGS.values(), ids=CONFIGS.keys())
def test_configuration_is_refused_before_data_is_read(
    train: Train, workplace: Path, override: str, value: str, accepted: str
) -> None:
    settings = [setting for setting in TINY if setting != "dataset.path=ratings.csv"]
    before = tree_digest(workplace)
    completed = train(*settings, "dataset.path=not-there.csv", override)
    assert_refused(completed, 2, value, accepted)
    assert tree_digest(workplace) == before


def test_name_with_nothing_near_has_no_made_up_answer(train: Train) -> None:
    completed = train("experiment=Z9")
    assert_refused(completed, 2, "experiment=Z9")
    assert "experiment=" not in completed.stderr.partition("fix: ")[2]


TORCH = (
    "optimizer._target_=torch.optim.SGD",
    *(f"~optimizer.{key}" for key in ("learning_rate", "weight_decay", "betas", "eps")),
)
# Sound one by one, impossible together; what an optimiser or a schedule alone knows to refuse.
COMBINATIONS = {
    "monitored metric that is not produced": (("task.monitor=val/hr@10",), "val/hr@10"),
    "monitored metric in the wrong direction": (("task.mode=max",), "task.mode=max"),
    "rates for other layers": (("model=mlp", "model.dropout=[0.1,0.1]"), "2 rates for 1 hidden layers"),
    "no stages": (("scheduler=stages", "scheduler.stages=[]"), "scheduler.stages"),
    "a stage of texts": (("scheduler=stages", "scheduler.stages=[{epochs:a,learning_rate:b}]"), "scheduler.stages"),
    "Nesterov without momentum": (("optimizer=sgd", "optimizer.momentum=0", "optimizer.nesterov=true"), "momentum"),
    "parts that leave nothing": (("split.val=0.6", "split.test=0.6"), "split.val=0.6"),
    "more negatives than items": (("task=ranking", "task.datamodule.num_negatives=100000"), "num_negatives=100000 of 30 items"),
    "a negative rate of torch's": ((*TORCH, "+optimizer.lr=-1"), "optimizer.lr=-1"),
    "a rate of torch's that is no number": ((*TORCH, "+optimizer.lr=nan"), "optimizer.lr=nan"),
    "a text as rate of torch's": ((*TORCH, "+optimizer.lr=abc"), "optimizer.lr=abc"),
    "true as rate of torch's": ((*TORCH, "+optimizer.lr=true"), "optimizer.lr=True"),
    "a number as switch of torch's": ((*TORCH, "+optimizer.lr=0.1", "+optimizer.nesterov=2"), "optimizer.nesterov=2"),
    "a momentum that torch refuses": ((*TORCH, "+optimizer.lr=0.1", "+optimizer.momentum=-1"), "torch.optim.SGD"),
    "an optimiser that needs a closure": ((*TORCH, "optimizer._target_=torch.optim.LBFGS"), "torch.optim.LBFGS"),
    "an optimiser for sparse gradients": ((*TORCH, "optimizer._target_=torch.optim.SparseAdam"), "torch.optim.SparseAdam"),
    "no optimiser": ((*TORCH, "optimizer._target_=torch.optim.Optimizer"), "torch.optim.Optimizer"),
    "early stopping without validation": (("callbacks=early_stopping", "trainer.epochs=9", "split.val=0"), "early_stopping"),
    "early stopping on no metric": (("callbacks=early_stopping", "trainer.epochs=9", "callbacks.early_stopping.monitor=val/x"), "val/x"),
    "pairs that are none": (("callbacks=track_predictions", "callbacks.track_predictions.pairs=[1]"), "pairs"),
}  # fmt: skip


@pytest.mark.parametrize(("overrides", "value"), COMBINATIONS.values(), ids=COMBINATIONS.keys())
def test_impossible_combination_is_refused_before_the_first_step(
    execute: Execute, tmp_path: Path, overrides: tuple[str, ...], value: str
) -> None:
    folder = tmp_path / "run"
    refused(lambda: execute(folder, *overrides), 2, value)
    assert not (folder / "history.csv").exists()


def test_tables_that_cannot_fit_are_refused_with_an_estimate(train: Train, workplace: Path) -> None:
    # 200,948 users and 84,432 items × 65,536 × 16 bytes: 278 GiB
    assert_refused(train("dataset=ml-32m", "model.embedding_dim=65536"), 2, "278.7 GiB", "model.embedding_dim=65536")
    assert not (workplace / OUTPUTS).exists()


def test_model_that_does_not_serve_the_task(execute: Execute, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from hydrarec.models.dot import BiasedDot

    monkeypatch.setattr(BiasedDot, "tasks", ("ranking",))
    error = refused(lambda: execute(tmp_path / "run"), 2, "BiasedDot", "task=rating", "task=ranking")
    assert_recorded(tmp_path / "run", error)


def test_gpu_without_one(execute: Execute, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    error = refused(
        lambda: execute(tmp_path / "run", "trainer=gpu"), 6, "trainer.accelerator=gpu", "0 CUDA devices", "trainer=cpu"
    )
    assert_recorded(tmp_path / "run", error)


def test_more_gpus_than_there_are(execute: Execute, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 1)
    refused(lambda: execute(tmp_path / "run", "trainer=gpu", "trainer.devices=2"), 6, "trainer.devices=2", "≤ 1")


TARGETS = {
    "a class": ("model._target_=trap.boom",),
    "a callback": ("+callbacks.mine._target_=trap.boom",),
    "deep inside": ("dataset.scale._target_=trap.boom",),
    "in a list": ("scheduler=stages", "scheduler.stages=[{_target_:trap.boom}]"),
    "behind our own module": ("model._target_=hydrarec.trap.boom",),
    "behind torch.optim": ("optimizer._target_=torch.optim.trap.boom",),
    "for Hydra itself": ("+hydra.callbacks.mine._target_=trap.boom",),
}


@pytest.mark.parametrize("overrides", TARGETS.values(), ids=TARGETS.keys())
def test_target_of_somebody_else_is_never_imported(train: Train, workplace: Path, overrides: tuple[str, ...]) -> None:
    (workplace / "trap.py").write_text(TRAP)
    before = tree_digest(workplace)
    assert_refused(train(*TINY, *overrides), 2, "_target_", "boom")
    assert tree_digest(workplace) == before


@pytest.mark.parametrize(
    "target", ["torch.optim.adam.torch.os.system", "torch.optim.lr_scheduler.partial", "torch.optim.NoSuch"]
)
def test_torch_optim_is_no_door_to_other_modules(composed: Compose, target: str) -> None:
    config = composed("scheduler=stages")
    config["scheduler"]["stages"] = [{"_target_": target, "command": "true"}]
    refused(lambda: judge(config), 2, target)


def test_one_bad_value_among_a_thousand_is_found_before_the_first_job(train: Train, workplace: Path) -> None:
    before = tree_digest(workplace)
    rates = [f"{step / 1000:g}" for step in range(1, 1001)]
    rates[700] = "-0.1"
    assert_refused(
        train("-m", *TINY, f"optimizer.learning_rate={','.join(rates)}"), 2, "optimizer.learning_rate=-0.1", "> 0"
    )
    assert tree_digest(workplace) == before


@pytest.mark.parametrize(
    ("sweep", "value"),
    [
        ("model=bias,mpl", "model=mpl"),
        ("+model.embeding_dim=8,16", "model.embeding_dim"),
        ("trainer.epochs=range(0,3)", "trainer.epochs=0"),
        ("callbacks.early_stopping={_target_:trap.boom},null", "trap.boom"),
    ],
)
def test_bad_value_of_a_sweep(train: Train, workplace: Path, sweep: str, value: str) -> None:
    before = tree_digest(workplace)
    assert_refused(train("-m", *TINY, sweep), 2, value)
    assert tree_digest(workplace) == before


# -- ratings files, from end to end (all of them: tests/data) ----------------------------------------------------------

# From end to end only a few; every row about files is in tests/data/test_bad_ratings.py.
RATINGS = {
    "rating not a number": ("user,item,rating,time\n1,1,5,100\n1,2,good,200\n", "ratings.csv:3", "'good'"),
    "HTML as CSV": ("<html><body>404</body></html>\n", "ratings.csv", "<html"),
}


@pytest.mark.parametrize(
    ("content", "says"), [(content, says) for content, *says in RATINGS.values()], ids=RATINGS.keys()
)
def test_ratings_file_is_refused(train: Train, workplace: Path, content: str, says: list[str]) -> None:
    (workplace / "ratings.csv").write_text(content)
    assert_data_refused(train, workplace, *says)


def test_folder_as_ratings_file(train: Train, workplace: Path) -> None:
    (workplace / "ratings.csv").unlink()
    (workplace / "ratings.csv").mkdir()
    assert_data_refused(train, workplace, "ratings.csv", "a folder")


def assert_data_refused(train: Train, workplace: Path, *says: str) -> None:
    before = tree_digest(workplace)
    completed = train(*TINY)
    assert_refused(completed, 3, *says)
    assert tree_digest(workplace, without=(OUTPUTS,)) == before
    (folder,) = run_folders(workplace)
    written = json.loads((folder / "error.json").read_text())
    assert written["code"] == "data"
    assert written["exit_code"] == 3
    assert written["what"] in completed.stderr
    assert runs.RunFolder(folder).read_record()["status"] == "failed"


# -- resume ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def interrupted(execute: Execute, workplace: Path) -> Path:
    """Folder of a run of 2 epochs that died at the end of the first."""
    folder = workplace / OUTPUTS / "interrupted"
    with killed_after(saves=8):  # 15 steps, 2 per call
        execute(folder)
    return folder


def test_finished_run_is_not_run_again(execute: Execute, train: Train, workplace: Path) -> None:
    folder = workplace / OUTPUTS / "finished"
    result = execute(folder, *SHORT)
    before = tree_digest(folder)
    completed = train(f"resume={folder}")
    assert completed.returncode == 0
    assert completed.stderr == ""
    assert "already finished" in completed.stdout
    assert f"val/rmse {result['metrics']['val/rmse']:.4f}" in completed.stdout
    assert tree_digest(folder) == before


@pytest.mark.parametrize(
    ("override", "key"),
    [
        ("seed=1", "seed"),
        ("model=mlp", "model._target_"),
        ("optimizer.learning_rate=0.5", "optimizer.learning_rate"),
        ("split.seed=3", "split.seed"),
    ],
)
def test_resume_with_another_configuration(interrupted: Path, train: Train, override: str, key: str) -> None:
    before = tree_digest(interrupted)
    assert_refused(train(f"resume={interrupted}", override), 4, key)
    assert tree_digest(interrupted) == before


def test_resume_with_two_changes_names_both_and_the_values(interrupted: Path, train: Train) -> None:
    completed = train(f"resume={interrupted}", "seed=7", "split.seed=3")
    assert_refused(completed, 4, "seed: 0 became 7", "changed: seed, split.seed")


def test_resume_with_more_epochs_goes_on(interrupted: Path, train: Train) -> None:
    completed = train(f"resume={interrupted}", "trainer.epochs=3", "logger.tensorboard=true")
    assert completed.returncode == 0, completed.stderr
    assert [row["epoch"] for row in history_of(interrupted)] == ["1", "2", "3"]


def test_resume_of_what_is_no_run(train: Train, workplace: Path) -> None:
    before = tree_digest(workplace)
    assert_refused(train("resume=nowhere"), 4, "nowhere", "resume=")
    assert_refused(train("resume=."), 4, "config.yaml", "resume=")
    assert tree_digest(workplace) == before


@pytest.mark.parametrize("file", ["config.yaml", "run.json"])
@pytest.mark.parametrize("content", ["", "{", "[]"])
def test_resume_of_a_damaged_run_folder(interrupted: Path, train: Train, file: str, content: str) -> None:
    (interrupted / file).write_text(content)
    before = tree_digest(interrupted)
    assert_refused(train(f"resume={interrupted}"), 4, file)
    assert tree_digest(interrupted) == before


def test_resume_on_other_ratings_names_both_fingerprints(interrupted: Path, execute: Execute, workplace: Path) -> None:
    old = runs.RunFolder(interrupted).read_record()["data"]["fingerprint"]
    ratings = workplace / "ratings.csv"
    header, first, *rest = ratings.read_text().splitlines()
    assert first.startswith("1,1,5,")  # 1 + (3 + 5 + 1) % 5
    ratings.write_text("\n".join([header, first.replace("1,1,5,", "1,1,2,"), *rest]) + "\n")
    error = refused(lambda: execute(interrupted), 4, old[:12], "start a new run")
    assert len(re.findall(r"[0-9a-f]{12}", error.what)) == 2
    assert_recorded(interrupted, error)
    assert runs.RunFolder(interrupted).read_record()["data"]["fingerprint"] == old


def test_resume_from_the_checkpoint_of_another_model(interrupted: Path, execute: Execute, tmp_path: Path) -> None:
    replace_checkpoint(interrupted, execute, tmp_path / "other", "model=mlp")
    refused(lambda: execute(interrupted), 4, "MLP", "BiasedDot")


def test_resume_from_the_checkpoint_of_another_size(interrupted: Path, execute: Execute, tmp_path: Path) -> None:
    replace_checkpoint(interrupted, execute, tmp_path / "other", "model.embedding_dim=8")
    refused(lambda: execute(interrupted), 4, "embedding", "64", "8")


def replace_checkpoint(folder: Path, execute: Execute, other: Path, override: str) -> None:
    execute(other, *SHORT, override)
    for name in ("last.ckpt", "last.ckpt.sha256"):
        shutil.copy(other / "checkpoints" / name, folder / "checkpoints" / name)


# -- checkpoints -------------------------------------------------------------------------------------------------------


def empty(path: Path) -> None:
    path.write_bytes(b"")


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def html(path: Path) -> None:
    path.write_text("<!DOCTYPE html><title>404</title>")


def bit_flipped(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def digest_gone(path: Path) -> None:
    path.with_name("last.ckpt.sha256").unlink()


def digest_empty(path: Path) -> None:
    path.with_name("last.ckpt.sha256").write_text("")


DAMAGES = [(empty, "empty"), (cut, "cut short"), (html, "an HTML page"), (bit_flipped, "changed"), (digest_gone, "last.ckpt.sha256"),
           (digest_empty, "damaged")]  # fmt: skip


@pytest.mark.parametrize(("damage", "reason"), DAMAGES, ids=[damage.__name__ for damage, _ in DAMAGES])
def test_damaged_checkpoint_is_refused(
    interrupted: Path, execute: Execute, damage: Callable[[Path], None], reason: str
) -> None:
    checkpoint = interrupted / "checkpoints" / "last.ckpt"
    damage(checkpoint)
    before = tree_digest(interrupted / "checkpoints")
    error = refused(lambda: execute(interrupted), 4, "last.ckpt", reason)
    assert isinstance(error, CheckpointError)
    assert_recorded(interrupted, error)
    assert tree_digest(interrupted / "checkpoints") == before


def test_missing_checkpoint_cannot_be_loaded(tmp_path: Path) -> None:
    from hydrarec.runs.checkpoint import load

    refused(lambda: load(tmp_path / "last.ckpt"), 4, "last.ckpt", "there is no such checkpoint")


def test_pickle_in_a_checkpoint_is_never_executed(interrupted: Path, execute: Execute, tmp_path: Path) -> None:
    from hydrarec.runs.checkpoint import load, save

    class Bomb:
        def __reduce__(self) -> tuple[Any, ...]:
            return Path.touch, (tmp_path / "sprung",)

    checkpoint = interrupted / "checkpoints" / "last.ckpt"
    save({**load(checkpoint), "bomb": Bomb()}, checkpoint)  # with a digest that is right
    refused(lambda: execute(interrupted), 4, "last.ckpt", "refused")
    assert not (tmp_path / "sprung").exists()


@pytest.fixture
def trapped(interrupted: Path, workplace: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """``trapped(key)`` adds ``key: trap.boom`` to the checkpoint's hyper-parameters, with a valid digest."""
    from hydrarec.runs.checkpoint import load, save

    (workplace / "trap.py").write_text(TRAP)
    monkeypatch.syspath_prepend(workplace)
    checkpoint = interrupted / "checkpoints" / "last.ckpt"

    def tamper(key: str) -> Path:
        content = load(checkpoint)
        save({**content, "hyper_parameters": {**content["hyper_parameters"], key: "trap.boom"}}, checkpoint)
        return checkpoint

    return tamper


@pytest.mark.parametrize("key", ["_target_", "_instantiator"])
def test_name_of_a_class_in_saved_hyper_parameters_is_never_imported(
    trapped: Callable[[str], Path], execute: Execute, workplace: Path, key: str
) -> None:
    from hydrarec.models.dot import BiasedDot

    checkpoint = trapped(key)
    with pytest.raises(CheckpointError, match=rf"refused: .* {key}=trap\.boom"):
        BiasedDot.load_from_checkpoint(checkpoint)
    assert execute(checkpoint.parents[1])["epochs"] == 2  # resuming builds the model from the run's settings
    assert not (workplace / "sprung").exists()


# -- disk, folders, divergence, signals --------------------------------------------------------------------------------


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    """After the call, writing files above 16 KiB fails; the tiny run's checkpoint has 70 KiB."""
    monkeypatch.setattr(runs.RunFolder, "write_diff", lambda folder, content: None)  # as large as what is uncommitted
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (2**14, limits[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_no_room_for_a_large_file_leaves_the_old_checkpoint(
    interrupted: Path, execute: Execute, full_disk: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    old = sha256_of(interrupted / "checkpoints" / "last.ckpt")
    full_disk()
    error = refused(lambda: execute(interrupted), 6, "last.ckpt", "MiB free", "resume=")
    assert sha256_of(interrupted / "checkpoints" / "last.ckpt") == old
    assert_recorded(interrupted, error)


def test_full_disk_at_every_write_leaves_the_old_checkpoint_and_resume_works(
    interrupted: Path, execute: Execute, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    old = sha256_of(interrupted / "checkpoints" / "last.ckpt")
    with monkeypatch.context() as patch:
        patch.setattr("hydrarec.core.files.os.fsync", no_room)
        refused(lambda: execute(interrupted), 6)
    assert sha256_of(interrupted / "checkpoints" / "last.ckpt") == old
    assert not list(interrupted.rglob(".*.part"))
    assert execute(interrupted)["metrics"] == execute(tmp_path / "uninterrupted")["metrics"]


def no_room(descriptor: int) -> None:
    raise OSError(28, "No space left on device")


def test_output_folder_that_cannot_be_made(train: Train, workplace: Path) -> None:
    before = tree_digest(workplace)
    assert_refused(train(*TINY, "output_dir=ratings.csv"), 6, "ratings.csv", "output_dir=")
    assert tree_digest(workplace) == before


def test_run_folder_that_another_live_run_holds(interrupted: Path, train: Train) -> None:
    holder = runs.RunFolder(interrupted)
    before = tree_digest(interrupted)
    try:
        assert_refused(train(f"resume={interrupted}"), 6, "in use by another live run")
    finally:
        holder.release()
    assert tree_digest(interrupted) == before


def test_eight_runs_in_one_second_have_eight_folders(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        folders = set(pool.map(lambda _: runs.reserve(tmp_path / "2026-01-01_00-00-00-abcdef12"), range(8)))
    assert len(folders) == 8
    assert all(folder.is_dir() for folder in folders)


def test_diverged_run_keeps_the_last_finite_checkpoint(execute: Execute, workplace: Path) -> None:
    from hydrarec.runs.checkpoint import load

    folder = workplace / OUTPUTS / "diverged"
    error = refused(
        lambda: execute(folder, "optimizer=sgd", "optimizer.learning_rate=1e6"), 7,
        "epoch 1, step", "learning rate 1e+06", "optimizer.learning_rate=100000",
    )  # fmt: skip
    assert_recorded(folder, error)
    assert not (folder / "result.json").exists()
    weights = load(folder / "checkpoints" / "last.ckpt")["state_dict"]
    assert all(weight.isfinite().all() for weight in weights.values())


@pytest.mark.parametrize("steps_per_call", [1, 4, 50])
@pytest.mark.parametrize("place", ["epoch 1, step 1,", "epoch 1, step 6,", "epoch 1, step 15,", "epoch 2, step 14,"])
def test_diverged_run_names_the_step(
    execute: Execute, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, steps_per_call: int, place: str
) -> None:
    """For any number of steps per call, also in a shorter last call: 15 steps are 4 + 4 + 4 + 3."""
    from hydrarec.tasks.rating import RatingObjective

    epoch, step = (int(number) for number in re.findall(r"\d+", place))
    original, calls = RatingObjective.loss, itertools.count(1)

    def loss(*args: Any) -> Any:
        training = torch.is_grad_enabled()
        return original(*args) * (float("nan") if training and next(calls) == 15 * (epoch - 1) + step else 1)

    monkeypatch.setattr(RatingObjective, "loss", loss)
    run = lambda: execute(tmp_path / "run", f"trainer.steps_per_call={steps_per_call}")  # noqa: E731
    refused(run, 7, "became nan", place)


@pytest.mark.parametrize(
    ("number", "exit_code"),
    [
        pytest.param(signal.SIGINT, 130, id="SIGINT", marks=pytest.mark.e2e),
        pytest.param(signal.SIGTERM, 143, id="SIGTERM", marks=pytest.mark.e2e),
        pytest.param(signal.SIGHUP, 143, id="SIGHUP", marks=pytest.mark.e2e),
    ],
)
def test_signal_ends_a_run_with_a_checkpoint_to_go_on_from(
    started: Callable[..., subprocess.Popen[str]], workplace: Path, execute: Execute, number: int, exit_code: int
) -> None:
    from hydrarec.runs.checkpoint import load

    process = started(*TINY, "trainer.epochs=100000", "trainer.checkpoint_seconds=100000")
    wait_until(lambda: bool(list((workplace / OUTPUTS).rglob("history.csv"))), "the first epoch")
    process.send_signal(number)
    _, errors = process.communicate(timeout=20)  # the contract says 5 seconds; a busy machine gets more
    assert process.returncode == exit_code, errors
    (folder,) = run_folders(workplace)
    said, fix = errors.splitlines()[-2:]
    assert signal.Signals(number).name in said
    assert str(folder / "checkpoints" / "last.ckpt") in said
    assert f"resume={folder}" in fix
    assert "Traceback" not in errors
    assert runs.RunFolder(folder).read_record()["status"] == "interrupted"
    epochs = load(folder / "checkpoints" / "last.ckpt")["epoch"] + 1
    record = runs.RunFolder(folder).read_record()
    runs_on = execute(folder, f"trainer.epochs={epochs + 1}", "trainer.checkpoint_seconds=100000")
    assert runs_on["epochs"] == epochs + 1
    assert record["overrides"] == [*TINY, "trainer.epochs=100000", "trainer.checkpoint_seconds=100000"]


@pytest.mark.parametrize("hook", ["on_fit_start", "on_validation_epoch_start", "on_test_epoch_start"])
def test_interrupt_outside_the_training_steps(
    execute: Execute, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hook: str
) -> None:
    from hydrarec.models.dot import BiasedDot

    def interrupt(model: BiasedDot) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(BiasedDot, hook, interrupt)
    with pytest.raises(HydrarecError) as caught:
        execute(tmp_path / "run")
    assert caught.value.exit_code == 130
    assert_recorded(tmp_path / "run", caught.value, "interrupted")


@pytest.mark.parametrize(
    "overrides", [(), ("optimizer=sgd", "optimizer.learning_rate=1e6")], ids=["finished", "diverged"]
)
def test_run_gives_the_signals_back(execute: Execute, tmp_path: Path, overrides: tuple[str, ...]) -> None:
    """Otherwise the first Ctrl-C after a failed job of a sweep would be lost."""
    before = [signal.getsignal(number) for number in signals.STOP]
    with contextlib.suppress(HydrarecError):
        execute(tmp_path / "run", *overrides)
    assert [signal.getsignal(number) for number in signals.STOP] == before


def test_config_of_a_run_is_what_was_asked_for(execute: Execute, composed: Compose, tmp_path: Path) -> None:
    execute(tmp_path / "run", *SHORT)
    assert yaml.safe_load((tmp_path / "run" / "config.yaml").read_text()) == composed(*SHORT)
    judge(composed(*SHORT))
    with pytest.raises(ConfigError):
        judge({**composed(*SHORT), "seed": -1})
