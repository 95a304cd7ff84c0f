"""Runs every command of the README, shortened, on real data if available, else on the small file."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from tests import commands

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```bash\n(.*?)```", README, flags=re.DOTALL)
COMMANDS = [line.split("#")[0].strip() for block in BLOCKS for line in block.splitlines() if line.strip()]
TRAINING = [command for command in COMMANDS if command.startswith("hydrarec-train")]
INLINE = re.findall(r"`(hydrarec-train [^`]*(?:=|-m)[^`]*)`", README)
SHORT = ("trainer.epochs=1", "trainer.limit_batches=2", "logger=none")
SMALL = ("dataset=csv", "dataset.path=ratings.csv", "dataset.time=time", "task.datamodule.batch_size=32")
REAL = os.environ.get("HYDRAREC_DATA_DIR")  # before the fixture of all tests hides it


def hydrarec(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return commands.run(program, *arguments, timeout=200)


def test_there_is_something_to_run() -> None:
    assert len(TRAINING) >= 4
    assert any("scripts/train.sh" in command for command in COMMANDS)
    assert any("scripts/test.sh" in command for command in COMMANDS)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A cache folder for all commands, so that each data set is read once."""
    return str(tmp_path_factory.mktemp("cache"))


@pytest.mark.parametrize(
    "command",
    [pytest.param(each, marks=pytest.mark.e2e) if " -m " in each else each for each in TRAINING],  # many runs each
)
def test_training_commands(command: str, workplace: Path, cache: str, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (workplace / "ratings.csv").read_text()
    (workplace / "ratings.csv").write_text(text.replace("user,item,", "userId,movieId,", 1))
    arguments = shlex.split(command)[1:]
    if "--explain" in arguments:
        assert "conf/optimizer/adam.yaml" in hydrarec("hydrarec.cli.train", *arguments).stdout
        return
    if arguments == ["--help"]:
        assert "experiment=keras_dot_bias" in hydrarec("hydrarec.cli.train", *arguments).stdout
        return
    if "dataset=csv" in arguments:
        arguments.append("task.datamodule.batch_size=32")
    elif REAL is None:
        arguments = [argument for argument in arguments if not argument.startswith("dataset")]
        arguments += [*SMALL, "dataset.user=userId", "dataset.item=movieId"]
    else:
        monkeypatch.setenv("HYDRAREC_DATA_DIR", str(Path(REAL).resolve()))
        monkeypatch.setenv("HYDRAREC_CACHE_DIR", cache)
    if "experiment=best_rating" in arguments:
        arguments += ["model.burn_in=0", "model.thin=1"]
    done = hydrarec("hydrarec.cli.train", *arguments, *SHORT)
    assert done.returncode == 0, done.stderr
    expected = ("hydrarec-report",) if "-m" in arguments else ("test/rmse", "test/hr@10")
    assert any(word in done.stdout for word in expected)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, cache: str) -> Path:
    """A folder with two runs on ml-100k, which has titles: ``outputs/rating/0`` and ``…/1``."""
    folder = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HYDRAREC_DATA_DIR", str(Path(REAL or "").resolve()))
        patch.setenv("HYDRAREC_CACHE_DIR", cache)
        patch.chdir(folder)
        for seed in range(2):
            done = hydrarec("hydrarec.cli.train", f"seed={seed}", f"hydra.run.dir=outputs/rating/{seed}", *SHORT)
            assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.skipif(REAL is None, reason="HYDRAREC_DATA_DIR is not set: no data with titles")
@pytest.mark.parametrize(
    "command", [command for command in COMMANDS if re.match("hydrarec-(describe|analyze|rec)", command)]
)
def test_commands_that_look_inside(command: str, trained: Path, cache: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HYDRAREC_DATA_DIR", str(Path(REAL or "").resolve()))
    monkeypatch.setenv("HYDRAREC_CACHE_DIR", cache)
    monkeypatch.chdir(trained)
    text = command.replace("outputs/<name>/<run>", "outputs/rating/0")
    text = text.replace("<run>,<run>", "outputs/rating/0,outputs/rating/1")
    program, *arguments = shlex.split(text)
    if program == "hydrarec-analyze":
        arguments += ["top_n=100", "titled=5", "resamples=20", "shuffles=5", "bias_top_n=100", "projector=50"]
    done = hydrarec(program.replace("-", ".cli.", 1), *arguments)
    assert done.returncode == 0, done.stderr
    assert "next: hydrarec-" in done.stdout


@pytest.mark.parametrize("command", [command for command in INLINE if "<" not in command and "mine" not in command])
def test_inline_commands_are_judged_possible(command: str) -> None:
    from hydrarec.config.composition import compose_config, plain
    from hydrarec.config.judge import judge
    from hydrarec.config.sweep_values import judge_sweep

    arguments = shlex.split(command)[1:]
    if "-m" in arguments:
        judge_sweep([argument for argument in arguments if argument != "-m"])
    else:
        judge(plain(compose_config(arguments)))


def test_resume_as_the_readme_says(workplace: Path) -> None:
    assert hydrarec("hydrarec.cli.train", *SMALL, *SHORT, "name=again").returncode == 0
    [run] = (workplace / "outputs" / "again").iterdir()
    done = hydrarec("hydrarec.cli.train", f"resume=outputs/again/{run.name}")
    assert done.returncode == 0
    assert "already finished" in done.stdout


def test_tensorboard_starts_on_the_outputs(workplace: Path) -> None:
    assert "tensorboard --logdir outputs" in COMMANDS
    assert hydrarec("hydrarec.cli.train", *SMALL, *SHORT[:2], "name=seen").returncode == 0
    command = [sys.executable, "-m", "tensorboard.main", "--logdir", "outputs", "--inspect"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0
    assert "train/loss" in done.stdout


def test_the_readme_is_not_too_long() -> None:
    assert len(README.splitlines()) <= 200


@pytest.mark.parametrize("group", ["model", "optimizer", "scheduler", "split"])
def test_every_choice_is_named(group: str) -> None:
    for path in (ROOT / "conf" / group).glob("*.yaml"):
        assert f"`{path.stem}`" in README, f"README does not name {group}={path.stem}"
