"""Every shipped dataset configuration: complete, instantiable, with an official address and a digest or counts."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any

import pytest
from hydra.utils import get_class, instantiate
from omegaconf import OmegaConf

CONF = Path(__file__).parents[2] / "conf" / "dataset"
NAMES = sorted(path.stem for path in CONF.glob("*.yaml"))
PUBLISHED = [name for name in NAMES if name.startswith("ml-")]


def configured(name: str) -> Any:
    config = OmegaConf.load(CONF / f"{name}.yaml")
    config.pop("defaults", None)  # what goes with it in other groups
    if name == "csv":
        config.path = "ratings.csv"
    return config


def test_the_datasets_of_the_design_are_there() -> None:
    assert set(NAMES) >= {
        *("ml-100k", "ml-latest-small", "ml-latest-small-2016", "ml-1m", "ml-10m", "ml-20m", "ml-25m", "ml-32m"),
        *("csv", "he2017", "synthetic"),
    }


@pytest.mark.parametrize("name", NAMES)
def test_each_can_be_made_and_has_its_file_name(name: str) -> None:
    source = instantiate(configured(name), _convert_="all")
    assert source.name == name
    assert callable(source.load)
    assert callable(source.official_fold)


@pytest.mark.parametrize("name", NAMES)
def test_defaults_stand_in_the_yaml_only(name: str) -> None:
    def judge(node: Any) -> None:
        if not isinstance(node, dict):
            return
        if "_target_" in node:
            parameters = inspect.signature(get_class(node["_target_"])).parameters
            assert set(parameters) == set(node) - {"_target_"}
            assert all(parameter.default is inspect.Parameter.empty for parameter in parameters.values())
        for inner in node.values():
            judge(inner)

    judge(OmegaConf.to_container(configured(name)))


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_datasets_are_fully_described(name: str) -> None:
    config = configured(name)
    assert config.about.homepage.startswith("https://")
    assert config.about.licence
    assert "Harper" in config.about.citation
    assert all(isinstance(config.expected[what], int) for what in ("ratings", "users", "items"))
    assert (config.scale.low, config.scale.high) in {(0.5, 5.0), (1.0, 5.0)}
    if config.archive.url is not None:
        assert config.archive.url == f"https://files.grouplens.org/datasets/movielens/{name}.zip"
    for digest, length in ((config.archive.sha256, 64), (config.archive.md5, 32), (config.ratings_sha256, 64)):
        assert digest is None or re.fullmatch(rf"[0-9a-f]{{{length}}}", digest)
    if name != "ml-latest-small":  # replaced upstream under its name
        assert config.archive.sha256 or config.archive.md5 or config.ratings_sha256


@pytest.mark.parametrize("name", PUBLISHED)
def test_half_stars_came_after_the_first_two(name: str) -> None:
    assert configured(name).scale.step == (1.0 if name in ("ml-100k", "ml-1m") else 0.5)
