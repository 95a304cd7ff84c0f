"""Grouping of runs by configuration, of configurations by section, and their names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.reports.comparison.run_folders import make_run

from hydrarec.reports.comparison.groups import Protocol, group_runs
from hydrarec.reports.comparison.naming import name_groups, shown
from hydrarec.runs.survey import read_all


def grouped(tmp_path: Path, *runs: dict[str, Any]) -> list[Protocol]:
    folders = [make_run(tmp_path / f"{n:02d}", {"test/rmse": 1.0}, **settings) for n, settings in enumerate(runs)]
    protocols = group_runs(read_all(map(str, folders)))
    name_groups(protocols)
    return protocols


def seeds(protocols: list[Protocol]) -> list[list[list[int]]]:
    return [[group.seeds for group in protocol.groups] for protocol in protocols]


def test_seeds_are_one_group_and_paths_do_not_matter(tmp_path: Path) -> None:
    [protocol] = grouped(
        tmp_path,
        {"seed": 1},
        {"seed": 0, "output_dir": "elsewhere", "name": "other", "logger__tensorboard": True},
        {"seed": 2, "trainer__threads": 4, "dataset__path": "moved.csv", "resume": "x", "published": {"id": "X"}},
    )
    assert seeds([protocol]) == [[[0, 1, 2]]]


def test_a_setting_makes_another_group_under_the_same_heading(tmp_path: Path) -> None:
    [protocol] = grouped(tmp_path, {}, {"model__embedding_dim": 16}, {"task__objective__loss": "mae"})
    assert len(protocol.groups) == 3


@pytest.mark.parametrize(
    "other",
    [
        {"data": "d2"},
        {"split": "another"},
        {"split_seed": 1},
        {"split__val": 0.2},
        {"task": "ranking"},
        {"dataset__name": "large"},
        {"trainer__limit_batches": 2},
        {"task__datamodule__num_candidates": 99},
    ],
)
def test_another_protocol_is_another_heading(tmp_path: Path, other: dict[str, Any]) -> None:
    assert len(grouped(tmp_path, {}, {"seed": 5, **other})) == 2


def test_split_that_follows_the_seed(tmp_path: Path) -> None:
    runs = [{"model": model, "seed": seed, "split_seed": seed} for model in ("Dot", "BiasedDot") for seed in range(3)]
    [protocol] = grouped(tmp_path, *runs, {"model": "MLP", "seed": 1, "split_seed": 1})
    assert protocol.follows
    assert protocol.split_fingerprints == {0: "s0", 1: "s1", 2: "s2"}
    assert seeds([protocol]) == [[[0, 1, 2], [0, 1, 2], [1]]]


def test_split_that_stays_while_seeds_change(tmp_path: Path) -> None:
    runs = [{"seed": seed} for seed in range(3)]  # seed 0 meets split.seed 0 by chance
    [protocol] = grouped(tmp_path, *runs, {"model": "MLP"})
    assert not protocol.follows
    assert seeds([protocol]) == [[[0, 1, 2], [0]]]


def test_following_splits_with_other_fingerprints_are_apart(tmp_path: Path) -> None:
    runs = [{"seed": seed, "split_seed": seed} for seed in range(2)]
    others = [{"model": "MLP", "seed": seed, "split_seed": seed, "split": f"new{seed}"} for seed in range(2)]
    assert seeds(grouped(tmp_path, *runs, *others)) == [[[0, 1]], [[0, 1]]]


def test_the_first_look_counts_and_every_look_is_counted(tmp_path: Path) -> None:
    [protocol] = grouped(
        tmp_path, {"started": "2026-01-02"}, {"started": "2026-01-01"}, {"started": "2026-01-03"}, {"seed": 1}
    )
    [group] = protocol.groups
    assert [run.started[:10] for run in group.runs] == ["2026-01-01", "2026-01-01"]
    assert [run.seed for run in group.runs] == [0, 1]
    assert len(group.repeats) == 2
    assert group.looks == 4


def names(protocols: list[Protocol]) -> list[list[str]]:
    return [[group.name for group in protocol.groups] for protocol in protocols]


def test_named_by_what_differs_within_a_model(tmp_path: Path) -> None:
    protocols = grouped(
        tmp_path,
        {"overrides": ("model=dot",)},
        {"overrides": ("model=dot",), "model__embedding_dim": 16},
        {"model": "BiasedDot"},
        {"task": "ranking", "overrides": ("model=dot",)},
    )
    assert names(protocols) == [["dot embedding_dim=8", "dot embedding_dim=16", "BiasedDot"], ["dot embedding_dim=8"]]


def test_names_say_as_much_as_it_takes(tmp_path: Path) -> None:
    [found] = names(
        grouped(
            tmp_path,
            {"model__l2": 0.1, "optimizer__l2": 1e-5},
            {"model__l2": 0.1, "optimizer__l2": 0.0},
            {"model__l2": 0.2, "optimizer___target_": "hydrarec.training.optim.optimizers.sgd", "optimizer__l2": 0.0},
        )
    )
    assert found == [
        "Dot model.l2=0.1 optimizer=adam optimizer.l2=1e-05",
        "Dot model.l2=0.1 optimizer=adam optimizer.l2=0",
        "Dot model.l2=0.2 optimizer=sgd optimizer.l2=0",
    ]


def test_groups_of_one_heading_never_share_a_name(tmp_path: Path) -> None:
    runs = [{"model__hidden": hidden} for hidden in ([8, 4], [8], [], None, "8,4")]
    [found] = names(grouped(tmp_path, *runs, {"model__extra": None}, {"model__hidden": {"a": 1}}))
    assert len(set(found)) == len(found)


@pytest.mark.parametrize(
    ("value", "text"), [(None, "–"), (0.30000000000000004, "0.3"), ([64, 32], "[64,32]"), (True, "True"), ("x", "x")]
)
def test_values_as_people_write_them(value: object, text: str) -> None:
    assert shown(value) == text


def test_runs_without_a_result_are_told_of_their_configuration(tmp_path: Path) -> None:
    folders = [make_run(tmp_path / f"{seed}", {"test/rmse": 1.0}, seed=seed) for seed in range(4)]
    folders.append(make_run(tmp_path / "other", {"test/rmse": 1.0}, model="MLP"))
    for folder, error in ((folders[2], '{"what": "x"}'), (folders[3], '{"code": "pruned", "what": "hopeless"}')):
        (folder / "result.json").unlink()
        (folder / "run.json").unlink()  # it never saw the data
        (folder / "error.json").write_text(error)
    [protocol] = group_runs(read_all(map(str, folders)))
    assert [[run.seed for run in group.lost] for group in protocol.groups] == [[2], []]
    assert [run.seed for run in protocol.pruned] == [3]
