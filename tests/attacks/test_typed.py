"""What a user types, and what a folder of YAML files adds, go through the same allowlist: exit code 2, nothing imported."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from tests.attacks import corpus
from tests.attacks.corpus import factory_of

from hydrarec.cli import analyze, describe, recommend, report, reproduce, train
from hydrarec.config.composition import compose_config
from hydrarec.config.imports import load
from hydrarec.core.errors import ConfigError, HydrarecError

ALLOWED = ("the run's folder",)  # typed, it is where the user wants it
EXPERIMENTS = {
    "a callback of Hydra": lambda node: {"hydra": {"callbacks": {"x": node}}},
    "behind sweep.space": lambda node: {
        "sweep": {"space": {"evil": node}}, "hydra": {"callbacks": {"x": "${sweep.space.evil}"}}},
    "a log by the seed": lambda node: {
        "experiment": {"logs": [{"version": 1, "root": None}, {"version": 1, "root": None, "x": factory_of(node)}]},
        "hydra": {"job_logging": "${experiment.logs.${seed}}"}},
    "a handler": lambda node: {"hydra": {"job_logging": {"handlers": {"x": factory_of(node)}, "root": {"handlers": ["x"]}}}},
    "the launcher": lambda node: {"hydra": {"launcher": node}},
    "the sweeper": lambda node: {"hydra": {"sweeper": node}},
    "the model": lambda node: {"model": node},
    "a callback": lambda node: {"callbacks": {"x": node}},
    "the data set's scale": lambda node: {"dataset": {"scale": node}},
    "a list": lambda node: {"published": [node]},
    "experiment": lambda node: {"experiment": {"evil": [node]}},
}  # fmt: skip


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    home = tmp_path / "home"
    home.mkdir()
    corpus.prepare(home)
    monkeypatch.chdir(home)
    monkeypatch.syspath_prepend(home)
    monkeypatch.setenv("SECRET", "s3cr3t")
    yield home
    assert "trap" not in sys.modules
    assert not list(tmp_path.rglob("canary"))
    assert not (home / "outputs").exists()


def refused(command: object, *arguments: str) -> HydrarecError:
    with pytest.MonkeyPatch.context() as patch, pytest.raises(HydrarecError) as caught:
        patch.setattr(sys, "argv", ["hydrarec", *arguments])
        command._main()  # type: ignore[attr-defined]
    assert caught.value.exit_code == 2, str(caught.value)
    assert caught.value.expected and caught.value.fix
    assert "s3cr3t" not in str(caught.value)
    return caught.value


@pytest.mark.e2e
def test_typed_settings(home: Path) -> None:
    """One call at every place, and every call at one place."""
    nodes = corpus.nodes(home)
    attacks = [place(nodes["touch"]) for place in corpus.PLACES.values()]
    attacks += [corpus.PLACES["a callback of Hydra"](node) for node in nodes.values()]
    attacks += [overrides for name, overrides in corpus.other_overrides(home).items() if name not in ALLOWED]
    for overrides in attacks:
        refused(train, *overrides)


@pytest.mark.parametrize("place", EXPERIMENTS)
def test_a_folder_of_the_user(home: Path, place: str) -> None:
    node = EXPERIMENTS[place](corpus.nodes(home)["touch"])
    text = yaml.safe_dump(node)
    (home / "evil" / "experiment" / "evil.yaml").write_text(f"# @package _global_\n{text}")
    refused(train, "--config-dir", "evil", "experiment=evil")
    if place in ("a log by the seed", "a callback of Hydra"):  # the second job would see another log than the first
        refused(train, "-m", "--config-dir", "evil", "experiment=evil", "seed=0,1")
        refused(train, "-m", "--config-dir", "evil", "experiment=null,evil")


@pytest.mark.parametrize("shown", ["--cfg=job", "--info=config", "--explain", "--help"])
def test_options_that_only_show_something(home: Path, shown: str) -> None:
    (override,) = corpus.PLACES["a callback of Hydra"](corpus.nodes(home)["touch"])
    for command in (train, recommend, report):
        refused(command, override, shown)


@pytest.mark.parametrize("command", [analyze, describe, recommend, report, reproduce])
def test_commands_that_do_not_train(home: Path, command: object) -> None:
    (override,) = corpus.PLACES["a callback of Hydra"](corpus.nodes(home)["touch"])
    refused(command, override)


def test_a_pickled_job_is_not_run_again(home: Path) -> None:
    assert "pickle" in refused(train, "--experimental-rerun", "payload.pkl").what


@pytest.mark.parametrize("name", ["../../x", "/tmp/x", "..", "a\x1b[2Jb", "a\x9bb", "\udcff", ""])
def test_names_are_plain_folder_names(home: Path, name: str) -> None:
    for setting in ("name", "sweep.name"):
        words = ["-m", "seed=0,1"] if setting == "sweep.name" else []
        error = refused(train, *words, f"{setting}='{name}'")
        assert "plain folder name" in error.expected or "UTF-8" in error.expected
        str(error).encode()  # can be printed


@pytest.mark.parametrize(
    "target",
    [*corpus.nodes(Path("x")), "hydrarec.models.base.torch.save", "hydrarec.models.dot._x", "hydrarec.models.ncf.load", "hydrarec.models.ncf.torch", "hydrarec.cli.train.main",
     "hydrarec.training.fit.run", "torch.optim.adam.torch.os.system", "hydrarec.models.dot", "os", "", None, 3, ["a"]],
)  # fmt: skip
def test_the_only_import_of_a_configured_name_refuses_it(home: Path, target: object) -> None:
    name = corpus.nodes(home)[target]["_target_"] if target in list(corpus.nodes(home)) else target
    with pytest.raises(ConfigError):
        load(name)  # type: ignore[arg-type]


def test_honest_settings_of_hydra_pass(home: Path) -> None:
    for overrides in (
        ["hydra/job_logging=default"],
        ["hydra/job_logging=stdout", "hydra.verbose=true"],
        ["hydra/job_logging=disabled", "hydra/hydra_logging=disabled"],
        ["hydra/launcher=joblib", "hydra.launcher.n_jobs=2"],
        ["hydra/sweeper=optuna", "hydra.sweeper.n_jobs=2"],
        ["hydra/sweeper=basic"],
        ["hydra.job.chdir=true", "+hydra.job.env_set.OMP_NUM_THREADS=1"],
        ["hydra.run.dir=/tmp/elsewhere", "hydra.sweep.dir=/tmp/elsewhere"],
        [f"hydra.searchpath=[{home.as_uri()},relative]"],
    ):
        compose_config(overrides)
