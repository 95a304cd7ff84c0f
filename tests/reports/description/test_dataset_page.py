"""Output folder of a dataset description, from ratings with missing columns or unusual names."""

from __future__ import annotations

import csv
import html
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.data.small_data import ABOUT, table_of

from hydrarec.analysis import description
from hydrarec.data.filters import Filter
from hydrarec.data.interactions import Interactions, interactions_of
from hydrarec.data.table import ItemTexts, Scale
from hydrarec.reports.description.dataset_page import Subject, publish

TABLES = {"sizes", "spread", "rating_histogram", "ratings_per_user", "ratings_per_item"}
TABLES |= {"most_active_users", "most_rated_items", "cross_tab"}
PICTURES = {"rating_histogram", "ratings_per_user", "ratings_per_item", "ratings_over_time", "cross_tab"}
NASTY = "$ave | _me_ `x` [y](z) <b>&amp;</b> *~"


def described(folder: Path, rows: list[tuple[Any, Any, float]], texts: ItemTexts | None = None, **more: Any) -> Path:
    """A description of these ratings, made within this process; its folder."""
    users, items, ratings = (list(column) for column in zip(*rows, strict=True))
    table, scale = table_of(users, items, ratings, **more), Scale(low=None, high=None, step=None)
    data = interactions_of(table, name="tiny", scale=scale, duplicates="error", texts=texts)
    publish(subject_of(data), folder)
    return folder


def subject_of(data: Interactions, *chosen: str) -> Subject:
    found = description.describe(data, users=15, items=15, advance=lambda steps: None)
    nothing = Filter(min_rating=None, user_fraction=1.0, core=1, seed=0)
    return Subject(found, ABOUT, nothing.report(data, data), list(chosen))


def rows_of(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def files_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if path.is_file()}


# -- data that lack something ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rows", "drawn"),
    [
        ([(1, 1, 5.0)], {"cross_tab"}),
        ([(1, item, 5.0) for item in range(3)], {"cross_tab"}),
        ([(user, "a", float(user)) for user in range(3)], {"rating_histogram", "cross_tab"}),
        ([(1, 1, 1.0), (1, 2, 2.0), (2, 1, 1.0)], PICTURES - {"ratings_over_time"}),
        (  # 15 users with two ratings each of items that nobody else rates, and 15 items that the other 30 users rate
            [(user, 100 + 2 * user + each, 1.0) for user in range(15) for each in (0, 1)]
            + [(100 + user, user // 2, 2.0) for user in range(30)],
            {"rating_histogram", "ratings_per_user", "ratings_per_item"},
        ),
    ],
    ids=["one rating", "one user", "one item", "three ratings", "empty corner"],
)
def test_small_data_have_the_pictures_that_show_something(
    tmp_path: Path, rows: list[tuple[Any, Any, float]], drawn: set[str]
) -> None:
    folder = described(tmp_path, rows)
    assert {path.stem for path in folder.glob("*.png")} == drawn
    assert {path.stem for path in folder.glob("*.csv")} >= TABLES


def test_times_of_one_second_and_row_numbers_are_no_picture(tmp_path: Path) -> None:
    rows = [(1, 1, 1.0), (1, 2, 2.0), (2, 1, 1.0)]
    same = described(tmp_path / "same", rows, times=[1_000_000_000] * 3)
    assert "all ratings are of 2001-09-09 01:46:40 UTC" in (same / "describe.md").read_text(encoding="utf-8")
    numbers = described(tmp_path / "numbers", rows, times=[1, 2, 3])
    assert "row numbers" in (numbers / "describe.md").read_text(encoding="utf-8")
    assert not list(tmp_path.glob("*/ratings_over_time.png"))


# -- names -------------------------------------------------------------------------------------------------------------


def test_no_title_breaks_a_table_or_a_picture(tmp_path: Path) -> None:
    rows = [(f"u|{user}", f"i,{item}\"$'", 1.0 + item) for user in range(3) for item in range(3) if user >= item]
    texts = ItemTexts({item: f"{NASTY} {item} 映画" for _, item, _ in rows}, {item: "A|B" for _, item, _ in rows})
    folder = described(tmp_path, rows, texts)
    assert {row["title"] for row in rows_of(folder / "most_rated_items.csv")} == set(texts.titles.values())
    assert [row["user"] for row in rows_of(folder / "cross_tab.csv")] == ["u|0", "u|1", "u|2"]
    renderer = pytest.importorskip("markdown_it").MarkdownIt("commonmark").enable("table")
    page = renderer.render((folder / "describe.md").read_text(encoding="utf-8"))
    for table in re.findall(r"<table>.*?</table>", page, flags=re.DOTALL):
        widths = {len(re.findall(r"<t[hd]>", row)) for row in re.findall(r"<tr>.*?</tr>", table, flags=re.DOTALL)}
        assert len(widths) == 1
    cells = [html.unescape(cell) for cell in re.findall(r"<td>(.*?)</td>", page)]
    assert set(texts.titles.values()) | {"A|B", "u|0"} <= set(cells)
    assert "<b>" not in page
    assert (folder / "cross_tab.pdf").stat().st_size > 0


def test_html_page_is_self_contained_and_escaped(tmp_path: Path) -> None:
    texts = ItemTexts({1: NASTY, 2: "<script>"}, {1: "A", 2: "B"})
    folder = described(tmp_path, [(user, item, float(item)) for user in (1, 2) for item in (1, 2)], texts)
    page = (folder / "describe.html").read_text(encoding="utf-8")
    assert html.escape(NASTY, quote=True).replace("&#x27;", "&#39;") in page
    assert page.count("<script>") == 1
    sources = re.findall(r'<img alt="[^"]+" src="([^"]{22})', page)
    assert sources == ["data:image/png;base64,"] * len(list(folder.glob("*.png")))
    linked = set(re.findall(r'href="([^#:"]+)"', page))
    assert linked == {path.name for kind in ("csv", "pdf") for path in folder.glob(f"*.{kind}")}


def test_an_item_may_be_called_user(tmp_path: Path) -> None:
    folder = described(tmp_path, [("a", "user", 1.0), ("a", "b", 2.0)])
    assert (folder / "cross_tab.csv").read_text() == "user,b,user\na,2,1\n"


def test_ratings_keep_their_seven_digits(tmp_path: Path) -> None:
    folder = described(tmp_path, [(1, 1, 0.1), (1, 2, 4.7)])
    assert [row["rating"] for row in rows_of(folder / "rating_histogram.csv")] == ["0.1", "4.7"]
    assert (folder / "cross_tab.csv").read_text().splitlines()[1] == "1,0.1,4.7"


# -- TensorBoard -------------------------------------------------------------------------------------------------------


def test_tensorboard_shows_pictures_text_and_histograms(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.util.tensor_util import make_ndarray

    folder = described(tmp_path, [(1, 1, 1.0), (1, 2, 2.0), (2, 1, 1.0)], times=[10**9, 10**9 + 1, 10**9 + 2])
    events = EventAccumulator(str(folder / "tensorboard"), size_guidance={"tensors": 0})
    events.Reload()
    shown = {plugin: set(events.PluginTagToContent(plugin)) for plugin in ("text", "images", "histograms")}
    histograms = {"ratings", "ratings_per_user_log10", "ratings_per_item_log10"}
    assert shown == {"text": {"Description"}, "images": PICTURES, "histograms": histograms}
    assert {event.wall_time for tag in histograms for event in events.Tensors(tag)} == {10**9 + 2}
    [text] = make_ndarray(events.Tensors("Description")[0].tensor_proto).tolist()
    assert b"](" not in text  # no links, which lead nowhere from there
    counts = make_ndarray(events.Tensors("ratings_per_user_log10")[0].tensor_proto)
    assert counts[:, 2].sum() == 2
    assert counts[-1, 1] == pytest.approx(np.log10(2))
