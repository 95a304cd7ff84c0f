"""The page: nothing from the network, nothing unescaped, legible in a browser, where there is one."""

from __future__ import annotations

import html.parser
import re
from pathlib import Path
from typing import Any

import pytest
from tests.reports.comparison.run_folders import make_run
from tests.reports.comparison.test_comparison import errors, read

from hydrarec.reports.comparison.charts import budget, svg
from hydrarec.reports.comparison.charts.axes import legible
from hydrarec.reports.comparison.comparison_page import document
from hydrarec.reports.writers import html_page

NASTY = "<script>window.caught = 1</script>\"'&<b>"


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """A page over a search of two models, three seeds each, with hostile names and a failure."""
    runs = tmp_path / "runs"
    for seed in range(3):
        for number, dim in enumerate((4, 8, 16, 32)):
            settings: dict[str, Any] = {"seed": seed, "model__embedding_dim": dim, "model__layer": NASTY + str(number)}
            make_run(
                runs / f"a{dim}{seed}", {"val/rmse": 1 + number}, errors=errors(seed, 1 + 0.05 * number), **settings
            )
        make_run(runs / f"b{seed}", {"val/rmse": 2}, seed=seed, errors=errors(seed + 10, 1.1), model="BiasedDot")
    make_run(runs / "c", {"test/hr@10/full": 0.1, "test/ndcg@10/full": 0.05}, task="ranking", dataset__name=NASTY)
    failed = make_run(runs / "x", {"test/rmse": 1.0}, overrides=(NASTY,))
    (failed / "result.json").unlink()
    (failed / "error.json").write_text('{"what": "' + NASTY.replace('"', '\\"') + '"}')
    folder = tmp_path / "report"
    folder.mkdir()
    found = read(runs)
    (folder / "report.html").write_text(
        html_page.render(document(found, folder), figures="", images={}), encoding="utf-8"
    )
    return folder / "report.html"


class Tags(html.parser.HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in ("meta", "link", "wbr"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_page_is_well_formed_and_self_contained(written: Path) -> None:
    tags = Tags()
    tags.feed(written.read_text(encoding="utf-8"))
    assert tags.open == []
    kinds = [kind for kind, _ in tags.found]
    assert kinds.count("script") == 1
    assert "b" not in kinds
    assert kinds.count("svg") >= 6
    for kind, attributes in tags.found:
        assert "src" not in attributes
        assert not any(name.startswith("on") for name in attributes)
        if kind == "a":
            assert re.match(r"#|\.\./runs/", attributes["href"] or "")
    assert not re.search(
        r"(https?:)?//[a-z]", re.sub(r"<script>.*?</script>", "", written.read_text(), flags=re.DOTALL)
    )


def test_links_lead_to_the_run_folders(written: Path) -> None:
    links = re.findall(r'href="(\.\./[^"]*)"', written.read_text())
    assert len(links) == 17
    assert all((written.parent / link).is_dir() for link in links)


@pytest.mark.parametrize("log", [True, False])
@pytest.mark.parametrize("values", [[1, 2, 3], [0.9], [0.0, 0.0], [-1, 5], [1e-9, 1e9], [3e4, 7e4]])
def test_scales_have_ticks_within(values: list[float], log: bool) -> None:
    scale = svg.Scale.over(values, 100, 200, log=log)
    places = [scale(value) for value in [*values, *scale.ticks()]]
    assert all(100 - 1e-6 <= place <= 200 + 1e-6 for place in places)
    assert 2 <= len(scale.ticks()) <= 12


def test_labels_are_moved_apart_and_stay_within() -> None:
    places = svg.apart([10, 11, 12, 95, 99], 10, 0, 100)
    assert places == [10, 20, 30, 90, 100]


def test_scale_is_not_flattened_by_one_failure() -> None:
    assert legible([0.94, 0.945, 0.947, 0.96, 0.97, 2.35], "test/rmse") == [0.94, 0.945, 0.947, 0.96, 0.97]
    assert legible([0.5, 0.1], "test/hr@10/full") == [0.5, 0.1]


def test_budget_counts_what_was_given_up(tmp_path: Path) -> None:
    for day, (dim, value) in enumerate([(4, 0.9), (8, 0.8), (16, 0.7), (32, 0.85)], start=1):
        folder = make_run(tmp_path / f"{dim}", {"val/rmse": value}, model__embedding_dim=dim, started=f"2026-01-0{day}")
        if dim == 16:
            (folder / "result.json").unlink()
            (folder / "error.json").write_text('{"code": "pruned", "what": "worse than the median"}')
    make_run(tmp_path / "b", {"val/rmse": 0.75}, model="BiasedDot")
    [section] = read(tmp_path).sections
    assert budget._traces(section, "val/rmse") == {"BiasedDot": [0.75], "Dot": [0.9, 0.8, 0.8, 0.8]}
    assert budget.unequal_budgets(section) == "The budgets differ: configurations tried: Dot 4, BiasedDot 1."
    assert "Dot (4)" in budget.best_so_far(section)


# -- in a browser ------------------------------------------------------------------------------------------------------


def test_page_works_in_a_browser(written: Path, browser: Any, tmp_path: Path) -> None:
    browser.get(written.as_uri())
    assert browser.execute_script("return window.caught") is None

    def column(number: int) -> list[str]:
        script = "return [...document.querySelectorAll('#protocol-2 table.sortable tbody tr')].map(row => row.cells[arguments[0]].dataset.value)"
        return browser.execute_script(script, number)

    head = browser.find_elements("css selector", "#protocol-2 table.sortable th button")
    for number in (1, 3):
        head[number].click()
        values = [float(value) for value in column(number)]
        assert values == sorted(values)
        head[number].click()
        assert [float(value) for value in column(number)] == values[::-1]
    head[0].click()
    assert column(0)[0].startswith("BiasedDot")
    assert len({float(value) for value in column(1)}) == 5  # rows moved whole

    overlapping = browser.execute_script(
        """return [...document.querySelectorAll('svg text')].filter(text => {
             const [a, b] = [text.getBoundingClientRect(), text.closest('svg').getBoundingClientRect()];
             return a.left < b.left - 2 || a.right > b.right + 2; }).map(text => text.textContent)"""
    )
    assert overlapping == []  # no label is cut off
    width = browser.execute_script("return [document.documentElement.scrollWidth, window.innerWidth]")
    assert width[0] <= width[1]
    assert [entry for entry in browser.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")] == []
    assert browser.save_screenshot(str(tmp_path / "page.png"))
    assert (tmp_path / "page.png").stat().st_size > 20_000
