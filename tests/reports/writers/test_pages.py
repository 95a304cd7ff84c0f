"""A document as Markdown, HTML, LaTeX and CSV: what is shown, what is escaped, and where links lead."""

from __future__ import annotations

import math

import pytest
from matplotlib.figure import Figure

from hydrarec.reports.document import Cell, Document, Listing, Picture, Section, Table, Text, number, parts
from hydrarec.reports.writers import csv_file, html_page, latex, markdown

COLUMNS = {"title": ["A|B *c*", "<i>"], "genres": ["Drama|War", ""], "r": [-0.25, math.nan], "n": [3, 4]}
FORMS = {"genres": parts}
VALUES = [Cell(0.94, ".4f", "± ? (1)", "best", "../runs/a/"), Cell(0.95, ".4f", "± 0.1000 (2)", "tied")]
SECTION = Section(
    "What is *said*",
    [
        "A [link](x) that is none.",
        Picture("scree", "Shares_of_it.", Figure()),
        Picture("svg", "Drawn.", "<svg></svg>"),
        Picture("nothing_here", "Not drawn.", None, "all are <5>"),
        Table.of("all", "All.", COLUMNS, FORMS),
        Table.of("few", "Few.", COLUMNS, FORMS, shown=[0]),
        Table.of("long", "Long.", COLUMNS, FORMS, shown=()),
    ],
)
DOCUMENT = Document("One & two", ["Here.", Text("hydrarec-train a=1", "command")], [SECTION])
MARKED = Document("T", [], [Section("S", [Table.of("", "", {"model": ["a_b", "c"], "x": VALUES}, note="Note.")])])


def test_markdown_shows_pictures_tables_and_links() -> None:
    text = markdown.render(DOCUMENT, figures="../figures/")
    assert text.startswith("# One & two\n\nHere.\n\n    hydrarec-train a=1\n\n## What is \\*said\\*\n\n")
    assert "\n\nA \\[link\\](x) that is none.\n\n" in text
    assert "![Shares_of_it.](../figures/scree.png)" in text
    assert "([PDF](../figures/scree.pdf))" in text
    assert "No picture of nothing here: all are &#60;5>." in text
    assert "svg" not in text
    assert (
        "| title | genres | r | n |\n| --- | --- | --- | --- |\n| A\\|B \\*c\\* | Drama, War | -0.250 | 3 |\n" in text
    )
    assert "&#60;i> |  | – | 4 |" in text
    assert "Few. ([few.csv](few.csv), all 2 rows)" in text
    assert text.endswith("Long. ([long.csv](long.csv), 2 rows)\n")
    assert text.count("| A\\|B") == 2


def test_markdown_by_itself_leads_nowhere() -> None:
    text = markdown.render(DOCUMENT, figures=None)
    assert "](" not in text.replace("\\](x)", "")
    assert ".png" not in text
    assert "Few. (few.csv, all 2 rows)" in text


def test_html_holds_the_pictures_and_escapes_the_rest() -> None:
    text = html_page.render(DOCUMENT, figures="../figures/", images={"scree": b"png"})
    assert '<img alt="Shares_of_it." src="data:image/png;base64,cG5n">' in text
    assert '<a href="../figures/scree.pdf">PDF</a>' in text
    assert "<figure><svg></svg><figcaption>Drawn.</figcaption></figure>" in text
    assert "No picture of nothing here: all are &lt;5&gt;." in text
    assert '<td class="name" data-value="&lt;i&gt;">&lt;i&gt;</td>' in text
    assert '<td class="" data-value="-0.25">-0.250</td><td class="" data-value="3">3</td>' in text
    assert '<td class="" data-value="">–</td>' in text
    assert text.count("<tbody>") == 2
    assert '(<a href="long.csv">long.csv</a>, 2 rows)' in text


def test_marks_and_details() -> None:
    assert "| a_b | **0.9400 ± ? (1)** |\n| c | 0.9500 ± 0.1000 (2) ≈ |\n\nNote.\n" in markdown.render(
        MARKED, figures=None
    )
    page = html_page.render(MARKED, figures="", images={})
    assert 'class="best" data-value="0.94"><a href="../runs/a/">0.9400</a> <small>± ? (1)</small></td>' in page
    assert 'class="tied" data-value="0.95">0.9500 <small>± 0.1000 (2)</small> ≈</td>' in page
    assert r"a\_b & \textbf{0.9400 $\pm$ ? (1)} \\" in latex.render(MARKED)
    assert csv_file.render(MARKED.sections[0].tables[0]) == "model,x\na_b,0.94\nc,0.95\n"


def test_what_one_writer_alone_shows() -> None:
    table = Table.of("", "In HTML.", {"x": [1]}, only="html", folded=True)
    document = Document("T", [], [Section("S", [table, Listing(["in *Markdown*"], only="markdown")])])
    assert markdown.render(document, figures=None).endswith("## S\n\n- in \\*Markdown\\*\n")
    page = html_page.render(document, figures="", images={})
    assert "<summary>In HTML. (1)</summary>" in page
    assert "<li>" not in page
    assert "tabular" not in latex.render(document)


@pytest.mark.parametrize(
    ("value", "shown"), [(0.12345, "0.123"), (-0.00049, "-5e-04"), (0.0, "0.000"), (math.nan, "–"), (12.0, "12.000")]
)
def test_numbers(value: float, shown: str) -> None:
    assert number(value) == shown


@pytest.mark.parametrize(
    ("digits", "line"), [(None, "0.12345678912345678,2,,,a"), (7, "0.1234568,2,,,a")], ids=["all digits", "seven"]
)
def test_csv_holds_plain_values(digits: int | None, line: str) -> None:
    columns = {"x": [0.12345678912345678], "y": [2.0], "z": [math.nan], "none": [None], "text": ["a"]}
    assert csv_file.render(Table.of("t", "", columns, digits=digits)) == f"x,y,z,none,text\n{line}\n"


def test_rows_of_records_may_lack_something() -> None:
    table = Table.of_records("t", "", [{"a": 1}, {"a": 2, "b": 3}])
    assert csv_file.render(table) == "a,b\n1,\n2,3\n"
    assert csv_file.render(Table.of_records("t", "", [])) == "\n"
