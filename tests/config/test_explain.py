"""``--explain``: every value of a configuration and its source."""

from __future__ import annotations

from pathlib import Path

import pytest

from hydrarec.config.composition import compose_config, flat, plain
from hydrarec.config.explain import Setting, as_table, explain
from hydrarec.core.errors import ConfigError


def source_of(key: str, *overrides: str) -> str:
    return next(setting.source for setting in explain(overrides) if setting.key == key)


@pytest.mark.parametrize(
    ("key", "overrides", "source"),
    [
        ("seed", (), "conf/train.yaml"),
        ("seed", ("seed=3",), "command line"),
        ("optimizer.learning_rate", (), "conf/optimizer/adam.yaml"),
        ("optimizer.learning_rate", ("task=ranking", "model=neumf"), "conf/model/neumf.yaml (own default)"),
        ("optimizer.learning_rate", ("task=ranking", "model=neumf", "optimizer=sgd"), "conf/optimizer/sgd.yaml"),
        ("optimizer.learning_rate", ("model=neumf", "optimizer.learning_rate=1"), "command line"),
        ("optimizer.betas", ("optimizer.betas=[0.5,0.9]",), "command line"),
        ("optimizer.learning_rate", ("experiment=fastai_dot_bias",), "conf/experiment/fastai_dot.yaml"),
        ("optimizer.weight_decay", ("experiment=fastai_dot_bias",), "conf/experiment/fastai_dot_bias.yaml"),
        ("model.embedding", ("model=mf",), "conf/model/biased_dot.yaml"),
        ("model.init_scale", ("model=mf",), "conf/model/mf.yaml"),
        ("task.monitor", ("task=ranking", "task/protocol=sampled"), "conf/task/protocol/sampled.yaml"),
        ("split.val", ("split=train_test",), "conf/split/train_test.yaml"),
        ("trainer.epochs", ("trainer=debug",), "conf/trainer/debug.yaml"),
        ("trainer.threads", ("trainer=debug",), "conf/trainer/cpu.yaml"),
        ("callbacks.early_stopping", (), "conf/callbacks/none.yaml"),
        ("callbacks.early_stopping.patience", ("callbacks=early_stopping",), "conf/callbacks/early_stopping.yaml"),
        ("experiment.size", ("experiment=he2017_neumf", "experiment.size=16"), "command line"),
        ("model.gmf_dim", ("experiment=he2017_neumf",), "conf/experiment/he2017_neumf.yaml"),
    ],
)
def test_source_is_the_last_that_sets_the_value(key: str, overrides: tuple[str, ...], source: str) -> None:
    assert source_of(key, *overrides) == source


def test_every_value_of_the_configuration_has_a_source() -> None:
    overrides = ["task=ranking", "model=lightgcn", "trainer.epochs=3"]
    settings = explain(overrides)
    assert {setting.key: setting.value for setting in settings} == flat(plain(compose_config(overrides)))
    assert all(setting.source for setting in settings)


def test_computed_value_is_shown_with_its_expression() -> None:
    name = next(setting for setting in explain([]) if setting.key == "name")
    assert name == Setting("name", "rating-ml-100k", "conf/train.yaml", "${task.name}-${dataset.name}")


def test_file_of_the_user_is_named_in_full(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    mine = tmp_path / "model" / "mine.yaml"
    mine.write_text("defaults: [dot]\nembedding_dim: 3\n")
    assert source_of("model.embedding_dim", f"hydra.searchpath=[{tmp_path.as_uri()}]", "model=mine") == str(mine)


def test_table_has_a_line_per_setting() -> None:
    table = as_table(
        [Setting("a.b", 0.1, "conf/a.yaml"), Setting("c", "x", "conf/c.yaml", "${a}"), Setting("d", None, "z")]
    )
    assert table.splitlines() == ["a.b  0.1   conf/a.yaml", "c    x     conf/c.yaml  ${a}", "d    null  z"]


def test_wrong_setting_is_refused_as_everywhere() -> None:
    with pytest.raises(ConfigError, match=r"model\.embeding_dim"):
        explain(["model.embeding_dim=3"])


def test_other_commands_are_explained_too() -> None:
    assert Setting("seeds", 3, "conf/reproduce.yaml") in explain([], "reproduce")
