"""Table of roles that identifies a run: every setting has a role; hash, resume, replay and report use it."""

from __future__ import annotations

import dataclasses
import hashlib
import json

import pytest

from hydrarec.config.composition import compose_config, plain
from hydrarec.config.schema import TrainConfig
from hydrarec.runs.identity import ROLES, Settings, changes, config_hash, flat, role_of


def test_a_longer_key_has_precedence_and_the_rest_is_the_models_own() -> None:
    assert role_of("split.val").use == "protocol"
    assert role_of("split.seed").use == "seed"
    assert role_of("dataset.name").may_change == ()
    assert role_of("dataset.path").may_change == ("replay",)
    assert role_of("trainer.accelerator").use == "own"
    assert role_of("splitter").use == "own"  # no key below split


def test_the_table_names_real_settings() -> None:
    names = {field.name for field in dataclasses.fields(TrainConfig)} | {"hydra", "sweep"}
    assert {key.split(".")[0] for key in ROLES} <= names
    configs = [
        plain(compose_config([f"task={task}", "dataset=csv", "dataset.path=x"])) for task in ("rating", "ranking")
    ]
    keys = {key for config in configs for key in flat(config)}
    nested = [key for key in ROLES if "." in key]
    assert [key for key in nested if not any(known == key or known.startswith(f"{key}.") for known in keys)] == []


def test_what_is_not_hashed_may_always_change() -> None:
    labels = [key for key, role in ROLES.items() if not role.hashed and key != "hydra"]
    assert labels == ["name", "resume", "replay", "output_dir", "logger", "published", "save_data"]
    assert all(ROLES[key].may_change == ("resume", "replay") for key in labels)


@pytest.mark.parametrize(
    ("override", "resume", "replay"),
    [
        ("trainer.epochs=9", [], ["trainer.epochs"]),
        ("trainer.checkpoint_seconds=1", [], []),
        ("dataset.path=y", ["dataset.path"], []),
        ("save_predictions=false", ["save_predictions"], ["save_predictions"]),
        ("name=x", [], []),
    ],
)
def test_what_may_change_when_a_run_starts_again(override: str, resume: list[str], replay: list[str]) -> None:
    base = ["dataset=csv", "dataset.path=x"]
    old, new = plain(compose_config(base)), plain(compose_config([*base, override]))
    assert list(changes(old, new, "resume")) == resume
    assert list(changes(old, new, "replay")) == replay


def test_changes_have_both_values() -> None:
    old = {"scheduler": {"_target_": "a.constant"}, "model": {"l2": 0.0, "gone": 1}}
    new = {"scheduler": {"_target_": "a.constant"}, "model": {"l2": 0.1}}
    assert changes(old, new, "replay") == {"model.gone": (1, None), "model.l2": (0.0, 0.1)}


def test_settings_are_divided_into_the_models_own_and_the_protocols() -> None:
    config = {
        "seed": 3,
        "name": "x",
        "split": {"seed": 3, "val": 0.1},
        "task": {"name": "rating", "monitor": "val/rmse", "datamodule": {"eval_memory": 1, "batch_size": 2}},
        "trainer": {"threads": 1, "epochs": 2, "limit_batches": None},
    }
    own, protocol = Settings().of(config)
    assert own.values == {"task.monitor": "val/rmse", "task.datamodule.batch_size": 2, "trainer.epochs": 2}
    assert protocol.values == {"split.val": 0.1, "task.name": "rating", "trainer.limit_batches": None}
    other = Settings().of({**config, "seed": 4, "split": {"seed": 4, "val": 0.1}})
    assert (other[0].text, other[1].text) == (own.text, protocol.text)


def test_the_hash_is_the_one_that_older_runs_recorded() -> None:
    """The hash names run folders, by which sweeps and reproductions find finished runs."""
    config = {"seed": 0, "model": {"l2": 0.1}, "name": "a", "hydra": {}, "logger": {"tensorboard": True}}
    kept = json.dumps({"model": {"l2": 0.1}, "seed": 0}).encode()
    assert config_hash(config) == hashlib.sha256(kept).hexdigest()[:8]


def test_a_setting_newer_than_the_run_is_no_change() -> None:
    old = {"trainer": {"epochs": 3}, "callbacks": {}, "model": {"_target_": "a"}}
    newer = {"trainer": {"epochs": 3, "compile": False}, "callbacks": {}, "model": {"_target_": "a"}}
    assert changes(old, newer, "resume") == {}
    assert changes(newer, old, "resume") == {"trainer.compile": (False, None)}
    more = old | {"callbacks": {"early": {"patience": 2}}}  # not a newer setting: another part
    assert changes(old, more, "resume")
