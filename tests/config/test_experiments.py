"""Experiments, the published results they are compared with, and former names."""

from __future__ import annotations

import re
from typing import Any

import pytest

from hydrarec.cli.reproduce import _chosen, _waves
from hydrarec.config.composition import compose_config, plain
from hydrarec.config.experiments import published_rows, renamed_override, todays_overrides
from hydrarec.config.judge import judge
from hydrarec.config.location import conf_dir
from hydrarec.core.errors import ConfigError

FILES = sorted(path.stem for path in (conf_dir() / "experiment").glob("*.yaml"))
ROWS = published_rows()
FIVE_WRITE_UPS = ["A1", "B1", "B2", "B3", "C1", "C1s", "C2", "C2s", "C3", "C3s", "C4", "C4s", "D1", "D2", "D3"]
SIZES = (8, 16, 32, 64)


def config_of(*overrides: str) -> dict[str, Any]:
    return plain(compose_config(overrides))


def test_every_published_number_of_the_sources_is_there() -> None:
    baselines = ["ease", "ials", "itemknn", "mf", "popularity", "puresvd", "userknn", "gmf32"]
    neural = [f"{name.format(size)}" for name in ("mlp{}", "neumf{}", "neumf{}_pretrained") for size in SIZES]
    assert list(ROWS) == sorted([*FIVE_WRITE_UPS, "A2", "E1", *(f"he2017_{name}" for name in [*baselines, *neural])])
    assert [name for name, row in ROWS.items() if not row.published.on_request] == FIVE_WRITE_UPS


@pytest.mark.parametrize("name", ROWS)
def test_row_composes_and_its_metric_is_measured(name: str) -> None:
    from hydra.utils import get_class

    row = ROWS[name]
    config = config_of(*row.overrides, *(f"{key}=run" for key in row.published.starts_from or {}))
    judge(config)
    low, high = row.published.band
    assert low <= high
    objective = config["task"]["objective"]
    part, metric = row.published.metric.removesuffix("/last").split("/", 1)
    assert part in ("val", "test")
    assert metric in get_class(objective["_target_"]).produced(objective)
    assert row.published.first_epoch_beats in (None, *ROWS)


@pytest.mark.parametrize("size", SIZES)
def test_size_decides_all_widths_of_a_network(size: int) -> None:
    typed = f"experiment.size={size}"
    tower = [4 * size, 2 * size, size]
    gmf, mlp, neumf = (config_of(f"experiment=he2017_{name}", typed)["model"] for name in ("gmf", "mlp", "neumf"))
    assert gmf["embedding_dim"] == neumf["gmf_dim"] == size
    assert mlp["embedding_dim"] == neumf["mlp_dim"] == 4 * size
    assert mlp["hidden_dims"] == neumf["hidden_dims"] == tower
    assert "experiment" not in config_of("experiment=he2017_gmf", typed)


def test_size_that_is_no_number_is_refused() -> None:
    with pytest.raises(ConfigError, match="gmf_dim=big"):
        judge(config_of("experiment=he2017_neumf", "experiment.size=big"))


@pytest.mark.parametrize(
    ("ids", "names"),
    [
        ("all", FIVE_WRITE_UPS),
        (["B2"], ["B2"]),
        ("keras_dot", ["B1", "B3"]),
        (["C3s", "A1"], ["C3s", "A1"]),
        ("he2017_*", [name for name in ROWS if name.startswith("he2017_")]),
    ],
)
def test_rows_are_chosen_by_published_id_or_by_experiment(ids: str | list[str], names: list[str]) -> None:
    assert [row.published.id for row in _chosen(ids, ROWS)] == names


def test_unknown_id_is_answered_with_the_nearest() -> None:
    with pytest.raises(ConfigError) as caught:
        _chosen(["he2017_neumf9"], ROWS)
    assert "he2017_neumf8" in caught.value.expected


def test_what_others_start_from_runs_first_and_once() -> None:
    first, later = _waves(_chosen(["he2017_neumf32_pretrained", "he2017_neumf8_pretrained", "he2017_gmf32"], ROWS))
    assert [work.id for work in first] == [
        "he2017_gmf32",
        "he2017_mlp32",
        "he2017_gmf-experiment.size-8",
        "he2017_mlp8",
    ]
    assert [work.published is None for work in first] == [False, False, True, False]
    assert [work.id for work in later] == ["he2017_neumf32_pretrained", "he2017_neumf8_pretrained"]


@pytest.mark.parametrize(
    ("typed", "fix"),
    [
        ("experiment=B2", "experiment=keras_dot_bias"),
        ("experiment=C1s", "experiment=fastai_library_dot_bias split=legacy"),
        ("experiment=he2017_mlp16", "experiment=he2017_mlp experiment.size=16"),
        ("experiment=E1_small", "experiment=ncf_all_users dataset=ml-latest-small-2016"),
        ("experiment=best_ratng", "experiment=best_rating"),
        ("model=e1", "model=ncf_mlp model.embedding_dim=8 model.hidden_dims=[64,32] model.dropout=[0.0,0.0]"
                     " model.init_scale=0.05"),
    ],
)  # fmt: skip
def test_former_name_is_answered_with_what_is_typed_today(typed: str, fix: str) -> None:
    with pytest.raises(ConfigError, match="there is no such") as caught:
        compose_config([typed])
    assert caught.value.fix == fix
    judge(config_of(*fix.split()))


def test_overrides_of_an_old_run_are_read_as_those_of_today() -> None:
    assert todays_overrides(["experiment=B2", "seed=1"]) == ["experiment=keras_dot_bias", "seed=1"]
    assert todays_overrides(["experiment=C3s"]) == ["experiment=fastai_dot_bias", "split=legacy"]
    assert todays_overrides(["experiment=C3s", "split=folds"]) == ["experiment=fastai_dot_bias", "split=folds"]
    assert todays_overrides(["model=mlp", "experiment=wide_net"]) == ["model=mlp", "experiment=wide_net"]


@pytest.mark.e2e
def test_every_former_name_still_composes() -> None:
    for name in (*ROWS, "E1_100k", "E1_1m", "E1_small", *(f"he2017_gmf{size}_start" for size in (8, 16, 64))):
        assert config_of(*renamed_override(f"experiment={name}"))


def test_no_name_needs_a_legend() -> None:
    assert [name for name in FILES if re.fullmatch(r"[A-Z]\d.*", name)] == []
