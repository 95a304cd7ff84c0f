"""HTML page of a report: no network access, everything escaped, legible in a browser (if installed)."""

from __future__ import annotations

import html.parser
import re
from pathlib import Path
from typing import Any

import pytest
from tests.reports.comparison.run_folders import make_run
from tests.reports.comparison.test_comparison import errors, read

from hydrarec.reports.comparison import charts
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


def test_ids_are_unique_and_every_reference_has_its_target(written: Path) -> None:
    tags = Tags()
    tags.feed(written.read_text(encoding="utf-8"))
    ids = [str(attributes["id"]) for _, attributes in tags.found if "id" in attributes]
    assert len(ids) == len(set(ids))
    values = " ".join(str(value) for _, attributes in tags.found for value in attributes.values())
    assert set(re.findall(r"url\(#([^)]*)\)", values)) <= set(ids)
    links = {attributes["href"] or "" for _, attributes in tags.found if "href" in attributes}
    assert {link[1:] for link in links if link.startswith("#")} <= set(ids)


def test_budget_counts_what_was_given_up(tmp_path: Path) -> None:
    for day, (dim, value) in enumerate([(4, 0.9), (8, 0.8), (16, 0.7), (32, 0.85)], start=1):
        folder = make_run(tmp_path / f"{dim}", {"val/rmse": value}, model__embedding_dim=dim, started=f"2026-01-0{day}")
        if dim == 16:
            (folder / "result.json").unlink()
            (folder / "error.json").write_text('{"code": "pruned", "what": "worse than the median"}')
    make_run(tmp_path / "b", {"val/rmse": 0.75}, model="BiasedDot")
    [section] = read(tmp_path).sections
    assert charts.budget_traces(section) == {"BiasedDot": [0.75], "Dot": [0.9, 0.8, 0.8, 0.8]}
    assert charts.unequal_budgets(section) == "The budgets differ: configurations tried: Dot 4, BiasedDot 1."
    assert "Dot (4)" in charts.best_so_far(section)


# -- in a browser ------------------------------------------------------------------------------------------------------


def assert_charts_answer_the_mouse(browser: Any) -> None:
    """Resting on a curve tells its name; a click on a name hides its curve and everything else of it, another shows it."""
    [name, curve] = (
        browser.find_element("css selector", f"#protocol-2 svg[aria-label^=Learning] .{kind}[data-series='0']")
        for kind in ("legend", "curve")
    )
    tooltip = name.find_element("css selector", "title").get_attribute("textContent")
    under_mouse = """
        const path = arguments[0].querySelector("path"), end = path.getPointAtLength(path.getTotalLength() / 2);
        const at = new DOMPoint(end.x, end.y).matrixTransform(path.getScreenCTM());
        return document.elementFromPoint(at.x, at.y).closest(".curve").querySelector("title").textContent"""
    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", curve)
    assert browser.execute_script(under_mouse, curve) == tooltip

    def shown() -> list[bool]:
        script = """return [...arguments[0].closest("svg").querySelectorAll("[data-series='0'], [data-series='1']")]
            .filter(part => getComputedStyle(part).visibility === "visible").map(part => part.dataset.series === "0")"""
        return browser.execute_script(script, name)

    everything = shown()
    assert everything.count(True) == everything.count(False) >= 4
    name.click()
    assert shown().count(True) == 1  # the name itself
    assert shown().count(False) == everything.count(False)
    name.send_keys("\n")
    assert shown() == everything


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
    assert_charts_answer_the_mouse(browser)
    assert [entry for entry in browser.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")] == []
    assert browser.save_screenshot(str(tmp_path / "page.png"))
    assert (tmp_path / "page.png").stat().st_size > 20_000
