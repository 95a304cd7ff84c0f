"""TensorBoard's view of an analysis: event file, real server, and browser."""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path
from typing import Any

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tests.reports.embeddings import planted
from tests.training.callbacks.test_tensorboard import ALL_TEXT, fetch, serve

from hydrarec.reports.document import Document
from hydrarec.reports.embeddings.projector import Projector, projector
from hydrarec.reports.embeddings.publication import publish_run
from hydrarec.reports.embeddings.sections import bias_section as biases
from hydrarec.runs.folder import RunFolder

RUN = "tensorboard/analysis"


@pytest.fixture
def logged(tmp_path: Path) -> Path:
    """A folder as of a run, with one section and the projector."""
    subject = planted.subject()
    assert subject.user_biases is not None
    folder = tmp_path / "run"
    sections = [biases.of_users(subject, subject.user_biases)]
    document = Document("What the model learned: a | b", ["Some *words*."], sections)
    publish(folder, document, "2026-01-01T00:00:00+00:00", projector(subject, most=50))
    return folder


def publish(path: Path, document: Document, started: str, points: Projector | None) -> None:
    folder = RunFolder(path)
    folder.update_record(provenance={"started": started})
    publish_run(document, folder, points)
    folder.release()


def test_event_file_holds_pictures_and_the_page(logged: Path) -> None:
    events = EventAccumulator(str(logged / RUN))
    events.Reload()
    [image] = events.Tensors("user_biases")
    assert image.tensor_proto.string_val[2] == (logged / "figures/user_biases.png").read_bytes()
    [text] = events.Tensors("Analysis")
    assert (
        text.tensor_proto.string_val[0].decode().startswith("# What the model learned: a \\| b\n\nSome \\*words\\*.\n")
    )
    assert text.wall_time == 1767225600


def test_a_second_analysis_takes_the_place_of_the_first(logged: Path) -> None:
    before = sorted(path.name for path in (logged / RUN).iterdir())
    bare = dataclasses.replace(planted.subject(), item_biases=None)
    publish(logged, Document("Again", [], []), "2026-01-02T00:00:00+00:00", projector(bare, most=5))
    assert sorted(path.name for path in (logged / RUN).iterdir()) == before
    assert (logged / "analysis/analysis.md").read_text() == "# Again\n"
    assert len((logged / RUN / "items.tsv").read_text().splitlines()) == 5


def test_a_real_server_shows_points_and_titles(logged: Path) -> None:
    for address in serve(logged):
        assert fetch(f"{address}/data/plugin/projector/runs") == [RUN]
        info = fetch(f"{address}/data/plugin/projector/info?run={RUN}")
        [embedding] = info["embeddings"]
        assert embedding["tensorName"] == "items"
        assert embedding["tensorShape"] == [50, planted.WIDTH]
        assert fetch(f"{address}/data/plugin/images/tags")[RUN].keys() == {"user_biases"}


def test_a_browser_shows_points_and_titles(logged: Path, browser: Any, tmp_path: Path) -> None:
    for address in serve(logged):
        fetch(f"{address}/data/plugin/projector/runs")
        browser.get(f"{address}/?darkMode=false#projector")
        wait_for(browser, ["Points: 50", "Dimension: 8", "items", "title", "genre"], tmp_path)
        browser.execute_script(SEARCH, "Film 1")
        # 1, and 10 to 19; nothing but the metadata holds these titles
        wait_for(browser, ["11 matches", "Film 1 (1941)", "Film 19 (1959)"], tmp_path)


def wait_for(browser: Any, words: list[str], folder: Path) -> None:
    def missing() -> list[str]:
        shown = " ".join(browser.execute_script(ALL_TEXT).split())
        return [word for word in words if word not in shown]

    deadline = time.monotonic() + 60
    while missing() and time.monotonic() < deadline:
        time.sleep(0.2)
    browser.save_screenshot(str(folder / "projector.png"))
    assert missing() == []


# Types into the projector's search box; all of TensorBoard's pages are components within components.
SEARCH = """
const typed = arguments[0];
(function walk(node) {
  if (node.id === 'search-box') {
    const field = node.shadowRoot.querySelector('paper-input');
    field.value = typed;
    field.dispatchEvent(new Event('input', {bubbles: true, composed: true}));
  }
  if (node.shadowRoot) walk(node.shadowRoot);
  if (node.nodeName === 'IFRAME' && node.contentDocument) walk(node.contentDocument);
  node.childNodes.forEach(walk);
})(document);
"""
