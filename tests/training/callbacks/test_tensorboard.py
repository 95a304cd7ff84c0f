"""TensorBoard's view of a run and of a sweep: event files, a real server on 127.0.0.1, and a browser."""

from __future__ import annotations

import dataclasses
import json
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.custom_scalar import layout_pb2
from tensorboard.plugins.hparams import plugin_data_pb2
from tests.conftest import TIME_LIMIT, Execute, killed_after, tree_digest
from tests.reports.comparison.test_comparison import SETTINGS

from hydrarec.core.errors import InterruptedRun
from hydrarec.reports.comparison.report_output import publish
from hydrarec.training.callbacks.checkpoints import Checkpoints
from hydrarec.training.callbacks.tensorboard_log import layout

EPOCH_SCALARS = {
    "train/loss",
    "val/loss",
    "val/rmse",
    "val/mae",
    "optimizer/learning_rate",
    "time/epoch_seconds",
    "time/samples_per_second",
}


@pytest.fixture
def run(execute: Execute, tmp_path: Path) -> tuple[Path, dict[str, Any]]:
    folder = tmp_path / "runs" / "one"
    return folder, execute(folder, "logger=tensorboard")


def test_event_files_hold_scalars_text_and_hparams(run: tuple[Path, dict[str, Any]]) -> None:
    folder, result = run
    events = EventAccumulator(str(folder / "tensorboard"))
    events.Reload()
    scalars = set(events.Tags()["scalars"])
    assert scalars >= EPOCH_SCALARS
    assert [event.step for event in events.Scalars("val/rmse")] == [1, 2]
    assert "config/text_summary" in events.Tags()["tensors"]
    assert "hp_metric" not in scalars
    assert events.Scalars("final/test/rmse")[0].value == pytest.approx(result["metrics"]["test/rmse"], abs=1e-6)


def test_hparams_are_the_settings_each_once(run: tuple[Path, dict[str, Any]]) -> None:
    events = EventAccumulator(str(run[0] / "tensorboard"))
    events.Reload()
    content = events.SummaryMetadata("_hparams_/session_start_info").plugin_data.content
    data = plugin_data_pb2.HParamsPluginData.FromString(content)
    values = data.session_start_info.hparams
    assert values["model.embedding_dim"].number_value == 64
    assert values["seed"].number_value == 0
    assert values["dataset.name"].string_value == "csv"
    assert not any(name.endswith("_target_") for name in values)


def test_a_real_server_shows_them(run: tuple[Path, dict[str, Any]]) -> None:
    for address in serve(run[0].parent):
        [logged] = fetch(f"{address}/data/runs")
        tags = fetch(f"{address}/data/plugin/scalars/tags")[logged]
        assert set(tags) >= EPOCH_SCALARS
        points = fetch(f"{address}/data/plugin/scalars/scalars?run={logged}&tag=val%2Frmse")
        assert [point[1] for point in points] == [1, 2]
        assert "config/text_summary" in fetch(f"{address}/data/plugin/text/tags")[logged]
        experiment = fetch(f"{address}/data/plugin/hparams/experiment", body={"experimentName": ""})
        assert "model.embedding_dim" in {info["name"] for info in experiment["hparamInfos"]}
        assert "final/test/rmse" in {info["name"]["tag"] for info in experiment["metricInfos"]}


# -- a sweep and its report ---------------------------------------------------------------------------------------------


def test_page_of_charts_and_words_about_a_run(run: tuple[Path, dict[str, Any]]) -> None:
    events = EventAccumulator(str(run[0] / "tensorboard"))
    events.Reload()
    [written] = events.Tensors("custom_scalars__config__")
    found = layout_pb2.Layout.FromString(written.tensor_proto.string_val[0])
    charts = {
        (category.title, chart.title): list(chart.multiline.tag)
        for category in found.category
        for chart in category.chart
    }
    assert charts[("loss", "training and validation")] == ["^train/loss$", "^val/loss$"]
    assert charts[("rating", "validation RMSE")] == ["^val/rmse$"]
    assert ("time", "epoch seconds") in charts
    [about] = events.Tensors("about/text_summary")
    text = about.tensor_proto.string_val[0].decode()
    assert text.startswith("**BiasedDot**, rating on csv, seed 0\n")
    assert "\n    trainer.epochs=2\n" in text


def test_page_of_charts_has_a_category_per_ranking_protocol() -> None:
    names = ["train/loss", "val/hr@10/full", "val/ndcg@10/full", "val/hr@10/sampled99", "val/gini@10/full"]
    found = layout(names)
    assert found["ranking, full"] == {
        "validation HR@10": ["Multiline", ["^val/hr@10/full$"]],
        "validation NDCG@10": ["Multiline", ["^val/ndcg@10/full$"]],
    }
    assert list(found["ranking, sampled99"]) == ["validation HR@10"]


def test_a_run_that_goes_on_says_what_it_is_once(execute: Execute, tmp_path: Path) -> None:
    with killed_after(10):  # in its second epoch
        execute(tmp_path / "run", "logger=tensorboard")
    execute(tmp_path / "run", "logger=tensorboard")
    events = EventAccumulator(str(tmp_path / "run" / "tensorboard"), purge_orphaned_data=False)
    events.Reload()
    for tag in ("about/text_summary", "config/text_summary", "custom_scalars__config__"):
        assert len(events.Tensors(tag)) == 1, tag
    assert [event.step for event in events.Scalars("val/rmse")] == [1, 2]


def raw_steps(folder: Path, tag: str) -> list[int]:
    """Steps of a scalar as they stand in the files, without what TensorBoard hides."""
    events = EventAccumulator(str(folder / "tensorboard"), purge_orphaned_data=False, size_guidance={"scalars": 0})
    return [event.step for event in events.Reload().Scalars(tag)]


@pytest.mark.parametrize("lost", [0, 2])
def test_each_epoch_has_one_step_after_a_kill(
    execute: Execute, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lost: int
) -> None:
    """A kill between TensorBoard's row and last.ckpt; or one that lost rows which the writer had not yet written."""
    overrides = ("logger=tensorboard", "trainer.epochs=5", "trainer.checkpoint_seconds=1000")
    with monkeypatch.context() as patch:
        original = Checkpoints.on_train_epoch_end

        def save_then_die(self: Checkpoints, trainer: Any, model: Any) -> None:
            if trainer.current_epoch == 2:  # the third row is logged, its checkpoint is not written
                trainer.loggers[0].experiment.flush()
                raise KeyboardInterrupt
            original(self, trainer, model)
            self._save_last(trainer, force=True)

        patch.setattr(Checkpoints, "on_train_epoch_end", save_then_die)
        with pytest.raises(InterruptedRun):
            execute(tmp_path / "run", *overrides)
    assert raw_steps(tmp_path / "run", "val/rmse") == [1, 2, 3]
    if lost:
        for file in (tmp_path / "run" / "tensorboard").glob("events*"):
            file.unlink()
    execute(tmp_path / "run", *overrides)
    assert sorted(raw_steps(tmp_path / "run", "val/rmse")) == [1, 2, 3, 4, 5]
    assert sorted(raw_steps(tmp_path / "run", "time/epoch_seconds")) == [1, 2, 3, 4, 5]


@pytest.fixture
def sweep(execute: Execute, workplace: Path) -> list[str]:
    """Six runs in folders named by hashes, and a report over them, for ``tensorboard``; their names in it."""
    number = 0
    for model in ("dot", "biased_dot"):
        for seed in range(3):
            number += 1
            overrides = ("logger=tensorboard", f"model={model}", f"seed={seed}")
            execute(workplace / "outputs/small/sweep" / f"{number:08x}", *overrides)
    _, output = publish(dataclasses.replace(SETTINGS, runs="outputs/small/sweep", output_dir="outputs/reports"))
    assert output.logdir == workplace / "outputs/reports/report/tensorboard"
    return [f"{model}, seed {seed}" for model in ("biased_dot", "dot") for seed in range(3)]


@pytest.mark.parametrize("fast", ["false", "auto"])
def test_a_real_server_shows_a_sweep_and_its_table(sweep: list[str], workplace: Path, fast: str) -> None:
    before = tree_digest(workplace / "outputs/small")
    for address in serve(workplace / "outputs/reports/report/tensorboard", fast):
        runs = fetch(f"{address}/data/runs", lambda runs: len(runs) == 7)
        assert sorted(runs) == [*sweep, "report"]
        tags = fetch(f"{address}/data/plugin/scalars/tags", lambda tags: set(tags) >= set(sweep))
        for run in sweep:
            assert set(tags[run]) >= EPOCH_SCALARS
        [table] = fetch(f"{address}/data/plugin/text/text?run=report&tag=Table")
        assert "<table>" in table["text"]
        assert "biased_dot" in table["text"]
        assert "test/rmse" in table["text"]
        request = {
            "experimentName": "",
            "allowedStatuses": ["STATUS_SUCCESS"],
            "colParams": [],
            "startIndex": 0,
            "sliceSize": 9,
        }
        groups = fetch(f"{address}/data/plugin/hparams/session_groups", body=request)["sessionGroups"]
        assert [len(group["sessions"]) for group in groups] == [1] * 6
        finals = [metric["name"]["tag"] for metric in groups[0]["sessions"][0]["metricValues"]]
        assert finals.count("final/test/rmse") == 1
        layout = fetch(f"{address}/data/plugin/custom_scalars/layout")
        assert [category["title"] for category in layout["category"]] == ["loss", "rating", "time"]
    assert tree_digest(workplace / "outputs/small") == before


def test_a_browser_shows_a_sweep_and_its_table(sweep: list[str], workplace: Path, browser: Any, tmp_path: Path) -> None:
    expected = {
        "timeseries": ["rmse", *sweep],
        "hparams": ["model.embedding_dim", "final/test/rmse", *sweep],
        "text": ["Table", "mean ± sample standard deviation", "test/rmse"],
        "custom_scalars": ["training and validation", "validation RMSE"],
    }
    for address in serve(workplace / "outputs/reports/report/tensorboard"):
        fetch(f"{address}/data/runs", lambda runs: len(runs) == 7)
        for page, words in expected.items():
            browser.get(f"{address}/?darkMode=false#{page}")
            browser.refresh()  # another fragment alone loads nothing
            shown = ""

            def missing() -> list[str]:
                nonlocal shown
                shown = browser.execute_script(ALL_TEXT)
                return [word for word in words if word not in shown]  # noqa: B023

            deadline = time.monotonic() + 30
            while missing() and time.monotonic() < deadline:
                time.sleep(0.2)
            browser.save_screenshot(str(tmp_path / f"{page}.png"))
            assert missing() == [], page


# TensorBoard's pages are made of components, each with a tree of its own.
ALL_TEXT = """
const texts = [];
(function walk(node) {
  if (node.nodeType === Node.TEXT_NODE) texts.push(node.data);
  if (['STYLE', 'SCRIPT', 'TEMPLATE'].includes(node.nodeName)) return;
  if (node.shadowRoot) walk(node.shadowRoot);
  if (node.nodeName === 'IFRAME' && node.contentDocument) walk(node.contentDocument);
  node.childNodes.forEach(walk);
})(document);
return texts.join(' ');
"""


def serve(folder: Path, fast: str = "false") -> Iterator[str]:
    """Yield the address of a TensorBoard over ``folder``, on a free port of 127.0.0.1; stop it afterwards."""
    command = [sys.executable, "-m", "tensorboard.main", "--logdir", str(folder), "--host", "127.0.0.1", "--port", "0"]
    process = subprocess.Popen([*command, "--load_fast", fast], stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    try:
        for line in process.stderr:
            found = re.search(r"http://127\.0\.0\.1:\d+", line)
            if found:
                yield found.group()
                return
        pytest.fail("TensorBoard ended without naming its address")
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


def fetch(address: str, ready: Callable[[Any], object] = bool, body: dict[str, Any] | None = None) -> Any:
    """JSON from the server, which answers before it has read the folder: asked again until it has."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json"}
    deadline = time.monotonic() + TIME_LIMIT
    while time.monotonic() < deadline:
        with opener.open(urllib.request.Request(address, data=data, headers=headers), timeout=30) as answer:
            content = json.load(answer)
        if ready(content):
            return content
        time.sleep(0.05)
    pytest.fail(f"{address} stays {content}")
