"""``python -m hydrarec.cli.recommend`` end to end, on real runs."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from tests.conftest import PACKAGE_ROOT, TIME_LIMIT, TINY, small_ratings, tree_digest

from hydrarec.cli import recommend
from hydrarec.core.errors import ConfigError, HydrarecError
from hydrarec.models.trained import load_run
from hydrarec.runs.reader import RunReader
from hydrarec.runs.run_data import RunData, read_data

Ask = Callable[..., str]
MADE = {  # folder: how it was trained
    "stars": ("task=rating", "model=biased_dot"),
    "embedded": ("task=ranking", "model=dot", "task/protocol=full"),
    "weighted": ("task=ranking", "model=ease", "task/protocol=full"),
    "counted": ("task=ranking", "model=popularity", "task/protocol=full"),
    "liked": ("task=ranking", "model=ease", "task/protocol=full", "filter=liked"),
}
TITLES = (
    "Toy Story (1995)",
    "'Til There Was You (1997)",
    "Godfather, The (1972)",
    "Léon: [The] Professional $1 (1994)",
)
GENRES = ("Children's|Comedy", "Drama", "Crime|Drama", "")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One run of each kind, with titles and genres; read-only."""
    from hydrarec.config.composition import compose_config, plain
    from hydrarec.training.job import execute

    home = tmp_path_factory.mktemp("trained")
    (home / "ratings.csv").write_text(small_ratings(), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HYDRAREC_CACHE_DIR", str(home / "cache"))
        for name, settings in MADE.items():
            overrides = [*TINY, *settings, f"dataset.path={home / 'ratings.csv'}"]
            execute(plain(compose_config(overrides)), home / name, overrides)
            data = read_data(RunReader(home / name))
            titles = tuple(f"{TITLES[item % 4]} {item}" if item > 3 else TITLES[item] for item in range(data.num_items))
            named = replace(data, titles=titles, genres=tuple(GENRES[item % 4] for item in range(data.num_items)))
            np.savez_compressed(home / name / "data.npz", allow_pickle=False, **named.to_arrays())
    return home


@pytest.fixture
def ask(trained: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Ask:
    """``ask("key=value", …)`` runs the command in this process and returns its output."""

    def run(*arguments: str) -> str:
        monkeypatch.chdir(trained)
        monkeypatch.setattr(sys, "argv", ["hydrarec-recommend", *arguments])
        assert recommend._main() == 0
        return capsys.readouterr().out

    return run


@pytest.fixture
def unchanged(trained: Path) -> dict[str, str]:
    return tree_digest(trained)


def read_rows(answer: str) -> list[list[str]]:
    """Parse the table's rows: place, title, value, …"""
    lines = [re.split(r"  +", line.strip()) for line in answer.splitlines()]
    return [cells for cells in lines if cells[0].isdigit()]


def raw_items(answer: str) -> list[int]:
    return [int(cells[-1]) for cells in read_rows(answer)]


def naive(folder: Path, raw_user: int, k: int) -> list[tuple[int, float]]:
    """Raw ids and scores of all items that the user has not rated, sorted."""
    run = load_run(folder)
    user = run.data.user_ids.index_of(raw_user)
    rated = set(run.data.items[run.data.rows_of(user)].tolist())
    scores = run.model.catalogue_scores(torch.tensor([user]))[0].tolist()
    left = sorted((item for item in range(run.data.num_items) if item not in rated), key=lambda item: -scores[item])
    return [(int(run.data.item_ids.raw[item]), scores[item]) for item in left[:k]]


def rated_by(data: RunData, raw_user: int) -> set[int]:
    return set(data.item_ids.raw[data.items[data.rows_of(data.user_ids.index_of(raw_user))]].tolist())


# -- one user ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [name for name in MADE if name != "counted"])
@pytest.mark.parametrize("user", [1, 39])
def test_user(ask: Ask, trained: Path, name: str, user: int) -> None:
    answer = ask(f"run={name}", f"user={user}", "k=7")
    expected = naive(trained / name, user, 7)
    assert raw_items(answer) == [item for item, _ in expected]
    stars = name == "stars"
    values = [np.clip(score, 1, 5) if stars else score for _, score in expected]
    assert [float(cells[2]) for cells in read_rows(answer)] == pytest.approx(values, rel=1e-3, abs=0.006)
    assert ("stars" in answer) == stars
    assert ("only the order counts" in answer) == (not stars)
    assert not set(raw_items(answer)) & rated_by(load_run(trained / name).data, user)


def test_next_command_works(ask: Ask) -> None:
    """Follow the suggested next commands until one repeats."""
    seen = []
    command = "hydrarec-recommend run=stars user=8 genres=[Comedy]"
    while command not in seen and len(seen) < 5:
        seen.append(command)
        answer = ask(*shlex.split(command)[1:])
        command = answer.splitlines()[-1].removeprefix("next: ")
        assert all("Comedy" in " ".join(cells) for cells in read_rows(answer))
    assert seen[1] == "hydrarec-recommend run=stars user=8 why=true 'genres=[Comedy]'"
    assert seen[2].startswith("hydrarec-recommend run=stars item=")


def test_fewer_are_left_than_asked_for(ask: Ask, trained: Path) -> None:
    answer = ask("run=stars", "user=1", "k=30")
    rated = len(rated_by(load_run(trained / "stars").data, 1))
    assert len(read_rows(answer)) == 30 - rated
    assert f"{30 - rated} instead of 30: this user has rated all other items" in answer


@pytest.mark.parametrize("name", ["stars", "embedded", "weighted"])
def test_why(ask: Ask, trained: Path, name: str) -> None:
    plain, why = ask(f"run={name}", "user=7"), ask(f"run={name}", "user=7", "why=true", "reasons=2")
    assert [cells[:3] for cells in read_rows(plain)] == [cells[:3] for cells in read_rows(why)]
    data = load_run(trained / name).data
    rows = data.rows_of(data.user_ids.index_of(7))
    rating_of = {data.label(item): rating for item, rating in zip(data.items[rows], data.ratings[rows], strict=True)}
    given = [cells[-1] for cells in read_rows(why)]
    assert any(given)
    for text in given:
        reasons = re.findall(r"(.+?) (\d)(?:, |$)", text)
        assert len(reasons) <= 2
        assert all(rating_of[title] == float(rating) for title, rating in reasons)


@pytest.mark.parametrize("name", ["stars", "weighted"])
def test_nothing_is_left(ask: Ask, name: str) -> None:
    for question in (("user=7", "why=true"), ("item=1",)):
        answer = ask(f"run={name}", *question, "years=[1900,1901]")
        assert read_rows(answer) == []
        assert "the filters keep 0 of 30 items" in answer
        assert "0 instead of 10: " in answer


def test_model_that_has_nothing_to_explain_with(ask: Ask) -> None:
    answer = ask("run=counted", "user=7")
    assert answer.splitlines()[-1] == "next: hydrarec-recommend run=counted users=all out=recs.csv"
    for question in (("user=7", "why=true"), ("item=1",)):
        with pytest.raises(ConfigError, match="model Popularity cannot compare items"):
            ask("run=counted", *question)


@pytest.mark.parametrize("genres", ["genres=[Children's]", "genres=children's", "genres=['Children\\'s']"])
def test_filters(ask: Ask, genres: str) -> None:
    answer = ask("run=stars", "user=8", genres, "not_genres=[Crime]", "years=[1990,1999]", "min_ratings=1")
    assert read_rows(answer)
    assert all(cells[3] == "Children's, Comedy" and "(1995)" in cells[1] for cells in read_rows(answer))
    assert "the filters keep " in answer


# -- items, and somebody new ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("wanted", ["item=1", "item=toy story (1995)", 'item="Toy Story (1995)"'])
def test_more_like_an_item(ask: Ask, trained: Path, wanted: str) -> None:
    answer = ask("run=stars", wanted, "k=4")
    vectors = load_run(trained / "stars").model.vectors("item").double()
    cosines = torch.cosine_similarity(vectors[:1], vectors)
    expected = [item for item in cosines.argsort(descending=True).tolist() if item != 0][:4]
    assert raw_items(answer) == [item + 1 for item in expected]
    assert [float(cells[2]) for cells in read_rows(answer)] == pytest.approx(cosines[expected].tolist(), abs=6e-4)
    assert "items like Toy Story (1995)" in answer


def test_titles_that_the_shell_passes_on(ask: Ask) -> None:
    for title in TITLES:
        assert f"items like {title}, " in ask("run=weighted", f"item={title}", "k=1")


def test_more_like_an_item_by_weights(ask: Ask, trained: Path) -> None:
    weights = load_run(trained / "weighted").model.item_weights(torch.tensor([0]))[0]
    expected = sorted((item for item in range(1, len(weights)) if weights[item] > 0), key=lambda item: -weights[item])
    assert raw_items(ask("run=weighted", "item=1", "k=3")) == [item + 1 for item in expected[:3]]


MINE = "ratings={Toy Story (1995): 5, 'Godfather, The (1972)': 2}"  # items 0 and 2


def naive_for(folder: Path, rated: dict[int, float], never: set[int], k: int) -> list[int]:
    """Raw ids of the items for a new user: all except ``never``, sorted."""
    run = load_run(folder)
    scores = run.model.scores_of_history(torch.tensor([*rated]), torch.tensor([*rated.values()])).tolist()
    left = sorted((item for item in range(run.data.num_items) if item not in never), key=lambda item: -scores[item])
    return [int(run.data.item_ids.raw[item]) for item in left[:k]]


@pytest.mark.parametrize("name", MADE)
def test_somebody_new(ask: Ask, trained: Path, name: str) -> None:
    """Explicit models use the stars; implicit ones count each rating as a like, but, as in training, only from 4 stars."""
    answer = ask(f"run={name}", MINE, "k=5")
    counted = {"stars": {0: 5.0, 2: 2.0}, "liked": {0: 1.0}}.get(name, {0: 1.0, 2: 1.0})
    assert raw_items(answer) == naive_for(trained / name, counted, {0, 2}, 5)
    assert "who rates Toy Story (1995) 5, Godfather, The (1972) 2: " in answer
    assert ("counts as a like" in answer) == (name != "stars")
    assert ("except those below 4" in answer) == (name == "liked")


def test_somebody_new_in_a_file_and_why(ask: Ask, tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text('title,rating\nToy Story (1995),5\n"Godfather, The (1972)",2\n')
    answer = ask("run=stars", f"ratings={tmp_path / 'mine.csv'}", "k=5", "why=true")
    assert [cells[:3] for cells in read_rows(answer)] == [
        cells[:3] for cells in read_rows(ask("run=stars", MINE, "k=5"))
    ]
    assert "Toy Story (1995) 5" in answer


def test_somebody_new_who_likes_nothing(ask: Ask) -> None:
    with pytest.raises(HydrarecError, match="none is 4 or more") as caught:
        ask("run=liked", "ratings={Toy Story (1995): 3, 'Godfather, The (1972)': 1}")
    assert caught.value.exit_code == 3


# -- many users -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["stars", "weighted"])
def test_all_users(ask: Ask, trained: Path, tmp_path: Path, name: str) -> None:
    out = tmp_path / "recs.parquet"
    answer = ask(f"run={name}", "users=all", f"out={out}", "k=4", "memory_mib=1")
    assert answer.startswith("40 users, 160 recommendations in ")
    assert answer.splitlines()[-1] == f"next: hydrarec-recommend run={name} user=1 why=true"
    found = pd.read_parquet(out)
    for user, own in found.groupby("user"):
        expected = naive(trained / name, int(user), 4)
        assert own["rank"].tolist() == [1, 2, 3, 4]
        assert own["item"].tolist() == [item for item, _ in expected]
        scores = [np.clip(score, 1, 5) if name == "stars" else score for _, score in expected]
        assert own["score"].tolist() == pytest.approx(scores, rel=1e-5)
    assert found["user"].unique().tolist() == list(range(1, 41))


def test_some_users(ask: Ask, tmp_path: Path) -> None:
    listed, out = tmp_path / "users.csv", tmp_path / "recs.csv"
    listed.write_text("user\n40\n99\n1\n")
    answer = ask("run=stars", f"users={listed}", f"out={out}", "k=30", "on_unknown=skip")
    assert pd.read_csv(out)["user"].unique().tolist() == [40, 1]
    assert "2 users get fewer than 30" in answer
    assert "left out because the model does not know them: 1 of 3 lines" in answer


# -- mistakes ---------------------------------------------------------------------------------------------------------

MISTAKES = {
    "nobody": ((), 2, "nothing is asked"),
    "two questions": (("user=1", "item=1"), 2, "user and item are given together"),
    "users without a file": (("users=all",), 2, "users without out"),
    "a file without users": (("user=1", "out=recs.csv"), 2, "out has no effect with user"),
    "a folder": (("users=all", "out=."), 2, "out=."),
    "a file of another kind": (("users=all", "out=recs.xlsx"), 2, "'.xlsx' is not a format"),
    "reasons of an item": (("item=1", "why=true"), 2, "why has no effect with item"),
    "too many": (("user=1", "k=31"), 2, "k=31 is more than the 30 items"),
    "none": (("user=1", "k=0"), 2, "k=0"),
    "one year": (("user=1", "years=1990"), 2, "years=1990"),
    "years the wrong way round": (("user=1", "years=[1999,1990]"), 2, "ends before it begins"),
    "an unknown setting": (("usr=1",), 2, "unknown key 'usr'"),
    "an unknown user": (("user=41",), 3, "does not know a user '41'"),
    "a user that is no number": (("user=x",), 3, "does not know a user 'x'"),
    "an unknown title": (("item=Toy Stroy",), 3, "'Toy Stroy' is neither an id nor a title"),
    "an ambiguous title": (("item=the godfather",), 3, "fits"),
    "an unknown genre": (("user=1", "genres=[Comdy]"), 3, "no genre 'Comdy'"),
    "no such file": (("users=nobody.csv", "out=recs.csv"), 3, "no such file"),
    "ratings that cannot be read": (("ratings={Toy Story: 5",), 3, "cannot be read"),
    "ratings off the scale": (("ratings={1: 6}",), 3, "'6' of '1' is not on the scale"),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_mistake(ask: Ask, unchanged: dict[str, str], trained: Path, case: str) -> None:
    arguments, exit_code, says = MISTAKES[case]
    with pytest.raises(HydrarecError) as caught:
        ask("run=stars", *arguments)
    error = caught.value
    assert error.exit_code == exit_code, error
    assert says in str(error)
    assert error.expected
    assert error.fix
    assert len(str(error).splitlines()) <= 4
    assert tree_digest(trained) == unchanged


@pytest.mark.parametrize(
    ("damage", "exit_code", "says"),
    [
        (lambda folder: shutil.rmtree(folder), 4, "is not a folder"),
        (lambda folder: (folder / "config.yaml").unlink(), 4, "is no run folder"),
        (lambda folder: (folder / "result.json").unlink(), 4, "is not finished"),
        (lambda folder: (folder / "data.npz").unlink(), 4, "has no data.npz"),
        (lambda folder: (folder / "data.npz").write_bytes((folder / "data.npz").read_bytes()[:-300]), 4, "damaged"),
        (lambda folder: (folder / "checkpoints/best.ckpt").write_bytes(b"x"), 4, "best.ckpt"),
    ],
    ids=["gone", "no config", "not finished", "no data", "damaged data", "damaged model"],
)
def test_run_that_cannot_be_used(
    ask: Ask, trained: Path, tmp_path: Path, damage: Callable[[Path], None], exit_code: int, says: str
) -> None:
    folder = shutil.copytree(trained / "stars", tmp_path / "run")
    damage(folder)
    with pytest.raises(HydrarecError) as caught:
        ask(f"run={folder}", "user=1")
    assert caught.value.exit_code == exit_code
    assert says in str(caught.value)
    assert caught.value.fix


@pytest.mark.e2e
def test_from_the_shell_with_nothing_but_the_folder(trained: Path, tmp_path: Path) -> None:
    """A moved run works without data folder, cache or training file; errors keep the contract."""
    shutil.copytree(trained / "stars", tmp_path / "moved to, elsewhere")
    for path in (tmp_path / "moved to, elsewhere").rglob("*"):
        path.chmod(0o555 if path.is_dir() else 0o444)
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(PACKAGE_ROOT),
        "HOME": "/nonexistent",
        "HYDRAREC_CACHE_DIR": "/nonexistent/cache",
        "OMP_NUM_THREADS": "1",
    }

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "hydrarec.cli.recommend", "run=moved to, elsewhere", *arguments]
        return subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=TIME_LIMIT
        )

    done = run("user=1", "k=3")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert raw_items(done.stdout) == [item for item, _ in naive(trained / "stars", 1, 3)]
    refused = run("item=Toy Stroy")
    assert refused.returncode == 3
    assert refused.stdout == ""
    assert 2 <= len(refused.stderr.splitlines()) <= 4
    assert "Traceback" not in refused.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["moved to, elsewhere"]


@pytest.mark.parametrize("argument", ["--help", "--cfg=job"])
def test_question_about_the_command(argument: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hydrarec.cli.recommend", argument]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=TIME_LIMIT)
    assert done.returncode == 0, done.stderr
    assert "min_ratings" in done.stdout
    assert not list(tmp_path.iterdir())
