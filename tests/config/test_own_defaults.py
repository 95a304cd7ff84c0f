"""A model's own defaults for other groups, and that experiments and the command line override them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from hydrarec.config.composition import compose_config, flat, plain
from hydrarec.config.judge import judge
from hydrarec.config.location import conf_dir
from hydrarec.config.schema import OWN_DEFAULTS
from hydrarec.core.errors import ConfigError

OWN: dict[str, Any] = {
    path.stem: OmegaConf.to_container(OmegaConf.load(path).own_defaults)
    for path in sorted((conf_dir() / "model").glob("*.yaml"))
    if "own_defaults" in OmegaConf.load(path)
}
NEUMF = ("task=ranking", "model=neumf")  # learning rate 0.001, without decay


def config_of(*overrides: str) -> dict[str, Any]:
    return plain(compose_config(overrides))


def select(config: dict[str, Any], key: str) -> object:
    return OmegaConf.select(OmegaConf.create(config), key)


@pytest.mark.parametrize("model", OWN)
def test_own_defaults_apply_under_their_task_and_leave_no_trace(model: str) -> None:
    for task, settings in OWN[model].items():
        config = config_of(f"task={task}", f"model={model}")
        for key, value in flat(settings).items():
            assert select(config, key) == value, key
        assert not {"own_defaults", "search_space"} & set(config["model"])
        judge(config)


def test_own_defaults_of_one_task_are_not_those_of_another() -> None:
    assert config_of("task=rating", "model=neumf")["optimizer"] == config_of("task=rating")["optimizer"]


@pytest.mark.parametrize(
    ("overrides", "key", "value"),
    [
        (NEUMF, "optimizer.learning_rate", 0.001),
        ((*NEUMF, "optimizer=sgd"), "optimizer.learning_rate", 0.1),
        ((*NEUMF, "optimizer=adamw"), "optimizer.weight_decay", 0.01),
        ((*NEUMF, "optimizer=adam"), "optimizer.learning_rate", 0.001),  # the optimiser that it was tuned for
        ((*NEUMF, "optimizer.learning_rate=0.5"), "optimizer.learning_rate", 0.5),
        (("optimizer.learning_rate=0.5", *NEUMF), "optimizer.learning_rate", 0.5),
        (("experiment=he2017_gmf", "model=neumf"), "optimizer.weight_decay", 0.0),
        (("experiment=he2017_neumf",), "optimizer.learning_rate", 0.002),
        (("experiment=he2017_neumf", "optimizer=sgd", "optimizer.learning_rate=1"), "optimizer.learning_rate", 1),
        (("task=ranking", "model=ease"), "trainer.epochs", 1),
        (("task=ranking", "model=ease", "trainer=gpu"), "trainer.epochs", 1),  # whose file says nothing of epochs
        (("task=ranking", "model=lightgcn", "trainer=debug"), "trainer.epochs", 1),  # whose file does
        (("task=ranking", "model=lightgcn", "task.objective.loss=bce"), "task.objective.loss", "bce"),
        (("model=i_autorec",), "scheduler._target_", "hydrarec.training.optim.schedulers.one_cycle"),
        (("model=i_autorec", "scheduler=constant"), "scheduler._target_", "hydrarec.training.optim.schedulers.constant"),
        (("experiment=fastai_dot", "model=i_autorec"), "scheduler._target_", "hydrarec.training.optim.schedulers.stages"),
    ],
)  # fmt: skip
def test_what_is_typed_wins_then_the_experiment_then_the_model(
    overrides: tuple[str, ...], key: str, value: object
) -> None:
    assert select(config_of(*overrides), key) == value


def test_files_read_every_own_default_that_there_may_be_and_no_other() -> None:
    read = {
        key
        for path in conf_dir().rglob("*.yaml")
        for key in re.findall(r"^[^#\n]*\$\{own:([\w.]+),", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    }
    assert read == set(OWN_DEFAULTS)


@pytest.mark.parametrize(
    ("own", "wrong", "nearest"),
    [
        ("ranking: {optimizer: {learning_rat: 1}}", "optimizer.learning_rat", "learning_rate"),
        ("raking: {trainer: {epochs: 1}}", "raking", "ranking"),
    ],
)
def test_mistake_in_own_defaults_is_answered_with_the_nearest_name(
    own: str, wrong: str, nearest: str, tmp_path: Path
) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "mine.yaml").write_text(f"defaults: [dot]\nown_defaults:\n  {own}\n", encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        compose_config([f"hydra.searchpath=[{tmp_path.as_uri()}]", "model=mine"])
    assert wrong in caught.value.what
    assert nearest in caught.value.expected


def test_misspelt_own_defaults_are_answered_with_the_right_name(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "mine.yaml").write_text("defaults: [dot]\nown_default: {}\n")
    with pytest.raises(ConfigError) as caught:
        judge(config_of(f"hydra.searchpath=[{tmp_path.as_uri()}]", "model=mine"))
    assert "own_defaults" in caught.value.expected


def test_model_in_a_folder_of_the_user_has_own_defaults_too(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "mine.yaml").write_text("defaults: [dot]\nown_defaults: {rating: {trainer: {epochs: 7}}}\n")
    folder = f"hydra.searchpath=[{tmp_path.as_uri()}]"
    assert config_of(folder, "model=mine")["trainer"]["epochs"] == 7
    assert config_of(folder, "model=mine", "trainer.epochs=8")["trainer"]["epochs"] == 8


def test_conf_has_at_most_98_files() -> None:
    assert sum(path.is_file() for path in conf_dir().rglob("*")) <= 98
