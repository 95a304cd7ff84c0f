"""Files of a report, from runs with simple numbers."""

from __future__ import annotations

import csv
import dataclasses
import io
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from tests.conftest import tree_digest
from tests.reports.comparison.run_folders import make_run
from tests.reports.comparison.test_comparison import SETTINGS, errors, read

from hydrarec.core.errors import ConfigError
from hydrarec.reports.comparison import check, report_output, wording
from hydrarec.reports.comparison import comparison_settings as settings
from hydrarec.reports.comparison import comparison_tables as tables
from hydrarec.reports.comparison.comparison_page import document
from hydrarec.reports.comparison.content import COSTS, Contents
from hydrarec.reports.writers import csv_file, latex, markdown, terminal

NASTY = "<script>alert('x')</script> | a_b & 50% $x$ #{~}"


@pytest.fixture
def found(tmp_path: Path) -> Contents:
    """Two models under rating, one of them under ranking too, and one failure."""
    runs = tmp_path / "runs"
    for seed in range(3):
        make_run(runs / f"a{seed}", seed=seed, errors=errors(seed))
        make_run(runs / f"b{seed}", seed=seed, errors=errors(seed + 10, 1.1), model="BiasedDot")
    ranking = {"test/hr@10/sampled99": 0.6, "test/hr@10/full": 0.1, "test/ndcg@10/full": 0.05}
    make_run(runs / "c", ranking, task="ranking")
    failed = make_run(runs / NASTY.replace("/", "-"), {"test/rmse": 1.0}, overrides=("model=" + NASTY,))
    text = (failed / "result.json").read_text()
    (failed / "result.json").write_text(text.replace('"test/rmse": 1.0', '"test/rmse": NaN'))
    return read(runs)


def markdown_of(found: Contents) -> str:
    return markdown.render(document(found, Path("/")), figures=None)


def rows_of(markdown: str, title: str) -> list[list[str]]:
    part = markdown.split(f"## {title}")[1].split("\n## ")[0]
    return [line.strip("| ").split(" | ") for line in part.splitlines() if line.startswith("| ")]


def test_a_column_per_protocol_side_by_side(found: Contents) -> None:
    header, _, *rows = rows_of(markdown_of(found), "Side by side")
    assert header == ["model", "test/rmse (1)", "test/hr@10/sampled99 (2)", "test/hr@10/full (2)"]
    assert [row[0] for row in rows] == ["Dot", "BiasedDot"]
    assert rows[0][2:] == ["0.6000 ± ? (1)", "0.1000 ± ? (1)"]
    assert rows[1][2:] == ["–", "–"]


def test_best_is_bold_and_every_cell_has_its_n(found: Contents) -> None:
    header, _, best, other = rows_of(markdown_of(found), "1. ")
    assert header == ["model", "test/rmse", "test/mae", "seconds", "samples/s", "parameters", "peak MiB"]
    assert best[1].startswith("**1.0")
    assert best[1].endswith(" (3)**")
    assert other[1].endswith(" (3)")
    assert best[3:] == ["1.5", "200", "1,000", "256"]


def test_what_failed_is_named_and_ranked_nowhere(found: Contents) -> None:
    text = markdown_of(found)
    assert "8 run folders: 7 finished, 1 failed" in text
    assert "test/rmse is nan" in text.split("## Without a result")[1]
    assert "NaN" not in text.split("## Without a result")[0]
    assert "<script" not in text
    assert "&#60;script" in text
    assert "50% &#36;x&#36;" in text


def test_csv_is_plain_numbers(found: Contents) -> None:
    records = list(csv.DictReader(io.StringIO(csv_file.render(tables.groups_file(found)))))
    assert [record["model"] for record in records] == ["Dot", "BiasedDot", "Dot"]
    assert float(records[0]["test/rmse mean"]) < float(records[1]["test/rmse mean"])
    assert [records[0][name] for name in ("seeds", "test/rmse n", "test/rmse best", "looks_at_test")] == [
        "0 1 2",
        "3",
        "1",
        "3",
    ]
    assert records[2]["test/rmse mean"] == records[2]["test/hr@10/full sd"] == ""
    comparisons = list(csv.DictReader(io.StringIO(csv_file.render(tables.comparisons_file(found)))))
    assert [record["metric"] for record in comparisons] == ["test/rmse", "test/mae"]
    assert comparisons[0]["distinguishable"] == "1"
    assert float(comparisons[0]["low"]) < float(comparisons[0]["difference"]) < float(comparisons[0]["high"]) < 0


def test_latex_escapes_what_it_means_something_else_by(found: Contents) -> None:
    found.sections[0].groups[0].name = NASTY
    text = latex.render(document(found, Path("/")))
    assert text.count(r"\begin{tabular}") == text.count(r"\bottomrule") == 3
    assert r"a\_b \& 50\% \$x\$ \#\{\textasciitilde{}\}" in text
    assert r"\textbf{1.0" in text


def test_one_run_alone_is_no_comparison(tmp_path: Path) -> None:
    make_run(tmp_path / "a", errors=errors(0))
    found = read(tmp_path)
    assert found.sections[0].comparisons == {}
    assert "**" not in markdown_of(found)
    assert csv_file.render(tables.comparisons_file(found)) == "\n"


def test_looks_at_the_test_part_are_counted(tmp_path: Path) -> None:
    for number in range(3):
        make_run(tmp_path / f"{number}", errors=errors(number))
    words = wording.looks(read(tmp_path).sections[0])
    assert words.startswith("The test part was looked at 3 times, by 1 configuration.")
    assert "was run 3 times for 1 seed" in words


# -- publishing and checking -------------------------------------------------------------------------------------------


def publish(tmp_path: Path, **changes: Any) -> str:
    settings = dataclasses.replace(SETTINGS, runs=str(tmp_path / "runs"), output_dir=str(tmp_path / "out"), **changes)
    out = io.StringIO()
    terminal.show(*report_output.publish(settings), Console(file=out, soft_wrap=True))
    return out.getvalue()


def test_report_is_written_and_summed_up(found: Contents, tmp_path: Path) -> None:
    text = publish(tmp_path)
    assert "8 run folders" in text
    assert "Dot beats BiasedDot by" in text
    assert "next: hydrarec-report check=" in text
    written = tree_digest(tmp_path / "out" / "report")
    files = ["comparisons.csv", "report.html", "table.csv", "table.md", "table.tex"]
    assert sorted(name for name in written if not name.startswith("tensorboard")) == files
    publish(tmp_path)
    assert written == tree_digest(tmp_path / "out" / "report")


def test_only_failures_are_a_report_too(tmp_path: Path) -> None:
    (tmp_path / "runs" / "a").mkdir(parents=True)
    (tmp_path / "runs" / "a" / "error.json").write_text('{"what": "no data"}')
    assert "1 failed" in publish(tmp_path)
    assert "no data" in (tmp_path / "out" / "report" / "report.html").read_text()


@pytest.mark.parametrize("name", ["../x", "a/b", "", ".."])
def test_name_that_is_no_folder(found: Contents, tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match="name="):
        publish(tmp_path, name=name)


def checked(folders: list[Path] | str) -> str:
    return check.check(
        dataclasses.replace(SETTINGS, check=folders if isinstance(folders, str) else ",".join(map(str, folders)))
    )


def test_two_seeds_of_one_model_are_not_distinguishable(tmp_path: Path) -> None:
    folders = [make_run(tmp_path / f"{seed}", seed=seed, errors=errors(seed, 1 + 0.1 * seed)) for seed in (0, 1)]
    text = checked(folders)
    assert "A (Dot, seed 0) and B (Dot, seed 1) are not distinguishable" in text
    assert "beats" not in text


def test_two_models_are_compared_and_what_differs_is_said(found: Contents, tmp_path: Path) -> None:
    text = checked([tmp_path / "runs" / "a0", tmp_path / "runs" / "b0"])
    assert "test/rmse: Dot beats BiasedDot by" in text
    assert "they differ by model._target_ Dot / BiasedDot" in text


def test_folders_of_seeds_are_compared_as_groups(tmp_path: Path) -> None:
    for seed in range(3):
        make_run(tmp_path / "a" / f"{seed}", seed=seed, errors=errors(seed))
        make_run(tmp_path / "b" / f"{seed}", seed=seed, errors=errors(seed + 10, 1.1), model="BiasedDot")
    assert "400 ratings, 3 seeds" in checked([tmp_path / "a", tmp_path / "b"])


@pytest.mark.parametrize(
    ("names", "problem"),
    [
        (["a0"], "check names 1 folder"),
        (["a0", "nowhere"], "no such folder"),
        (["a0", "c"], "task.name rating and ranking"),
        (["a0", "../runs"], "holds|under different protocols"),
    ],
)
def test_what_cannot_be_compared(found: Contents, tmp_path: Path, names: list[str], problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        checked([tmp_path / "runs" / name for name in names])


def test_unfinished_run_cannot_be_checked(tmp_path: Path) -> None:
    first, second = (make_run(tmp_path / name, errors=errors(0)) for name in "ab")
    (second / "result.json").unlink()
    with pytest.raises(ConfigError, match="no run in it is finished: unfinished"):
        checked([first, second])


def test_columns_of_costs_are_those_that_settings_know() -> None:
    assert tuple(COSTS) == settings.COSTS


def test_tables_without_costs_are_equal_wherever_the_runs_were_made(tmp_path: Path) -> None:
    written = []
    for number in range(2):
        folder = make_run(tmp_path / f"runs{number}" / f"{number}", errors=errors(0))
        text = (folder / "result.json").read_text()
        (folder / "result.json").write_text(text.replace("1.5", f"{number + 2}.5"))
        changed = dataclasses.replace(
            SETTINGS, runs=str(folder), output_dir=str(tmp_path / "out"), costs=["parameters"]
        )
        report_output.publish(changed)
        written.append(
            [(tmp_path / "out/report" / name).read_bytes() for name in ("table.md", "table.csv", "table.tex")]
        )
    assert written[0] == written[1]
