"""Table of published and own results, from simple numbers."""

from __future__ import annotations

import csv
import io

import pytest

from hydrarec.config.schema import Published
from hydrarec.reports.reproduction import Row, comma_separated, first_epoch_claims, markdown, mean_and_spread


def published(
    name: str, value: float = 0.88, band: tuple[float, float] = (0.87, 0.89), beats: str | None = None
) -> Published:
    return Published(
        id=name,
        source="a | system",
        metric="val/rmse",
        value=value,
        band=band,
        reason="because",
        first_epoch_beats=beats,
    )


@pytest.mark.parametrize(
    ("values", "problem", "verdict"),
    [
        ([0.875, 0.885], "", "reproduced"),
        ([0.87], "", "reproduced"),
        ([0.90, 0.89], "", "MISS"),
        ([0.85], "", "MISS, better than the band"),
        ([], "3 of 3 runs failed: no data", "not run: 3 of 3 runs failed: no data"),
        ([0.88], "1 of 2 runs failed: diverged", "reproduced (1 of 2 runs failed: diverged)"),
    ],
)
def test_verdict(values: list[float], problem: str, verdict: str) -> None:
    assert Row(published("X"), values=values, problem=problem).verdict == verdict


def test_mean_and_sample_standard_deviation_with_n() -> None:
    assert mean_and_spread([1.0, 2.0, 3.0]) == "2.0000 ± 1.0000 (3)"
    assert mean_and_spread([1.0]) == "1.0000 ± ? (1)"


def test_difference_is_ours_minus_published() -> None:
    assert Row(published("X"), values=[0.87, 0.88], seconds=[1.0, 3.0]).cells()["difference"] == "-0.0050"


def test_a_claim_in_words_has_no_difference() -> None:
    claimed = Published(
        id="D", source="s", metric="val/rmse", value=None, band=(0.9, 1.0), reason="r", claim="above 0.9"
    )
    cells = Row(claimed, values=[0.95]).cells()
    assert (cells["published"], cells["difference"], cells["verdict"]) == ("above 0.9", "–", "reproduced")


def test_markdown_has_a_line_per_row_and_escapes_bars() -> None:
    text = markdown([Row(published("X"), values=[0.88]), Row(published("Y"))])
    table = [line for line in text.splitlines() if line.startswith("|")]
    assert len(table) == 2 + 2
    assert "a \\| system" in table[2]
    assert "- X: because." in text


def test_csv_keeps_the_values_of_each_seed() -> None:
    records = list(csv.DictReader(io.StringIO(comma_separated([Row(published("X"), values=[0.875, 0.885])]))))
    assert records[0]["values"] == "0.875000 0.885000"


@pytest.mark.parametrize(("first", "word"), [(0.90, "holds here"), (0.95, "does not hold here")])
def test_the_claim_about_first_epochs_is_judged(first: float, word: str) -> None:
    rows = [Row(published("D2"), values=[0.93]), Row(published("D3", beats="D2"), values=[0.89], first_epochs=[first])]
    [line] = first_epoch_claims(rows)
    assert word in line


def test_no_claim_without_both_rows() -> None:
    assert first_epoch_claims([Row(published("D3", beats="D2"), values=[0.89], first_epochs=[0.9])]) == []
