"""Names in tables, as two renderers show them: that of editors and GitHub, and that of TensorBoard."""

from __future__ import annotations

import html
import re

import pytest

from hydrarec.core.escaping import markdown as escaped
from hydrarec.reports.writers.markdown import table_lines

NASTY = (
    "<script>alert('x')</script> | pipe",
    "$ay it with $100 and $x^2$",
    "_under_ a_b __bold__ *stars* ~~gone~~ `code` ``more``",
    "[text](http://x.y) ![picture](x) [x]: y",
    "& &amp; R&D; &#36; AT&T",
    "C:\\folder\\ and \\| a pipe",
    "Amélie | 映画 | M*A*S*H (1970)",
    "<!-- nothing --> <?php ?> 3 < 4 <= 5 > 2",
)


def commonmark(lines: list[str]) -> str:
    found = pytest.importorskip("markdown_it").MarkdownIt("commonmark").enable(["table", "strikethrough"])
    return str(found.render("\n".join(lines)))


def of_tensorboard(lines: list[str]) -> str:
    return str(pytest.importorskip("markdown").markdown("\n".join(lines), extensions=["tables"]))


@pytest.mark.parametrize("render", [commonmark, of_tensorboard])
@pytest.mark.parametrize("name", NASTY)
def test_a_name_is_shown_as_it_is_in_a_cell_of_its_own(name: str, render) -> None:
    shown = render(table_lines(["a", "b"], [[escaped(name), "next"]]))
    cells = re.findall(r"<td>(.*?)</td>", shown, flags=re.DOTALL)
    assert [html.unescape(cell) for cell in cells] == [name, "next"]
    assert not re.search(r"<(?!/?(td|tr|th|table|tbody|thead)\b)", shown)


def test_a_formula_needs_dollars_that_are_not_there() -> None:
    assert "$" not in escaped("$x$")


def test_a_newline_does_not_end_the_row() -> None:
    assert escaped("a\nb") == "a b"


def test_plain_names_stay_readable() -> None:
    for name in ("biased_dot", "Toy Story (1995)", "lr = 0.1, d = 8", "Batman & Robin", "a < b"):
        assert escaped(name) == name
