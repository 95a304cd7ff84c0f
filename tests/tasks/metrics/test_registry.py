"""The registry of metrics: parsing of names, and adding a metric by a single entry."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tests.conftest import Execute, history_of
from tests.reports.comparison.test_comparison import SETTINGS

from hydrarec.cli.train import print_summary
from hydrarec.reports.comparison.comparison_page import document
from hydrarec.reports.comparison.content import contents
from hydrarec.reports.writers import markdown
from hydrarec.runs.reader import RunReader
from hydrarec.runs.survey import find, read_all
from hydrarec.tasks.metrics.registry import METRICS, Measure, Metric, better, lower_is_better, measures, validation_key

CLOSE = Metric(
    "close",
    "within 1",
    "share of the ratings that are predicted to within 1",
    "ratings",
    lambda errors: 1.0 * (abs(errors) <= 1),
    shown=True,
    drawn=True,
    digits=3,
)
F1 = Metric(
    "f1",
    "F1",
    "harmonic mean of precision and recall",
    "ranks",
    lambda top: 2 * top.hits / (top.k + top.num_relevant),
    at_k=True,
    shown=True,
)
RANKING = ("task=ranking", "model=gmf", "task.datamodule.num_candidates=9", "task.objective.num_candidates=9")


@pytest.mark.parametrize(
    ("metric", "name", "key", "unit", "overrides"),
    [
        (CLOSE, "close", "close", "ratings", ()),
        pytest.param(F1, "f1@10", "f1@10/sampled9", "held-out items", RANKING, marks=pytest.mark.e2e),
        (F1, "f1@10", "f1@10/full", "users", RANKING),
    ],
)
def test_a_new_metric_is_one_entry(
    metric: Metric,
    name: str,
    key: str,
    unit: str,
    overrides: tuple[str, ...],
    execute: Execute,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setitem(METRICS, metric.name, metric)
    for number, epochs in (("1", 1), ("2", 3)):
        folder = tmp_path / "runs" / number
        monitored = (f"task.monitor=val/{key}", "task.mode=max", f"trainer.epochs={epochs}", "logger=tensorboard")
        result = execute(folder, *overrides, *monitored)
    assert 0 <= result["metrics"][f"test/{key}"] <= 1
    assert result["selected"]["by"] == f"val/{key}"
    rows = history_of(folder)
    assert float(rows[result["selected"]["epoch"] - 1][f"val/{key}"]) == max(float(row[f"val/{key}"]) for row in rows)

    head = next(line for line in capfd.readouterr().err.splitlines() if "train loss" in line)
    assert ("val within 1" if metric is CLOSE else f"val/{key}") in head
    print_summary(RunReader(folder), result)
    assert f"test/{key} {metric.format(result['metrics'][f'test/{key}'])}" in capfd.readouterr().out

    events = EventAccumulator(str(folder / "tensorboard"))
    events.Reload()
    assert {f"val/{key}", f"final/test/{key}"} <= set(events.Tags()["scalars"])
    [layout] = events.Tensors("custom_scalars__config__")
    assert f"validation {metric.label}".encode() in layout.tensor_proto.string_val[0]

    settings = dataclasses.replace(SETTINGS, metrics=[name])
    settings.judge_columns()
    report = contents(read_all(find(str(tmp_path / "runs"))), settings)
    [section] = report.sections
    assert f"test/{key}" in section.metrics
    [comparison] = section.comparisons[f"test/{key}"]
    assert (comparison.unit, comparison.count > 30) == (unit, True)
    means = [section.cell(group, f"test/{key}").mean for group in section.groups]  # type: ignore[union-attr]
    assert abs(comparison.difference) == pytest.approx(max(means) - min(means), abs=1e-12)
    assert comparison.first_is_better or comparison.difference == 0
    assert f"test/{key}" in markdown.render(document(report, tmp_path), figures=None)


def test_values_of_a_new_metric_by_hand() -> None:
    assert CLOSE.values(np.array([0.5, -1.0, 2.0])).tolist() == [1, 1, 0]


@pytest.mark.parametrize(
    ("key", "name", "parts"),
    [
        ("test/hr@10/full", "hr@10", ("test", 10, "full", "")),
        ("val/hr@10/sampled99/unbiased", "hr@10", ("val", 10, "sampled99", "unbiased")),
        ("val/rmse/last", "rmse", ("val", None, "", "last")),
        ("train/loss", "loss", ("train", None, "", "")),
        ("auc/full", "auc", ("", None, "full", "")),
    ],
)
def test_the_parts_of_a_key(key: str, name: str, parts: tuple[str, int | None, str, str]) -> None:
    measure = Measure.parse(key)
    assert measure is not None
    assert (measure.part, measure.k, measure.protocol, measure.variant) == parts
    assert (measure.name, measure.key) == (name, key)


@pytest.mark.parametrize(
    "key", ["", "seconds", "hr", "hr@0/full", "rmse@10", "prediction/1/2", "test/hr@10/other/last"]
)
def test_what_is_no_metric(key: str) -> None:
    assert Measure.parse(key) is None


def test_directions() -> None:
    lower = {name for name in METRICS if lower_is_better(Measure(METRICS[name], 1 if METRICS[name].at_k else None).key)}
    assert lower == {"rmse", "mae", "loss", "gini"}  # a Gini of 0: every item is shown equally often
    assert better("test/rmse", 0.8, 0.9)
    assert better("test/ndcg@10/full", 0.9, 0.8)
    assert not lower_is_better("prediction/1/2")


def test_the_key_in_the_history() -> None:
    assert validation_key("test/rmse") == validation_key("val/rmse/last") == "val/rmse"
    assert validation_key("test/hr@10/sampled99") == "val/hr@10/sampled99"


def test_the_order_of_names_is_that_of_history_csv() -> None:
    names = [measure.name for measure in measures("ranks", [1, 5])]
    each = ("hr", "recall", "precision", "ndcg", "mrr", "map")
    assert names == [f"{name}@{k}" for k in (1, 5) for name in each] + ["auc"]


def test_it_describes_without_torch_and_numpy() -> None:
    code = "import sys, hydrarec.tasks.metrics.registry; sys.exit(bool({'torch', 'numpy'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_metric_is_that_of_the_mean_of_its_units() -> None:
    """√9 − √4 over (√9 + √4) · the difference of the means: the slope turns one into the other."""
    rmse = METRICS["rmse"]
    assert rmse.of_mean(9.0) - rmse.of_mean(4.0) == (9.0 - 4.0) / rmse.slope(9.0, 4.0) == 1.0
    assert rmse.slope(0.0, 0.0) == 1.0
    assert METRICS["mae"].of_mean(9.0) == 9.0
