"""``hydrarec-analyze run=…``: the files it writes, its output, and its errors."""

from __future__ import annotations

import dataclasses
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import yaml
from tests import commands
from tests.conftest import TIME_LIMIT, Config, Execute, tree_digest

from hydrarec.cli import analyze
from hydrarec.core.errors import CheckpointError, ConfigError, DataError, EnvironmentFault, HydrarecError
from hydrarec.runs.folder import RunFolder
from hydrarec.runs.run_data import read_data

QUICK = ("shuffles=5", "resamples=20", "min_ratings=5", "extremes=3", "bias_list=4")
OWN = ("analysis", "figures", "tensorboard", ".lock")
FIGURES = {
    "curves",
    "embeddings",
    "distributions",
    "scree",
    "scatter",
    "extremes",
    "meaning",
    "item_biases",
    "user_biases",
}
TABLES = {
    *("distributions", "embeddings", "components", "extremes", "projection", "meaning", "best_and_worst"),
    *("disagreements", "item_biases", "user_biases", "neighbours"),
}

Analyze = Callable[..., str]


@pytest.fixture
def analyse(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Analyze:
    """``analyse("key=value", …)`` runs the command in this process and returns its output; errors are raised."""

    def run(*arguments: str) -> str:
        monkeypatch.setattr(sys, "argv", ["hydrarec-analyze", *arguments])
        capsys.readouterr()
        assert analyze._main() == 0
        return capsys.readouterr().out

    return run


@pytest.fixture
def run(execute: Execute, workplace: Path) -> Path:
    """A run on a dataset with titles and genres."""
    execute(workplace / "run", "model=biased_dot")
    folder = RunFolder(workplace / "run")
    titles = tuple(f"The Film, Part {item} ({1990 + item})" for item in range(1, 31))
    genres = tuple("Drama|War" if item % 3 else "Comedy" for item in range(1, 31))
    known = dataclasses.replace(read_data(folder), titles=titles, genres=genres)
    folder.write_data(known.to_arrays())
    folder.release()
    return workplace / "run"


def names_in(folder: Path, suffix: str) -> set[str]:
    return {path.stem for path in folder.glob(f"*{suffix}")}


@pytest.mark.e2e
def test_command_as_a_user_types_it(run: Path) -> None:
    before = tree_digest(run, without=OWN)
    done = commands.run("hydrarec.cli.analyze", "run=run", "item=the film part 7", *QUICK, timeout=TIME_LIMIT)
    assert done.returncode == 0, done.stderr
    for kind in (".png", ".pdf"):
        assert names_in(run / "figures", kind) == FIGURES
    assert names_in(run / "analysis", ".csv") == TABLES
    assert done.stdout.startswith("BiasedDot, rating on csv: 40 users, 30 items, 480 training ratings.\n")
    assert "Parallel analysis keeps " in done.stdout
    assert "nearest to The Film, Part 7 (1997):\n" in done.stdout
    assert "page: run/analysis/analysis.html\n" in done.stdout
    assert "next: hydrarec-recommend run=run user=1\n" in done.stdout
    assert tree_digest(run, without=OWN) == before
    assert (run / "analysis" / "analysis.html").read_text().count("data:image/png;base64") == len(FIGURES)
    page = (run / "analysis" / "analysis.md").read_text()
    for name in FIGURES:
        assert f"](../figures/{name}.png)" in page
    for name in TABLES:
        assert f"]({name}.csv)" in page or f"]({name}.csv," in page


@pytest.mark.e2e
def test_again_is_the_same_bytes(run: Path, analyse: Analyze) -> None:
    first = analyse("run=run", *QUICK)
    before = tree_digest(run)
    assert len([name for name in before if name.startswith("tensorboard/analysis/")]) == 4
    assert analyse("run=run", *QUICK) == first
    assert tree_digest(run) == before


def test_selections_by_id_and_title(run: Path, analyse: Analyze) -> None:
    analyse("run=run", *QUICK, "items=[7, film part 9 (1999), Film? Part 30!]", "metric=inner", "k=2")
    embeddings = pd.read_csv(run / "analysis/embeddings.csv")
    assert embeddings["item"].tolist() == [7, 9, 30]
    neighbours = pd.read_csv(run / "analysis/neighbours.csv")
    assert neighbours["place"].tolist() == [1, 2] * 5  # of the five most rated items
    assert "inner product" in neighbours


@pytest.mark.parametrize(
    ("overrides", "figures", "said"),
    [
        (("model=bias",), {"item_biases", "user_biases"}, "The model has no item embeddings and no user embeddings."),
        (
            ("model=dot", "model.embedding_dim=1"),
            {"embeddings", "distributions", "scree", "extremes", "meaning"},
            "Embeddings of one dimension have one component",
        ),
        (
            ("task=ranking", "model=neumf", "task.datamodule.num_candidates=9", "task.objective.num_candidates=9"),
            FIGURES - {"item_biases", "user_biases"},
            "The model has no item biases and no user biases.",
        ),
    ],
)
def test_what_can_be_done_is_done(
    execute: Execute, analyse: Analyze, workplace: Path, overrides: tuple[str, ...], figures: set[str], said: str
) -> None:
    """Titles and genres are optional."""
    execute(workplace / "run", *overrides)
    printed = analyse("run=run", *QUICK)
    assert said in printed
    assert "The data have no titles and no genres." in printed
    assert names_in(workplace / "run/figures", ".png") == figures | {"curves"}


def test_model_without_anything_names_others(execute: Execute, analyse: Analyze, workplace: Path) -> None:
    execute(workplace / "run", "task=ranking", "model=popularity", *RANKING)
    with pytest.raises(ConfigError, match="Popularity has neither embeddings nor biases") as raised:
        analyse("run=run")
    assert "biased_dot" in raised.value.expected
    assert not (workplace / "run/analysis").exists()


RANKING = ("task.datamodule.num_candidates=9", "task.objective.num_candidates=9")


# -- what is refused ------------------------------------------------------------------------------------------------


WRONG: list[tuple[tuple[str, ...], type[HydrarecError], str]] = [
    ((), ConfigError, "no run is given"),
    (("run=run", "compare=run,run"), ConfigError, "run and compare are given"),
    (("run=run", "componets=3"), ConfigError, "unknown key 'componets'"),
    (("run=run", "components=0"), ConfigError, "components=0"),
    (("run=run", "metric=euclid"), ConfigError, "metric=euclid"),
    (("run=run", "level=1.0"), ConfigError, "level=1.0"),
    (("-m", "run=run", "seed=0,1"), ConfigError, "-m is for training"),
    (("run=nowhere",), CheckpointError, "nowhere is not a folder"),
    (("run=.",), CheckpointError, "no config.yaml"),
    (("run=run", "item=The Flim Part 7"), DataError, "is neither an id nor a title"),
    (("run=run", "item=The Film"), DataError, "fits 30 titles"),
    (("run=run", "items=[1, 77]"), DataError, "items: '77'"),
]


def test_wrong_words_get_one_clear_answer(run: Path, analyse: Analyze) -> None:
    before = tree_digest(run)
    for arguments, error, words in WRONG:
        with pytest.raises(error) as raised:
            analyse(*arguments)
        assert words in str(raised.value)
        assert raised.value.expected
    assert tree_digest(run) == before


def test_error_ends_with_its_code(workplace: Path) -> None:
    done = commands.run("hydrarec.cli.analyze", "run=nowhere", timeout=TIME_LIMIT)
    assert done.returncode == CheckpointError.exit_code
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) <= 4


def test_neighbours_need_embeddings(execute: Execute, analyse: Analyze, workplace: Path) -> None:
    execute(workplace / "run", "model=bias")
    for argument in ("item=1", "items=[1]"):
        with pytest.raises(ConfigError, match=f"model Bias has no item embeddings, which {argument[:4]}"):
            analyse("run=run", argument)


def test_run_that_is_not_finished_or_in_use_is_left_alone(run: Path, analyse: Analyze) -> None:
    before = tree_digest(run, without=(".lock",))
    live = RunFolder(run)
    with pytest.raises(EnvironmentFault, match="in use"):
        analyse("run=run", *QUICK)
    live.release()
    assert tree_digest(run, without=(".lock",)) == before
    (run / "result.json").unlink()
    with pytest.raises(CheckpointError, match="is not finished") as raised:
        analyse("run=run")
    assert raised.value.fix == "hydrarec-train resume=run"


def test_run_without_its_data_says_how_to_get_it(run: Path, analyse: Analyze) -> None:
    (run / "data.npz").unlink()
    with pytest.raises(CheckpointError, match="keeps neither titles nor who rated what"):
        analyse("run=run")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_folder_that_cannot_be_written(run: Path, analyse: Analyze) -> None:
    (run / "analysis").mkdir(mode=0o500)
    with pytest.raises(EnvironmentFault, match="cannot be written"):
        analyse("run=run", *QUICK)


@pytest.mark.e2e
def test_analysis_of_a_moved_run(run: Path, analyse: Analyze, workplace: Path) -> None:
    """An analysis needs the run folder only."""
    moved = workplace / "else where" / "run, moved"
    moved.parent.mkdir()
    run.rename(moved)
    (workplace / "ratings.csv").unlink()
    config: Config = yaml.safe_load((moved / "config.yaml").read_text())
    assert config["model"]["_target_"].endswith("BiasedDot")
    assert "next: hydrarec-analyze 'run=else where/run, moved' 'item=" in analyse(f"run={moved}", *QUICK)
    assert (moved / "analysis/analysis.md").is_file()
