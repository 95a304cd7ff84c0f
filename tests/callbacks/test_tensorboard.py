"""What TensorBoard shows of a run: by its event files, and by a real server on 127.0.0.1."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import plugin_data_pb2
from tests.conftest import Execute

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


def serve(folder: Path) -> Iterator[str]:
    """Yield the address of a TensorBoard over ``folder``, on a free port of 127.0.0.1; stop it afterwards."""
    command = [sys.executable, "-m", "tensorboard.main", "--logdir", str(folder), "--host", "127.0.0.1", "--port", "0"]
    process = subprocess.Popen([*command, "--load_fast", "false"], stderr=subprocess.PIPE, text=True)
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


def fetch(address: str, body: dict[str, Any] | None = None) -> Any:
    """JSON from the server, which answers before it has read the folder: asked again until it has."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json"}
    for _ in range(200):
        with opener.open(urllib.request.Request(address, data=data, headers=headers), timeout=30) as answer:
            content = json.load(answer)
        if content not in ([], {}):
            return content
    pytest.fail(f"{address} stays empty")
