"""Text from data and names, where it is shown: nothing that a terminal obeys, a page renders or a spreadsheet computes."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text
from tests.recommend.small_runs import data_of

from hydrarec.core import console
from hydrarec.core.errors import DataError
from hydrarec.core.escaping import csv_cell, latex, markdown, one_line, visible
from hydrarec.recommend.bulk import Recommendations
from hydrarec.recommend.tables import table_file
from hydrarec.reports.document import Cell, Document, Section, Table
from hydrarec.reports.writers import csv_file, html_page
from hydrarec.reports.writers import markdown as markdown_page

OBEYED = "\x1b]0;owned\x07 \x9b2J \r\b \u202eevil \u2028"


def assert_harmless(text: str) -> None:
    assert not [character for character in text if character in set(OBEYED) - set(" ]0;owned2Jevil")], repr(text)


def test_control_characters_are_written_out() -> None:
    assert visible("a\x1b[2J\x9b\x07\x00b") == r"a\x1b[2J\x9b\x07\x00b"
    assert visible("\u202e\udcff") == r"\u202e\udcff"
    assert visible("a\tb\nTitle é 日本 (1995)") == "a\tb\nTitle é 日本 (1995)"
    assert one_line("a\nb\rc") == r"a b\rc"
    for escape in (visible, one_line, csv_cell, markdown, latex):
        assert_harmless(escape(OBEYED))


@pytest.mark.parametrize(
    "text", ["=cmd|'/C calc'!A0", "@SUM(1+1)", "+1+1", "-1+1", "\t=1", "\r=1", "=1\n2", "＝1", "-a", "- b"]
)
def test_formula_is_a_text_to_a_spreadsheet(text: str) -> None:
    assert csv_cell(text).startswith("'")


@pytest.mark.parametrize(
    "text", ["-1.5", "+0.0012", "-3e-05", "1", "Toy Story (1995)", "ml-1m", "–", "'=1'", "", "+5%"]
)
def test_numbers_and_other_texts_stay(text: str) -> None:
    assert csv_cell(text) == text


def test_error_is_of_four_lines_whatever_it_quotes() -> None:
    text = str(DataError(f"a{OBEYED}\nb", expected=OBEYED, fix=OBEYED, file=f"x{OBEYED}"))
    assert len(text.splitlines()) == 3
    assert_harmless(text)


@pytest.mark.parametrize("terminal", [True, False])
def test_console(terminal: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    screen = console.stdout()
    stream = io.StringIO()
    screen.file, screen._force_terminal = stream, terminal
    table = RichTable(OBEYED)
    table.add_row(Text(OBEYED))
    for part in (OBEYED, Text(OBEYED), table):
        screen.print(part, markup=False)
    styled = Console(file=io.StringIO(), force_terminal=terminal)
    styled.print(Text("x", style="bold"))
    shown = stream.getvalue()
    assert r"\x1b]0;owned" in shown
    assert "\x9b" not in shown and "\x07" not in shown and "\x1b]0" not in shown


def test_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    console.write(f"name {OBEYED}\nnext\n")
    out = capsys.readouterr().out
    assert_harmless(out)
    assert len(out.split("\n")) == 3


def test_pages() -> None:
    table = Table.of(
        "t", OBEYED, {f"a{OBEYED}": [OBEYED, "=1+1", "<b>"], "n": [Cell(-1.5), Cell("x", detail=OBEYED), -2]}
    )
    document = Document(OBEYED, [OBEYED], [Section(OBEYED, [OBEYED, table])])
    for page in (markdown_page.render(document, figures=None), html_page.render(document, figures="", images={})):
        assert_harmless(page)
        assert r"\x1b" in page
    assert "<b>" not in html_page.render(document, figures="", images={}).split("<tbody>")[1]


def test_csv_of_a_report() -> None:
    table = Table.of("t", "", {"=name": ["=cmd|x", "@SUM", "+1+1", "-1.5", OBEYED], "n": [-1.5, 2, None, 0.25, -7]})
    header, *rows = list(csv.reader(io.StringIO(csv_file.render(table))))
    assert header == ["'=name", "n"]
    assert [row[0] for row in rows[:4]] == ["'=cmd|x", "'@SUM", "'+1+1", "-1.5"]
    assert [row[1] for row in rows] == ["-1.5", "2", "", "0.25", "-7"]
    assert_harmless(rows[4][0])


def test_csv_of_recommendations(tmp_path: Path) -> None:
    titles = ("=cmd|x", "@SUM", "+1", OBEYED, "-5 Fingers", "Plain")
    data = data_of([[0], [1]], user_ids=["=1+1", "u"], titles=titles)
    rows = Recommendations(
        np.array([0, 1, 1]), np.array([1, 1, 2], np.int32), np.array([0, 3, 4]), np.array([-1.5, 2, 3], np.float32)
    )
    with table_file(tmp_path / "recs.csv", data) as write:
        write(rows)
    with (tmp_path / "recs.csv").open(newline="", encoding="utf-8") as file:
        _, *found = csv.reader(file)
    assert [row[0] for row in found] == ["'=1+1", "u", "u"]
    assert [row[3] for row in found] == ["'=cmd|x", visible(OBEYED), "'-5 Fingers"]
    assert found[0][4] == "-1.5"


def test_only_the_console_writes_to_stdout() -> None:
    source = Path(console.__file__).parents[1]
    writers = [path.name for path in source.rglob("*.py") if "sys.stdout.write" in path.read_text(encoding="utf-8")]
    assert writers == ["console.py"]
