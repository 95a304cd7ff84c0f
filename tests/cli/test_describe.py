"""``python -m hydrarec.cli.describe`` end to end: files, output and errors."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests import commands
from tests.conftest import TIME_LIMIT, Train, tree_digest
from tests.data.small_data import own_file
from tests.reports.description.test_dataset_page import PICTURES, TABLES, files_in, rows_of, subject_of

from hydrarec.cli import entry_point as cli
from hydrarec.cli.describe import main
from hydrarec.data.table import Scale

Describe = Callable[..., subprocess.CompletedProcess[str]]
PAGES = {"describe.md", "describe.html"}
OWN = ("dataset=csv", "dataset.path=skewed.csv", "dataset.time=time")


@pytest.fixture
def describe(workplace: Path) -> Describe:
    (workplace / "skewed.csv").write_text(skewed_ratings(), encoding="utf-8")

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return commands.run("hydrarec.cli.describe", *arguments, cwd=workplace, timeout=TIME_LIMIT)

    return run


def skewed_ratings() -> str:
    """User u of 20 rates items 1 … u, one day after user u − 1: 210 ratings, 210 of 400 pairs."""
    pairs = [(user, item) for user in range(1, 21) for item in range(1, user + 1)]
    lines = [f"{user},{item},{1 + (user * item) % 5},{1_000_000_000 + 86_400 * user}" for user, item in pairs]
    return "\n".join(["user,item,rating,time", *lines]) + "\n"


# -- what is written ---------------------------------------------------------------------------------------------------


def test_description_is_whole_and_repeatable(describe: Describe, workplace: Path) -> None:
    first = describe(*OWN)
    assert first.returncode == 0, first.stderr
    folder = workplace / "outputs/describe/csv"
    pictures = {f"{name}.{kind}" for name in PICTURES for kind in ("png", "pdf")}
    assert files_in(folder) == {*PAGES, "ratings_over_time.csv", *pictures} | {f"{name}.csv" for name in TABLES}
    assert [path.name for path in (folder / "tensorboard").iterdir()] == ["events.out.tfevents.0.description"]

    lines = first.stdout.splitlines()
    assert lines[0] == "csv: 210 ratings, 20 users, 20 items, density 52.500%"
    assert lines[1].endswith("; 2001-09-10 to 2001-09-29")
    assert [line.split()[0] for line in lines[2:5]] == ["ratings", "user", "item"]
    assert "page: outputs/describe/csv/describe.html" in lines
    assert lines[-1].startswith(f"next: hydrarec-train {shlex.join(OWN)}")
    assert all(len(line) <= 80 for line in lines[2:5])

    text = (folder / "describe.md").read_text(encoding="utf-8")
    linked = set(re.findall(r"\]\(([^)]+)\)", text))
    assert linked == files_in(folder) - PAGES

    before = tree_digest(folder)
    assert describe(*OWN).stdout == first.stdout
    assert tree_digest(folder) == before


def test_tables_hold_what_the_ratings_say(describe: Describe, workplace: Path) -> None:
    """Item i is rated by the users i … 20. The top 10 %, 2 users, have 20 + 19 of the 1 + … + 20 = 210 ratings."""
    assert describe(*OWN, "users=3", "items=2").returncode == 0
    folder = workplace / "outputs/describe/csv"
    sizes = {row["quantity"]: row["value"] for row in rows_of(folder / "sizes.csv")}
    assert (sizes["ratings"], sizes["users"], sizes["items"]) == ("210", "20", "20")
    assert float(sizes["density"]) == 210 / 400
    assert float(sizes["days between them"]) == 19
    user, item = rows_of(folder / "spread.csv")
    assert (user["least"], user["median"], user["mean"], user["most"]) == ("1", "10.5", "10.5", "20")
    assert float(user["top 10%"]) == float(item["top 10%"]) == 39 / 210
    assert sum(int(row["ratings"]) for row in rows_of(folder / "rating_histogram.csv")) == 210
    assert [row["ratings"] for row in rows_of(folder / "ratings_over_time.csv")] == [str(u) for u in range(1, 21)]
    assert [row["user"] for row in rows_of(folder / "most_active_users.csv")] == ["20", "19", "18"]
    assert [row["item"] for row in rows_of(folder / "most_rated_items.csv")] == ["1", "2"]
    expected = [{"user": str(u), "1": str(1 + u % 5), "2": str(1 + 2 * u % 5)} for u in (18, 19, 20)]
    assert rows_of(folder / "cross_tab.csv") == expected


def test_filter_is_described_beside_the_whole_and_where_it_is_told(describe: Describe, workplace: Path) -> None:
    """Users 10 … 20 keep those of items 1 … 11 that they rated: 10 + 10 · 11."""
    done = describe(*OWN, "filter.core=10", "output_dir=else, where", "users=3", "items=3")
    assert done.returncode == 0, done.stderr
    left = "The filter (core=10) left 120 of 210 ratings, 11 of 20 users, 11 of 20 items."
    folder = "else, where/describe/csv-core=10"
    lines = done.stdout.splitlines()
    assert left in lines
    assert f"look at it: tensorboard --logdir '{folder}/tensorboard'" in lines
    assert lines[-1].startswith(f"next: hydrarec-train {shlex.join(OWN)} filter.core=10")
    assert left in (workplace / folder / "describe.md").read_text(encoding="utf-8")
    assert not (workplace / "outputs").exists()


def test_torch_is_not_imported(workplace: Path) -> None:
    code = """
import atexit, os, sys
atexit.register(lambda: os._exit(99) if "torch" in sys.modules else None)
sys.argv = ["hydrarec-describe", "dataset=csv", "dataset.path=ratings.csv"]
from hydrarec.cli.describe import main
main()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=TIME_LIMIT)
    assert done.returncode == 0, done.stderr


# -- data that lack something ------------------------------------------------------------------------------------------


def test_what_would_be_empty_is_not_drawn_and_said_so(describe: Describe, workplace: Path) -> None:
    folder = workplace / "outputs/describe/csv"
    assert describe(*OWN).returncode == 0
    (folder / "notes.txt").write_text("mine")
    (workplace / "skewed.csv").write_text("user,item\n" + "".join(f"{u},{i}\n" for u in range(9) for i in range(9)))
    done = describe("dataset=csv", "dataset.path=skewed.csv", "dataset.rating=null")
    assert done.returncode == 0, done.stderr
    reasons = {"rating_histogram": "all ratings are 1", "ratings_over_time": "the ratings have no times"}
    reasons |= {"ratings_per_user": "every user has 9 ratings", "ratings_per_item": "every item has 9 ratings"}
    text = (folder / "describe.md").read_text(encoding="utf-8")
    for name, reason in reasons.items():
        assert f"no picture of {name}: {reason}" in done.stdout
        assert f"{reason}." in text
    expected = {*PAGES, "notes.txt", "cross_tab.png", "cross_tab.pdf"} | {f"{name}.csv" for name in TABLES}
    assert files_in(folder) == expected  # nothing of the first description is left
    assert set(re.findall(r"\]\(([^)]+)\)", text)) == expected - {*PAGES, "notes.txt"}


# -- the next command --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rating", "time", "needed"),
    [("rating", "time", ""), (None, "time", "task=ranking"), (None, None, "split=user_ratio")],
    ids=["stars", "implicit", "implicit without times"],
)
def test_the_next_command_works(
    workplace: Path, train: Train, rating: str | None, time: str | None, needed: str
) -> None:
    columns = {"rating": rating, "time": time}
    source = own_file(workplace / "ratings.csv", user="user", item="item", scale=Scale(None, None, None), **columns)
    chosen = [f"dataset.{name}={column or 'null'}" for name, column in columns.items()]
    subject = subject_of(source.load(), "dataset=csv", "dataset.path=ratings.csv", *chosen)
    command, *arguments = shlex.split(subject.next_command)
    assert command == "hydrarec-train"
    assert needed in subject.next_command
    trained = train(*arguments, "trainer.epochs=1", "logger=none")
    assert trained.returncode == 0, trained.stderr


def test_the_next_command_takes_the_parts_that_the_source_brings(describe: Describe, workplace: Path) -> None:
    for name, lines in {"train.rating": "0\t0\t5\t10\n0\t1\t3\t20\n", "test.rating": "0\t2\t4\t30\n"}.items():
        (workplace / f"ml-1m.{name}").write_text(lines)
    (workplace / "ml-1m.test.negative").write_text("(0,2)\t1\t0\n")
    counts = [f"dataset.expected.{what}=null" for what in ("ratings", "users", "items")]
    done = describe("dataset=he2017", "dataset.path=ml-1m", *counts)
    assert done.returncode == 0, done.stderr
    assert " split=given" in done.stdout.splitlines()[-1]
    sizes = {row["quantity"]: row["value"] for row in rows_of(workplace / "outputs/describe/he2017/sizes.csv")}
    assert (sizes["given for training"], sizes["given for validation"], sizes["given for test"]) == ("2", "0", "1")


# -- mistakes ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "exit_code", "says"),
    [
        (("datset=ml-100k",), 2, ("unknown key 'datset'", "dataset")),
        (("dataset=ml-100",), 2, ("dataset=ml-100", "ml-100k")),
        (("dataset.nmae=x",), 2, ("'dataset.nmae'", "name")),
        (("+dataset.nmae=x",), 2, ("'dataset.nmae'", "name")),
        (("+usrs=3",), 2, ("'usrs'", "users")),
        (("model=dot",), 2, ("model is a setting of a run", "leave it out")),
        (("split=folds",), 2, ("split is a setting of a run", "leave it out")),
        (("filter=six_core",), 2, ("filter=six_core", "five_core")),
        (("filter.core=0",), 2, ("filter.core=0", "≥ 1")),
        (("filter.user_fraction=2",), 2, ("filter.user_fraction=2", "up to 1")),
        (("users=0",), 2, ("users=0", "≥ 1")),
        (("items=51",), 2, ("items=51", "1 to 50")),
        (("users=many",), 2, ("users=many", "a whole number")),
        (("name=a/b",), 2, ("name=a/b", "no slashes")),
        (("dataset.name=..",), 2, ("name=..", "no slashes")),
        (("~dataset",), 2, ("'dataset' is missing", "dataset")),
        (("dataset=csv",), 2, ("'dataset.path'", "dataset.path=")),
        (("dataset._target_=os.system",), 2, ("os.system", "hydrarec.data")),
        (("-m", "dataset=ml-100k,ml-1m"), 2, ("-m is for training", "no -m")),
        (("--hepl",), 2, ("--hepl", "--help")),
        (("dataset=csv", "dataset.path=nowhere.csv"), 3, ("nowhere.csv: no such file", "path")),
        ((*OWN, "filter.min_rating=9"), 3, ("leaves none of the 210 ratings", "filter=all")),
        ((*OWN, "output_dir=skewed.csv"), 6, ("cannot be written", "output_dir=")),
    ],
    ids=lambda value: " ".join(value)[:40] if isinstance(value, tuple) else "",
)
def test_mistake_keeps_the_contract(
    workplace: Path,
    arguments: tuple[str, ...],
    exit_code: int,
    says: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (workplace / "skewed.csv").write_text(skewed_ratings(), encoding="utf-8")
    before = tree_digest(workplace)
    monkeypatch.setattr(sys, "argv", ["hydrarec-describe", *arguments])
    monkeypatch.setenv(cli.FULL_ERROR, "0")
    with pytest.raises(SystemExit) as ended:
        main()
    shown = capsys.readouterr()
    assert ended.value.code == exit_code, shown.err
    problem, expected, to_go_on = shown.err.splitlines()
    assert expected.startswith("  expected: ")
    assert to_go_on.startswith("  fix: ")
    assert says[0] in problem
    assert says[1] in f"{expected}\n{to_go_on}"
    assert shown.out == ""
    assert tree_digest(workplace) == before


def test_a_mistake_in_the_settings_is_found_before_data_are_read(describe: Describe, workplace: Path) -> None:
    done = describe("dataset=csv", "dataset.path=nowhere.csv", "items=51")
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 3
    assert done.stdout == ""
    assert not Path(os.environ["HYDRAREC_CACHE_DIR"]).exists()


@pytest.mark.parametrize("argument", ["--help", "--cfg=job", "--info=defaults"])
def test_question_is_answered_and_changes_nothing(describe: Describe, workplace: Path, argument: str) -> None:
    before = sorted(path.name for path in workplace.iterdir())
    done = describe(argument)
    assert done.returncode == 0, done.stderr
    assert "items: 15" in done.stdout or argument.startswith("--info")
    assert done.stderr == ""
    assert sorted(path.name for path in workplace.iterdir()) == before
