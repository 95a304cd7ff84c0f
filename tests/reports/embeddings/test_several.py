"""Several runs: stability over seeds, and one model against another; on tiny runs, and on planted vectors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from tests.conftest import Execute
from tests.reports.embeddings import planted
from tests.reports.embeddings.planted import frame_of

from hydrarec.analysis.extremes import most_rated
from hydrarec.config.composition import compose_config, plain
from hydrarec.core.errors import CheckpointError, ConfigError
from hydrarec.reports.embeddings.analysis_settings import AnalyzeConfig
from hydrarec.reports.embeddings.pair import analyze_pair
from hydrarec.reports.embeddings.projection import project
from hydrarec.reports.embeddings.sections import alignment_section as comparison
from hydrarec.reports.embeddings.sections import stability_section as stability
from hydrarec.reports.embeddings.seeds import analyze_seeds

QUICK = ("shuffles=5", "resamples=20", "min_ratings=5", "extremes=3")


def settings(**changed: Any) -> AnalyzeConfig:
    return AnalyzeConfig(**{**plain(compose_config(QUICK, "analyze")), **changed})


@pytest.fixture
def runs(execute: Execute, workplace: Path) -> Path:
    for seed in (0, 1):
        execute(workplace / f"runs/s{seed}", "model=dot", "model.embedding_dim=8", f"seed={seed}")
    return workplace / "runs"


# -- seeds ----------------------------------------------------------------------------------------------------------


def test_seeds_of_a_folder(runs: Path, workplace: Path) -> None:
    (runs / "failed").mkdir()
    (runs / "failed" / "error.json").write_text('{"what": "the loss became nan"}')
    document, _ = analyze_seeds(settings(runs=str(runs)))
    folder = workplace / "outputs/analysis/stability"
    notes = ["1 of the folders hold no result and are left out."]
    assert document.summary == ["Dot, rating on csv, seeds 0, 1", *notes]
    assert document.lead == notes
    assert {path.name for path in folder.glob("*.*")} >= {
        "analysis.md",
        "analysis.html",
        "stability.csv",
        "stability.png",
        "stability.pdf",
    }
    found = pd.read_csv(folder / "stability.csv")
    assert found["component"].tolist() == ["PC1", "PC2", "PC3"]
    assert set(found["verdict"]) <= {"finding", "finding up to rotation", "accident"}
    assert "axis r² in seed 1" in found
    ends = pd.read_csv(folder / "stability_extremes.csv")
    np.testing.assert_allclose(ends["mean"], ends[["seed 0", "seed 1"]].mean(axis=1), atol=1e-6)
    assert not (runs / "s0" / "analysis").exists()  # the runs themselves stay as they are


def test_what_is_no_second_seed_is_refused(runs: Path, execute: Execute, workplace: Path) -> None:
    execute(workplace / "other/model", "model=biased_dot", "seed=2")
    execute(workplace / "other/width", "model=dot", "model.embedding_dim=4", "seed=2")
    execute(workplace / "other/twin", "model=dot", "model.embedding_dim=8", "seed=1")
    text = (workplace / "ratings.csv").read_text()
    (workplace / "fewer.csv").write_text("\n".join(line for line in text.split("\n") if line.split(",")[1:2] != ["30"]))
    execute(workplace / "other/items", "model=dot", "model.embedding_dim=8", "seed=2", "dataset.path=fewer.csv")
    for name, reason in {
        "model": "is hydrarec.models.dot.Dot in s0, hydrarec.models.dot.BiasedDot in model",
        "width": "model.embedding_dim is 8 in s0, 4 in width",
        "twin": "two of them have seed 1",
        "items": "s0 and items have different items",
    }.items():
        with pytest.raises(ConfigError) as raised:
            analyze_seeds(settings(runs=[str(runs), str(workplace / "other" / name)]))
        assert reason in str(raised.value)
    with pytest.raises(ConfigError, match="1 finished run, and 0 without a result"):
        analyze_seeds(settings(runs=str(runs / "s0")))
    assert not (workplace / "outputs").exists()


def projections(*seeds: int) -> list[Any]:
    items = most_rated(planted.run_data().item_counts, 100)
    return [
        project(planted.vectors(seed), items, planted.settings(components=number, shuffles=10))
        for seed, number in zip(seeds, (3, 2, 2), strict=False)
    ]


def test_planted_factors_are_findings_and_noise_is_an_accident() -> None:
    first, *others = projections(0, 1, 2)
    section = stability.section(planted.subject(), first, others, [0, 1, 2], planted.settings(extremes=3))
    assert frame_of(section, "stability")["verdict"].tolist() == ["finding", "finding", "accident"]
    assert frame_of(section, "stability")["axis r²"].iloc[:2].tolist() == pytest.approx([1, 1], abs=0.01)
    second = frame_of(section, "stability_extremes").query("component == 'PC2'")
    assert {tuple(rows["item"] // 10) for _, rows in second.groupby("end")} == {(0, 1, 2), (40, 39, 38)}
    assert second["sd"].max() < 0.05  # every seed turns the vectors in its own way; aligned they agree
    assert [line.split(" (")[0] for line in section.summary] == ["PC1: finding", "PC2: finding", "PC3: accident"]


# -- pairs ----------------------------------------------------------------------------------------------------------


def pair_section(first: np.ndarray, second: np.ndarray, **changed: Any) -> Any:
    return comparison.section(
        planted.subject(), first, second, np.arange(len(first)), planted.settings(**{"k": 5, **changed})
    )


def test_a_turned_copy_is_the_same() -> None:
    generator = np.random.default_rng(3)
    first = generator.standard_normal((60, 6))
    turn, _ = np.linalg.qr(generator.standard_normal((6, 6)))
    section = pair_section(first, 3 * first @ turn)
    values = frame_of(section, "comparison")
    assert values["value"].tolist() == pytest.approx([1, 1, 1, 1])
    assert values["by chance"].iloc[1] == pytest.approx(0, abs=0.05)
    assert values["by chance"].iloc[3] == pytest.approx(5 / 59)
    assert frame_of(section, "common_neighbours")["common neighbours"].tolist() == [1.0] * 60
    assert len(section.tables[1].shown) == 20
    assert section.summary[0].startswith("linear CKA: 1.000 (by chance 0.")


def test_unrelated_embeddings_are_at_chance() -> None:
    generator = np.random.default_rng(4)
    section = pair_section(generator.standard_normal((60, 6)), generator.standard_normal((60, 9)), k=100)
    values = frame_of(section, "comparison").set_index("measure")["value"]
    assert abs(values["CKA, debiased"]) < 0.15
    assert values["common among 59 neighbours"] == 1  # all others


def test_two_models_over_their_common_items(runs: Path, execute: Execute, workplace: Path) -> None:
    lines = (workplace / "ratings.csv").read_text().split("\n")
    (workplace / "part.csv").write_text(
        "\n".join([lines[0], *(row for row in lines[1:] if row and int(row.split(",")[1]) > 4)])
    )
    execute(workplace / "other", "model=svdpp", "dataset.path=part.csv")
    document, _ = analyze_pair(settings(compare=f"{runs / 's0'},{workplace / 'other'}", name="mine"))
    title, note = document.summary
    assert title == "Dot, rating on csv, seed 0 against SVDpp, rating on csv, seed 0"
    assert str(note).startswith("Of 26 common items 26 are compared: the most rated ones, with ")
    folder = workplace / "outputs/analysis/mine"
    found = pd.read_csv(folder / "common_neighbours.csv")
    assert sorted(found["item"]) == list(range(5, 31))
    assert "comparison.png" in (folder / "analysis.md").read_text()
    same, _ = analyze_pair(settings(compare=[str(runs / "s0"), str(runs / "s0")]))
    assert "linear CKA: 1.000" in same.sections[0].summary[0]
    assert "common among 10 neighbours: 1.000" in same.sections[0].summary[3]


def test_what_cannot_be_compared_is_refused(runs: Path, execute: Execute, workplace: Path) -> None:
    execute(workplace / "bias", "model=bias")
    for compare, reason in {
        str(runs / "s0"): "compare names 1 folder",
        f"{runs / 's0'},{workplace / 'bias'}": "model Bias has no item embeddings",
    }.items():
        with pytest.raises(ConfigError, match=reason):
            analyze_pair(settings(compare=compare))
    with pytest.raises(CheckpointError, match="is no run folder"):
        analyze_pair(settings(compare=[str(runs / "s0"), str(workplace)]))


def test_items_in_common_must_be_some(runs: Path, execute: Execute, workplace: Path) -> None:
    rows = (workplace / "ratings.csv").read_text().split("\n")
    renamed = [
        ",".join([row.split(",")[0], f"film {row.split(',')[1]}", *row.split(",")[2:]]) for row in rows[1:] if row
    ]
    (workplace / "texts.csv").write_text("\n".join([rows[0], *renamed]))
    execute(workplace / "texts", "model=dot", "dataset.path=texts.csv")
    with pytest.raises(ConfigError, match="have 0 rated items in common"):
        analyze_pair(settings(compare=[str(runs / "s0"), str(workplace / "texts")]))


@pytest.mark.parametrize("name", ["a/b", "..", ""])
def test_names_that_are_no_folders(name: str, workplace: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be the name of a folder"):
        analyze_pair(settings(compare="a,b", name=name))
    with pytest.raises(ConfigError, match="cannot be the name of a folder"):
        analyze_seeds(settings(runs="runs", name=name))
