"""Search spaces: Hydra's sweep syntax converted for Optuna, and the shipped spaces."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest
from hydra.utils import get_class
from omegaconf import DictConfig, OmegaConf

from hydrarec.config.composition import compose_config, parse_overrides, plain
from hydrarec.config.judge import judge
from hydrarec.config.location import conf_dir
from hydrarec.core.errors import ConfigError
from hydrarec.sweeps.space import Choice, Numbers, Space, corners, dimension_of, is_dimension, read_space

MODELS = sorted(path.stem for path in (conf_dir() / "model").glob("*.yaml"))
SHIPPED = [
    "bayesian_svdpp", "bias", "biased_dot", "dot", "ease", "gmf", "i_autorec", "ials", "item_knn", "lightgcn", "mf", "mlp",
    "multi_vae", "ncf_mlp", "neumf", "onehot_mlp", "popularity", "pure_svd", "svdpp", "u_autorec", "user_knn",
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "dimension"),
    [
        ("interval(0.0, 0.8)", Numbers("k", 0.0, 0.8, None, False)),
        ("tag(log, interval(1e-4, 0.1))", Numbers("k", 1e-4, 0.1, None, True)),
        ("int(interval(1, 9))", Numbers("k", 1, 9, None, False)),
        ("range(1, 5)", Numbers("k", 1, 4, 1, False)),
        ("range(8, 65, 8)", Numbers("k", 8, 64, 8, False)),
        ("choice(16, 32)", Choice("k", ("16", "32"), (16, 32))),
        ("choice([64], [64,32])", Choice("k", ("[64]", "[64,32]"), ([64], [64, 32]))),
    ],
)
def test_words_of_hydra_are_read(text: str, dimension: object) -> None:
    assert read_space({"k": text}) == [dimension]


@pytest.mark.parametrize("text", ["3", "[1,2]", "word"])
def test_one_value_is_no_space(text: str) -> None:
    with pytest.raises(ConfigError, match="leaves nothing to choose"):
        read_space({"k": text})


def test_inherited_dimension_is_left_out_by_null() -> None:
    assert read_space({"a": None, "k": "choice(1, 2)"}) == [Choice("k", ("1", "2"), (1, 2))]


def test_model_without_a_space_has_nothing_to_search(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "plain.yaml").write_text("_target_: hydrarec.models.popularity.Popularity\n")
    composed = compose_config([f"hydra.searchpath=[{tmp_path.as_uri()}]", "model=plain"])
    assert read_space(composed.sweep.space) == []


@pytest.mark.parametrize(
    ("text", "is_one"),
    [("1,2", False), ("choice(1,2)", True), ("interval(0,1)", True), ("range(3)", True), ("1", False)],
)
def test_plain_list_asks_for_a_search_each(text: str, is_one: bool) -> None:
    assert is_dimension(parse_overrides([f"seed={text}"])[0]) is is_one


@pytest.mark.parametrize(
    ("text", "value", "parameter"),
    [
        ("interval(0.0, 0.8)", 0.6, 0.6),
        ("interval(0.0, 0.8)", 0.9, None),
        ("int(interval(1, 9))", 2.5, None),
        ("range(8, 65, 8)", 16, 16),
        ("range(8, 65, 8)", 12, None),
        ("choice([64], [64,32])", [64, 32], "[64,32]"),
        ("choice(1, 2)", True, None),
    ],
)
def test_default_is_found_in_its_space(text: str, value: object, parameter: object) -> None:
    assert dimension_of(parse_overrides([f"k={text}"])[0]).parameter(value) == parameter


@cache
def composed_space(model: str) -> tuple[list[str], DictConfig, Space]:
    """Overrides that choose the model under a task it serves, what they compose, and the space a search would take."""
    overrides = [f"model={model}", "task=rating"]
    if "rating" not in get_class(compose_config(overrides).model._target_).tasks:
        overrides[1] = "task=ranking"
    if model == "bayesian_svdpp":
        overrides.append("trainer.epochs=200")  # more than its burn-in
    composed = compose_config(overrides)
    return overrides, composed, read_space(composed.sweep.space)


@pytest.mark.parametrize("model", MODELS)
def test_space_of_a_model_holds_its_defaults(model: str) -> None:
    overrides, composed, space = composed_space(model)  # empty: a search of this model asks for dimensions
    for dimension in space:
        assert dimension.parameter(OmegaConf.select(composed, dimension.key)) is not None, dimension
    for corner in corners(space):
        judge(plain(compose_config([*overrides, *corner])))


def test_models_that_ship_have_a_space() -> None:
    """All but popularity, which has no settings. A model that somebody adds need not have one."""
    spaceless = {model for model in SHIPPED if not composed_space(model)[2]}
    assert spaceless == {"popularity"}


def test_corners_hold_every_end() -> None:
    space = read_space({"a": "interval(0.0, 0.5)", "b": "choice(1, 2, 3)"})
    assert corners(space) == [["a=0.0", "b=1"], ["a=0.5", "b=2"], ["a=0.5", "b=3"]]
    assert corners([]) == []
