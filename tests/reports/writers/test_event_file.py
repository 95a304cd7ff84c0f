"""Event files, read back with TensorBoard."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.histogram.metadata import PLUGIN_NAME as HISTOGRAMS
from tensorboard.plugins.image.metadata import PLUGIN_NAME as IMAGES
from tensorboard.plugins.text.metadata import PLUGIN_NAME as TEXTS
from tensorboard.util.tensor_util import make_ndarray

from hydrarec.figures.style import new_figure, save
from hydrarec.reports.writers import event_file


@pytest.fixture
def png(tmp_path: Path) -> bytes:
    return save(new_figure(2, 1), tmp_path / "figure", ["png"])[0].read_bytes()


def values_of(png: bytes) -> list[event_file.Value]:
    data = np.array([0.0, 1.0, 1.0, 3.0])
    return [event_file.text("words", "# Ü"), event_file.image("picture", png), event_file.histogram("numbers", data)]


def test_each_value_is_found_by_its_plugin(png: bytes, tmp_path: Path) -> None:
    folder = tmp_path / "events"
    folder.mkdir()
    (folder / "events.out.tfevents.0.x").write_bytes(event_file.event_file(values_of(png), moment=12.0))
    events = EventAccumulator(str(folder), size_guidance={"tensors": 0})
    events.Reload()
    for plugin, tag in ((TEXTS, "words"), (IMAGES, "picture"), (HISTOGRAMS, "numbers")):
        assert list(events.PluginTagToContent(plugin)) == [tag]
        assert [(event.step, event.wall_time) for event in events.Tensors(tag)] == [(0, 12.0)]
    words, picture, numbers = (
        make_ndarray(events.Tensors(tag)[0].tensor_proto) for tag in ("words", "picture", "numbers")
    )
    assert words.tolist() == ["# Ü".encode()]
    assert picture.tolist() == [b"300", b"150", png]
    assert numbers[:, 2].sum() == 4
    assert (numbers[0, 0], numbers[-1, 1]) == (0, 3)


def test_the_same_content_gives_the_same_bytes(png: bytes) -> None:
    first, second = (event_file.event_file(values_of(png), moment=1.0) for _ in range(2))
    assert first == second
