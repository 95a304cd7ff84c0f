"""The page, and what TensorBoard's projector is given."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from tests.reports.embeddings import planted

from hydrarec.reports.embeddings import analysis_page as page
from hydrarec.reports.embeddings.projector import projector, write
from hydrarec.reports.embeddings.section_contents import Picture, Section, Table

FRAME = pd.DataFrame({"title": ["A|B *c*", "<i>"], "genres": ["Drama|War", ""], "r": [-0.25, math.nan], "n": [3, 4]})
SECTION = Section(
    title="What is *said*",
    text=["A [link](x) that is none."],
    pictures=[Picture("scree", "Shares_of_it.", Figure())],
    tables=[
        Table("all", "All.", FRAME),
        Table("few", "Few.", FRAME, FRAME.head(1)),
        Table.of_file("long", "Long.", FRAME),
    ],
)


def test_page_shows_pictures_tables_and_links() -> None:
    text = page.render("One & two", ["Here."], [SECTION], figures="../figures/")
    assert text.startswith("# One & two\n\nHere.\n\n## What is \\*said\\*\n\nA \\[link\\](x) that is none.\n\n")
    assert "![Shares_of_it.](../figures/scree.png)" in text
    assert "([PDF](../figures/scree.pdf))" in text
    assert "| title | genres | r | n |\n| --- | --- | --- | --- |\n| A, B \\*c\\* | Drama, War | -0.250 | 3 |\n" in text
    assert "&#60;i> |  | – | 4 |" in text
    assert "Few. ([few.csv](few.csv), all 2 rows)" in text
    assert text.endswith("Long. ([long.csv](long.csv), 2 rows)\n")
    assert text.count("| A, B") == 2


def test_page_by_itself_leads_nowhere() -> None:
    text = page.render("T", [], [SECTION], figures=None)
    assert "](" not in text.replace("\\](x)", "")
    assert ".png" not in text
    assert "Few. (few.csv, all 2 rows)" in text


@pytest.mark.parametrize(
    ("value", "shown"), [(0.12345, "0.123"), (-0.00049, "-5e-04"), (0.0, "0.000"), (math.nan, "–"), (12.0, "12.000")]
)
def test_numbers(value: float, shown: str) -> None:
    assert page.number(value) == shown


def test_links_are_relative() -> None:
    assert page.relative(Path("/run/figures"), Path("/run/analysis")) == "../figures/"
    assert page.relative(Path("/some"), Path("/some")) == ""


# -- the projector --------------------------------------------------------------------------------------------------


def read_projector(folder: Path) -> tuple[list[list[str]], np.ndarray]:
    rows = [line.split("\t") for line in (folder / "metadata.tsv").read_text(encoding="utf-8").splitlines()]
    return rows, np.loadtxt(folder / "items.tsv", delimiter="\t")


def test_projector_has_a_line_of_metadata_per_vector(tmp_path: Path) -> None:
    found = projector(planted.subject(), most=12)
    assert found is not None
    write(found, tmp_path)
    rows, vectors = read_projector(tmp_path)
    assert rows[0] == ["title", "item", "mean rating", "ratings", "genres", "year", "genre", "bias"]
    assert {len(row) for row in rows} == {8}
    assert len(rows) == 13
    assert rows[1] == ["Film 0 (1940)", "0", "1", "60", "Drama|War", "1940", "War", "2.0000"]
    assert rows[5][0] == "Çà|et_là $5 * now* <b> [x](y) (1944)"
    np.testing.assert_allclose(vectors, planted.vectors()[:12], rtol=1e-5)
    config = (tmp_path / "projector_config.pbtxt").read_text()
    assert 'tensor_path: "items.tsv"' in config
    assert 'metadata_path: "metadata.tsv"' in config


def test_projector_with_less_known(tmp_path: Path) -> None:
    bare = dataclasses.replace(planted.subject(titles=False, genres=False), item_biases=None)
    found = projector(bare, most=1000)
    assert found is not None
    write(found, tmp_path)
    rows, vectors = read_projector(tmp_path)
    assert rows[0] == ["item", "mean rating", "ratings"]
    assert len(vectors) == 60
    assert projector(dataclasses.replace(bare, item_vectors=None), most=10) is None
