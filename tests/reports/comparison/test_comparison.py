"""Comparisons of groups of runs: differences calculated by hand, and the expected verdicts."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest
from scipy import stats
from tests.reports.comparison.run_folders import make_ranked_run, make_run

from hydrarec.reports.comparison import wording
from hydrarec.reports.comparison.comparison_settings import ReportConfig
from hydrarec.reports.comparison.content import Cell, Contents, contents
from hydrarec.reports.comparison.contrasts import Comparer, Comparison, corrected
from hydrarec.reports.comparison.outcomes import outcomes_of
from hydrarec.runs.survey import find, read_all
from hydrarec.tasks.metrics.registry import counterpart, select_keys

SETTINGS = ReportConfig(
    runs="",
    name="report",
    output_dir="reports",
    check=None,
    metrics=["rmse", "mae", "hr@10", "ndcg@10"],
    side_by_side=["rmse", "hr@10"],
    costs=["seconds", "samples/s", "parameters", "peak MiB"],
    compare=20,
    curves=8,
    alpha=0.05,
    power=0.8,
    resamples=500,
    seed=0,
)


def read(folder: Path) -> Contents:
    return contents(read_all(find(str(folder))), SETTINGS)


def errors(seed: int, scale: float = 1.0, count: int = 400) -> np.ndarray:
    """Of ratings that are easy or hard for every model alike, plus noise of the seed."""
    ratings = np.random.default_rng(99).normal(size=count)
    return scale * ratings + 0.02 * np.random.default_rng(seed).normal(size=count)


def test_difference_of_rmse_over_ratings_by_hand(tmp_path: Path) -> None:
    first, second = np.array([3.0, 4.0, 0.0, 0.0]), np.array([3.0, 0.0, 0.0, 0.0])
    make_run(tmp_path / "a", errors=first)
    make_run(tmp_path / "b", model="BiasedDot", errors=second)
    [section] = read(tmp_path).sections
    [comparison] = section.comparisons["test/rmse"]
    # √(25/4) = 2.5 against √(9/4) = 1.5; over ratings (9−9, 16−0, 0, 0) / (2.5 + 1.5), whose mean is 1.
    assert (comparison.mean_first, comparison.mean_second) == (1.5, 2.5)
    assert comparison.difference == pytest.approx(-1.0)
    assert comparison.p == pytest.approx(stats.ttest_1samp([0.0, 4.0, 0.0, 0.0], 0.0).pvalue)
    assert (comparison.unit, comparison.count) == ("ratings", 4)


def test_mean_over_units_is_the_difference_of_the_table(tmp_path: Path) -> None:
    for seed in range(3):
        make_run(tmp_path / f"a{seed}", seed=seed, errors=errors(seed))
        make_run(tmp_path / f"b{seed}", seed=seed, errors=errors(seed + 10, 1.1), model="BiasedDot")
    [section] = read(tmp_path).sections
    best, other = section.groups
    for metric in ("test/rmse", "test/mae"):
        unit, differences = Comparer(SETTINGS)._unit_differences(best, other, metric, (0, 1, 2)) or ("", np.empty(0))
        table = section.cell(best, metric).mean - section.cell(other, metric).mean
        assert differences.mean() == pytest.approx(table, abs=1e-12)
        assert unit == "ratings"


def test_users_are_paired_in_ranking(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    ranks = generator.integers(0, 60, 300)
    make_ranked_run(tmp_path / "a", ranks)
    make_ranked_run(tmp_path / "b", ranks + 8, model="BiasedDot")
    [section] = read(tmp_path).sections
    assert section.primary == "test/ndcg@10/full"
    [comparison] = section.comparisons["test/hr@10/full"]
    hits = (ranks < 10).astype(float) - (ranks + 8 < 10)
    assert comparison.unit == "users"
    assert comparison.p == pytest.approx(stats.ttest_1samp(hits, 0).pvalue)
    assert comparison.p_wilcoxon == pytest.approx(stats.wilcoxon(hits).pvalue)
    assert comparison.effect == pytest.approx(hits.mean() / hits.std(ddof=1))
    assert comparison.distinguishable
    assert comparison.first_is_better


def test_better_over_ratings_and_seeds_is_better(tmp_path: Path) -> None:
    for seed in range(3):
        make_run(tmp_path / f"a{seed}", seed=seed, errors=errors(seed))
        make_run(tmp_path / f"b{seed}", seed=seed, errors=errors(seed + 10, 1.1), model="BiasedDot")
    [section] = read(tmp_path).sections
    [comparison] = section.comparisons["test/rmse"]
    assert comparison.distinguishable
    assert comparison.seeds == (0, 1, 2)
    assert wording.sentence(comparison).startswith("Dot beats BiasedDot by 9.2 % ± 1.3 (95 %), ")
    assert "p < .001 after Holm (400 ratings, 3 seeds)" in wording.sentence(comparison)
    assert comparison.interval[0] < comparison.difference < comparison.interval[1] < 0
    cells = [section.cell(group, "test/rmse") for group in section.groups]
    assert [(cell.best, cell.tied, cell.n) for cell in cells if cell] == [(True, False, 3), (False, False, 3)]


def test_more_than_ratings_may_say_but_less_than_seeds_do(tmp_path: Path) -> None:
    for seed, scale in enumerate((1.00, 1.05, 1.20)):
        make_run(tmp_path / f"a{seed}", seed=seed, errors=errors(seed, 1.02))
        make_run(tmp_path / f"b{seed}", seed=seed, errors=errors(seed + 10, scale), model="BiasedDot")
    [section] = read(tmp_path).sections
    [comparison] = section.comparisons["test/rmse"]
    assert comparison.holm < 0.001
    assert comparison.p_seeds > 0.05
    assert not comparison.distinguishable
    assert "over the 3 seeds" in wording.sentence(comparison)
    assert [cell.tied for group in section.groups if (cell := section.cell(group, "test/rmse"))] == [False, True]


def test_equal_predictions_are_not_distinguishable(tmp_path: Path) -> None:
    make_run(tmp_path / "a", errors=errors(0))
    make_run(tmp_path / "b", errors=errors(0), model="BiasedDot")
    [section] = read(tmp_path).sections
    [comparison] = section.comparisons["test/rmse"]
    assert (comparison.difference, comparison.p, comparison.distinguishable) == (0.0, 1.0, False)
    assert "0.0 % ± 0 (95 %), p = 1 after Holm" in wording.sentence(comparison)


def test_without_outcomes_only_seeds_speak(tmp_path: Path) -> None:
    for seed in range(3):
        make_run(tmp_path / f"a{seed}", {"test/rmse": 0.90 + 0.001 * seed}, seed=seed)
        make_run(tmp_path / f"b{seed}", {"test/rmse": 0.95 + 0.002 * seed}, seed=seed, model="BiasedDot")
    [section] = read(tmp_path).sections
    [comparison] = section.comparisons["test/rmse"]
    assert (comparison.unit, comparison.count) == ("seeds", 3)
    assert comparison.p == comparison.p_seeds == pytest.approx(stats.ttest_1samp([0.05, 0.051, 0.052], 0).pvalue)


def test_seeds_of_their_own_are_not_paired(tmp_path: Path) -> None:
    for seed in range(2):
        make_run(tmp_path / f"a{seed}", seed=seed, errors=errors(seed))
        make_run(tmp_path / f"b{seed}", seed=seed + 5, errors=errors(seed + 5, 1.1), model="BiasedDot")
    [section] = read(tmp_path).sections
    [comparison] = section.comparisons["test/rmse"]
    values = [list(group.values("test/rmse").values()) for group in section.groups]
    assert comparison.seeds == ()
    assert comparison.p_seeds == pytest.approx(stats.ttest_ind(*values, equal_var=False).pvalue)
    assert comparison.count == 400


@pytest.mark.parametrize("damage", ["cut", "missing", "of another run"])
def test_outcomes_that_cannot_be_believed_are_left_out(tmp_path: Path, damage: str) -> None:
    folder = make_run(tmp_path / "a", errors=errors(0))
    path = folder / "predictions.npz"
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:100])
    elif damage == "missing":
        path.unlink()
    else:
        path.write_bytes((make_run(tmp_path / "b", errors=errors(1, 1.5)) / "predictions.npz").read_bytes())
    [run] = read_all([str(folder)])
    assert outcomes_of(run, "test/rmse") is None


def test_each_comparison_pays_for_the_others(tmp_path: Path) -> None:
    for number, model in enumerate(("Dot", "BiasedDot", "MLP", "GMF")):
        make_run(tmp_path / model, model=model, errors=errors(number, 1 + 0.002 * number))
    [section] = read(tmp_path).sections
    comparisons = section.comparisons["test/rmse"]
    assert len(comparisons) == 3
    assert all(found.p <= found.benjamini_hochberg <= found.holm for found in comparisons)
    assert max(found.holm / found.p for found in comparisons) == pytest.approx(3)


def comparison(**changes: object) -> Comparison:
    plain = Comparison(
        metric="test/rmse",
        first="A",
        second="B",
        mean_first=0.992,
        mean_second=1.0,
        difference=-0.008,
        interval=(-0.011, -0.005),
        unit="ratings",
        count=1000,
        p=0.001,
        p_wilcoxon=0.002,
        p_seeds=0.01,
        effect=-0.1,
        detectable=0.004,
        seeds=(0, 1, 2),
        alpha=0.05,
        holm=0.002,
    )
    return dataclasses.replace(plain, **changes)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "A beats B by 0.8 % ± 0.3 (95 %), p = .002 after Holm (1,000 ratings, 3 seeds)"),
        (
            {"metric": "test/hr@10/full"},
            "B beats A by 0.8 % ± 0.3 (95 %), p = .002 after Holm (1,000 ratings, 3 seeds)",
        ),
        (
            {"seeds": (0,), "p_seeds": math.nan, "holm": 1e-9},
            "p < .001 after Holm (1,000 ratings, one seed: its noise is",
        ),
        ({"holm": 0.2}, "A and B are not distinguishable: they differ by 0.8 % ± 0.3 (95 %), p = .200 after Holm"),
        ({"holm": 0.2}, "1,000 ratings could have shown 0.0040 (0.4 %)"),
        ({"p_seeds": 0.3}, "over the 3 seeds p = .300: as much as seeds may differ"),
        ({"same_configuration": True}, "they are one configuration, and what differs is the noise of the seed"),
        ({"holm": math.nan, "interval": (math.nan, math.nan), "count": 0}, "differ by 0.8 %, p unknown after Holm"),
    ],
)
def test_words(changes: dict[str, object], words: str) -> None:
    assert words in wording.sentence(comparison(**changes))


def test_corrected_keeps_the_order() -> None:
    found = corrected([comparison(p=0.04), comparison(p=0.001, p_wilcoxon=0.5), comparison(p=math.nan)])
    assert [entry.holm for entry in found[:2]] == [0.04, 0.002]
    assert math.isnan(found[2].holm)


def test_columns_are_the_wanted_metrics_of_the_test_part() -> None:
    available = ["val/rmse", "test/rmse", "test/rmse/last", "test/hr@10/sampled99", "test/hr@10/sampled99/cls"]
    available += ["test/hr@10/full", "test/hr@5/full"]
    wanted = ["hr@10", "rmse", "mae"]
    assert select_keys(available, wanted) == ["test/hr@10/sampled99", "test/hr@10/full", "test/rmse"]
    assert select_keys(["val/rmse", "val/loss"], wanted) == ["val/rmse"]
    assert counterpart("val/rmse", available) == "test/rmse"
    assert counterpart("val/rmse", ["val/rmse"]) == "val/rmse"
    assert counterpart(None, available) is None


def test_cell_by_hand() -> None:
    assert Cell.of([1.0, 2.0, 3.0]) == Cell(2.0, 1.0, 3)
    assert math.isnan(Cell.of([1.0]).sd)
    assert Cell.of([]) is None
