"""What users type by habit or by mistake: each is answered with the setting that they mean."""

from __future__ import annotations

import shlex

import pytest

from hydrarec.config.command_line import parse
from hydrarec.config.composition import compose_config, flat, plain
from hydrarec.config.foreign_names import EMPTY, KEYS, SETTINGS, VALUES
from hydrarec.config.judge import judge
from hydrarec.config.typed_overrides import groups, options
from hydrarec.core.errors import ConfigError

# Typed → the fix that is printed.
HABITS = {
    "lr=0.1": "optimizer.learning_rate=0.1",
    "+lr=0.1": "optimizer.learning_rate=0.1",
    "optimizer.lr=0.1": "optimizer.learning_rate=0.1",
    "max_epochs=3": "trainer.epochs=3",
    "trainer.max_epochs=3": "trainer.epochs=3",
    "fast_dev_run=true": "trainer=debug",
    "trainer.fast_dev_run=true": "trainer=debug",
    "trainer.precision=16-mixed": "trainer.precision=bf16-mixed",
    "trainer.accelerator=auto": "trainer=cpu",
    "logger=wandb": "logger=tensorboard",
    "epochs=3": "trainer.epochs=3",
    "batch_size=3": "task.datamodule.batch_size=3",
    "embedding_dim=3": "model.embedding_dim=3",
    "model.dim=3": "model.embedding_dim=3",
    "loss=mse": "task.objective.loss=mse",
    "dataset=ml100k": "dataset=ml-100k",
    "split=loo": "split=leave_one_out",
    "+experiment=founding": "experiment=founding",
    "+experiment=B2": "experiment=keras_dot_bias",
    "+model=dot": "model=dot",
    "task/protocol=full": "task=ranking task/protocol=full",
    "~callbacks": "callbacks=none",
    "~logger": "logger=none",
    "~scheduler": "scheduler=constant",
    "optimizer=[adam,sgd]": "optimizer=adam",
    "dataset=[ml-20m,ml-25m]": "dataset=ml-20m",
    "experiment=[he2017,founding]": "experiment=he2017",
    "model=[dot]": "model=dot",
    "dataset='${..}'": "dataset=<one of these>",
    "callbacks={early_stopping:null}": "callbacks=<one of these>, or +callbacks=\"{early_stopping:null}\" to add to it",
    "name=a=b": "name=\"'a=b'\" if the value is one text",
    "dataset.path=~/x(1).csv": "dataset.path=\"'~/x(1).csv'\" if the value is one text",
    "seed=0,1": "hydrarec-train -m seed=0,1",
    "model=dot,mlp": "hydrarec-train -m model=dot,mlp",
    "name=a,b": "hydrarec-train -m name=a,b, or name=\"'a,b'\" if it is one text",
}  # fmt: skip


def error_of(*overrides: str) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        judge(plain(compose_config(overrides)))
    assert len(str(caught.value).splitlines()) <= 4
    return caught.value


@pytest.mark.parametrize(("typed", "fix"), HABITS.items(), ids=HABITS.keys())
def test_habit_is_answered_with_the_name_here(typed: str, fix: str) -> None:
    error = error_of(typed)
    assert error.fix == fix
    assert error.expected


@pytest.mark.parametrize(
    "typed",
    [
        *(
            "callbacks={x:3}",
            "callbacks=3",
            "callbacks=[]",
            "split=[]",
            "model=null",
            "hydra/launcher=3",
            "model={a:3}",
        ),
        *("name=a\udcff", "+name=a\udcff", "", "foo", "model", "=3", "~model", "~seed", "a.b.c=3", "hydra.x=1"),
        *("seed=${seed}", "name='${oc.decode:\"{\"}'", "seed='${nowhere}'", "dataset='${model}'", "dataset.path=x\0y"),
    ],
)
def test_nonsense_is_refused_in_at_most_four_lines(typed: str) -> None:
    error_of(typed)


def test_options_that_complete_each_other_are_a_list() -> None:
    config = plain(compose_config(["callbacks=[early_stopping,track_predictions]", "trainer.epochs=9"]))
    judge(config)
    assert set(config["callbacks"]) == {"early_stopping", "track_predictions"}


def test_learning_rate_of_a_chosen_optimizer_wins_over_the_model_s() -> None:
    config = plain(compose_config(["task=ranking", "model=neumf", "optimizer=sgd"]))
    assert config["optimizer"]["learning_rate"] == 0.1


@pytest.mark.parametrize("separator", [";", "\\t", " ", "|", ",", "::"])
@pytest.mark.parametrize("place", [0, 1])
def test_separator_is_taken_as_it_is_typed(separator: str, place: int) -> None:
    """As bash passes ``dataset.separator=';'`` on; options may stand before and after it."""
    words = ["dataset=csv", "dataset.path=x", f"dataset.separator={separator}"]
    words.insert(3 * place, "--cfg=job")
    arguments = parse(words)
    assert plain(compose_config(arguments.overrides))["dataset"]["separator"] == separator.replace("\\t", "\t")
    assert arguments.arguments[0] == "--cfg=job"


def test_options_may_stand_between_settings() -> None:
    arguments = parse(["dataset=csv", "--config-dir", "conf", "seed=1", "-m", "model=dot"])
    assert arguments.multirun
    assert arguments.overrides[-3:] == ["dataset=csv", "seed=1", "model=dot"]
    assert arguments.arguments == ["--config-dir", "conf", "-m", "dataset=csv", "seed=1", "model=dot"]


@pytest.mark.e2e
def test_table_of_names_elsewhere_holds_no_name_of_ours() -> None:
    ours = set(flat(plain(compose_config(["dataset=csv", "dataset.path=x", "task=ranking"]))))
    assert not ours & {*KEYS, *SETTINGS}
    assert {target.partition("=")[0] for target in KEYS.values()} <= ours | {"model.hidden_dims"}
    for theirs, here in VALUES.items():
        group, option = theirs.split("=", 1)
        assert group not in groups() or option not in options(group)
        config = compose_config(shlex.split(here))
        judge(plain(config))
    assert all(group in groups() for group in EMPTY)
