"""Every shipped YAML file composes, passes validation and can be instantiated; identity of a configuration."""

from __future__ import annotations

import ast
import copy
import functools
import importlib.util
import inspect
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from omegaconf import OmegaConf

from hydrarec.config.composition import compose_config, plain
from hydrarec.config.judge import judge, judge_against
from hydrarec.config.location import conf_dir
from hydrarec.config.schema import SUPPLIED, ReproduceConfig
from hydrarec.config.signatures import parameters
from hydrarec.core.errors import ConfigError
from hydrarec.runs.identity import changes, config_hash

FOLDERS = sorted({path.parent for path in conf_dir().rglob("*/*.yaml")})  # task/protocol is a group of its own
OPTIONS = [
    (folder.relative_to(conf_dir()).as_posix(), path.stem)
    for folder in FOLDERS
    for path in sorted(folder.glob("*.yaml"))
]
PLUGINS = {"slurm": "hydra_submitit_launcher", "ray_cluster": "hydra_ray_launcher"}  # each an extra


def skipped_without_its_plugin(group: str, option: str) -> object:
    plugin = PLUGINS.get(option) if group == "hydra/launcher" else None
    missing = plugin is not None and importlib.util.find_spec(f"hydra_plugins.{plugin}") is None
    return pytest.param(group, option, marks=pytest.mark.skipif(missing, reason=f"{plugin} is not installed"))


INSTALLED = [skipped_without_its_plugin(group, option) for group, option in OPTIONS]
MODELS = [option for group, option in OPTIONS if group == "model"]
RUN_KNOWS = {name for names in SUPPLIED.values() for name in names}
NEEDED = {  # what an option asks of the user before it can run
    ("dataset", "csv"): ["dataset.path=ratings.csv"],
    ("callbacks", "early_stopping"): ["trainer.epochs=20"],
    ("trainer", "debug"): [],
    ("model", "bayesian_svdpp"): ["trainer.epochs=60"],  # more than its burn-in
    ("experiment", "he2017_neumf_pretrained"): ["model.pretrained_gmf=run", "model.pretrained_mlp=run"],
}


def config_of(*overrides: str) -> dict[str, Any]:
    return copy.deepcopy(_composed(overrides))


@functools.cache  # most tests ask for the same few
def _composed(overrides: tuple[str, ...]) -> dict[str, Any]:
    return plain(compose_config(list(overrides)))


def chosen(group: str, option: str) -> dict[str, Any]:
    if group == "task/protocol":
        return config_of("task=ranking", f"{group}={option}")
    return config_of(f"{group}={option}", *NEEDED.get((group, option), []))


def nodes_with_target(node: object, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(node, dict):
        if "_target_" in node:
            yield path, node
        for key, entry in node.items():
            yield from nodes_with_target(entry, f"{path}.{key}")
    elif isinstance(node, list):
        for entry in node:
            yield from nodes_with_target(entry, path)


# -- what is shipped ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("group", "option"), INSTALLED)
def test_shipped_option_is_sound_and_states_each_default_once(group: str, option: str) -> None:
    """It composes and sets every parameter that the run does not supply; no parameter has another default in Python."""
    config = chosen(group, option)
    judge(config)
    for path, node in nodes_with_target(config):
        accepted = parameters(node["_target_"])
        assert accepted is not None, f"{path}: {node['_target_']}"
        assert set(accepted) - set(node) <= RUN_KNOWS, f"{path}: neither set nor supplied"
        assert set(node) - set(accepted) <= {"_target_"}, f"{path}: set, and not accepted"
        assert list(python_defaults(node["_target_"])) == [], path


@functools.cache
def python_defaults(target: str) -> list[str]:
    """Parameters of a target with a default in its source, without importing it."""
    return list(_python_defaults(target))


def _python_defaults(target: str) -> Iterator[str]:
    import hydrarec

    module, _, name = target.rpartition(".")
    source = Path(hydrarec.__file__).parent.joinpath(*module.split(".")[1:]).with_suffix(".py")
    for node in ast.parse(source.read_text()).body:
        if getattr(node, "name", None) != name:
            continue
        functions = (
            [node]
            if isinstance(node, ast.FunctionDef)
            else [part for part in node.body if getattr(part, "name", "") == "__init__"]
        )
        for function in functions:
            keyword_defaults = zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True)
            yield from (argument.arg for argument, default in keyword_defaults if default is not None)
            yield from (ast.unparse(default) for default in function.args.defaults)
        if isinstance(node, ast.ClassDef) and not functions:
            yield from (
                ast.unparse(part.target)
                for part in node.body
                if isinstance(part, ast.AnnAssign) and part.value is not None
            )


@pytest.mark.parametrize("option", MODELS)
@pytest.mark.parametrize("task", ["rating", "ranking"])
def test_model_is_made_under_each_task_that_it_serves_and_keeps_its_settings(task: str, option: str) -> None:
    from hydra.utils import get_class

    from hydrarec.config.factory import factory
    from hydrarec.models.base import Recommender

    config = config_of(f"task={task}", f"model={option}", *NEEDED.get(("model", option), []))
    judge(config)
    if task not in get_class(config["model"]["_target_"]).tasks:
        return
    model = factory(OmegaConf.create(config["model"]))(num_users=5, num_items=7)
    assert isinstance(model, Recommender)
    assert not (task == "ranking" and config["model"].get("rating_range")), "there is no range under this task"
    expected = {key: value for key, value in config["model"].items() if key != "_target_"}
    assert dict(model.hparams) == {**expected, "num_users": 5, "num_items": 7}
    assert all(
        parameter.kind is inspect.Parameter.KEYWORD_ONLY
        for parameter in inspect.signature(type(model)).parameters.values()
    )


@pytest.mark.parametrize("optimizer", [option for group, option in OPTIONS if group == "optimizer"])
@pytest.mark.parametrize("scheduler", [option for group, option in OPTIONS if group == "scheduler"])
def test_optimizer_and_scheduler_are_made_together(optimizer: str, scheduler: str) -> None:
    import torch

    from hydrarec.config.factory import factory
    from hydrarec.training.optim.schedulers import Schedule

    config = config_of(f"optimizer={optimizer}", f"scheduler={scheduler}")
    made = factory(OmegaConf.create(config["optimizer"]))([torch.nn.Parameter(torch.zeros(2))])
    assert made.param_groups[0]["lr"] == config["optimizer"]["learning_rate"]
    schedule = factory(OmegaConf.create(config["scheduler"]))(made, epochs=3, steps_per_epoch=4)
    assert isinstance(schedule, Schedule)
    assert schedule.moves in ("step", "epoch", "metric")
    assert 0 < made.param_groups[0]["lr"] <= 1


@pytest.mark.parametrize("option", [option for group, option in OPTIONS if group == "split"])
def test_split_is_made(option: str) -> None:
    from hydrarec.config.factory import factory

    splitter = factory(OmegaConf.create(chosen("split", option)["split"]))()
    assert callable(splitter)


@pytest.mark.parametrize("option", [option for group, option in OPTIONS if group == "trainer"])
def test_trainer_is_made(option: str) -> None:
    from hydrarec.config.factory import factory
    from hydrarec.training.fit import TrainerSettings

    settings = factory(OmegaConf.create(chosen("trainer", option)["trainer"]))()
    assert isinstance(settings, TrainerSettings)
    assert settings.accelerator == ("gpu" if option == "gpu" else "cpu")


@pytest.mark.parametrize(
    "overrides",
    [
        ("task=rating",),
        ("task=ranking",),
        ("task=ranking", "task/protocol=sampled"),
        ("task=ranking", "task/protocol=full"),
        ("task=ranking", "task/protocol=sampled", "task.datamodule.num_candidates=49"),
    ],
)
def test_what_is_monitored_is_produced_and_better_in_the_stated_direction(overrides: tuple[str, ...]) -> None:
    from hydra.utils import get_class

    from hydrarec.tasks.metrics.registry import mode_of

    task = config_of(*overrides)["task"]
    part, _, metric = task["monitor"].partition("/")
    assert part == "val"
    produced = get_class(task["objective"]["_target_"]).produced(task["objective"])
    assert metric in produced
    assert mode_of(metric) == task["mode"]


@pytest.mark.parametrize("protocol", ["sampled", "full", "both"])
def test_ranking_objective_is_made(protocol: str) -> None:
    import torch

    from hydrarec.config.factory import factory
    from hydrarec.tasks.ranking import RankingObjective

    task = config_of("task=ranking", f"task/protocol={protocol}")["task"]
    made = factory(OmegaConf.create(task["objective"]))(popularity=torch.ones(200, dtype=torch.int64))
    assert isinstance(made, RankingObjective)
    assert task["datamodule"]["protocol"] == made.protocol == protocol


@pytest.mark.parametrize("option", [option for group, option in OPTIONS if group == "filter"])
def test_filter_is_made(option: str) -> None:
    from hydrarec.config.factory import factory

    assert callable(factory(OmegaConf.create(chosen("filter", option)["filter"]))())


@pytest.mark.parametrize("option", [option for group, option in OPTIONS if group == "callbacks"])
def test_callbacks_are_made(option: str) -> None:
    import pytorch_lightning as pl

    from hydrarec.config.factory import factory
    from hydrarec.data.ids import IdMap

    interactions = SimpleNamespace(user_ids=IdMap(np.array([1])), item_ids=IdMap(np.array([1])))
    run_knows = {"history": SimpleNamespace(folder=None), "interactions": interactions}
    nodes = [node for node in chosen("callbacks", option)["callbacks"].values() if node is not None]
    assert len(nodes) == (option != "none")
    for node in nodes:
        wanted = set(parameters(node["_target_"]) or ()) & set(run_knows)
        callback = factory(OmegaConf.create(node))(**{name: run_knows[name] for name in wanted})
        assert isinstance(callback, pl.Callback)


def test_reproduction_composes_and_is_sound() -> None:
    judge_against(ReproduceConfig, plain(compose_config([], "reproduce")))


# -- errors ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("override", "wrong", "nearest"),
    [
        ("model=mpl", "model=mpl", "mlp"),
        ("model.embeding_dim=3", "model.embeding_dim", "embedding_dim"),
        ("+trainer.epoch=3", "trainer.epoch", "epochs"),
        ("task.datamodule.batchsize=3", "task.datamodule.batchsize", "batch_size"),
        ("dataset.reader._target_=hydrarec.data.readers.movielens.UDate", "UDate", "UData"),
        ("experiment=best_ratng", "experiment=best_ratng", "best_rating"),
    ],
)
def test_misspelt_name_is_answered_with_the_nearest(override: str, wrong: str, nearest: str) -> None:
    with pytest.raises(ConfigError) as caught:
        judge(config_of(override))
    assert wrong in caught.value.what
    assert nearest in caught.value.expected


def test_composition_leaves_hydras_global_state_alone() -> None:
    from hydra.core.global_hydra import GlobalHydra

    before = GlobalHydra.instance().hydra
    compose_config(["model=mlp"])
    assert GlobalHydra.instance().hydra is before


# -- identity ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "overrides",
    [
        ("name=other",),
        ("output_dir=/elsewhere",),
        ("resume=/x",),
        ("logger=none",),
        ("model=biased_dot",),
        ("seed=0",),
        ("model.l2=0.0", "split.val=0.1"),
    ],
)
def test_hash_ignores_paths_and_logging_and_what_is_restated(overrides: tuple[str, ...]) -> None:
    assert config_hash(config_of(*overrides)) == config_hash(config_of())


@pytest.mark.parametrize(
    "override",
    ["seed=1", "split.seed=1", "model=mlp", "model.l2=0.1", "trainer.epochs=3", "dataset=ml-1m", "optimizer=adamw"],
)
def test_hash_tells_runs_apart(override: str) -> None:
    assert config_hash(config_of(override)) != config_hash(config_of())


def test_hash_is_eight_hex_digits_and_names_the_run_folder() -> None:
    composed = compose_config([], with_hydra=True)
    digits = config_hash(config_of())
    assert len(digits) == 8
    assert int(digits, 16) >= 0
    assert composed.hydra.run.dir.endswith(f"-{digits}")
    assert composed.hydra.sweep.subdir == digits


@pytest.mark.parametrize(
    ("overrides", "keys"),
    [
        ((), []),
        (("seed=1",), ["seed"]),
        (("model.l2=0.1", "seed=1"), ["model.l2", "seed"]),
        (("optimizer.betas=[0.8,0.999]",), ["optimizer.betas"]),
        (("callbacks=early_stopping",), ["callbacks.early_stopping"]),
        (("trainer.epochs=3", "trainer.checkpoint_seconds=1", "logger=none", "name=x", "output_dir=y", "resume=z"), []),
        (("trainer.threads=2",), ["trainer.threads"]),
    ],
)
def test_changed_keys_are_those_that_change_the_numbers(overrides: tuple[str, ...], keys: list[str]) -> None:
    changed = changes(config_of(), config_of(*overrides), "resume")
    assert [key for key in changed if not any(key.startswith(f"{name}.") for name in keys)] == [
        key for key in keys if key in changed
    ]
    assert bool(changed) is bool(keys)


def test_more_epochs_change_the_numbers_of_a_schedule_that_stretches_over_them() -> None:
    for scheduler, changed in (("constant", []), ("one_cycle", ["trainer.epochs"])):
        before, after = (config_of(f"scheduler={scheduler}", f"trainer.epochs={epochs}") for epochs in (3, 4))
        assert list(changes(before, after, "resume")) == changed
