"""A run folder from somebody else runs no code: attacks on each command that reads one, none of which may fire."""

from __future__ import annotations

import functools
import json
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.attacks import corpus

from hydrarec.cli import analyze, recommend, report, train
from hydrarec.core.errors import CheckpointError, HydrarecError
from hydrarec.runs.reader import RunReader
from hydrarec.runs.saved_overrides import saved_overrides
from hydrarec.runs.survey import read_all

OLD = Path(__file__).parents[1] / "golden" / "old_runs" / "rating"
STARTS = {"resume": (train, "resume="), "replay": (train, "replay=")}
# Each way to read a folder goes through one reader: the whole corpus with one of them, the others by name.
VERBS = ["recommend", *(pytest.param(verb, marks=pytest.mark.e2e) for verb in ("analyze", "report", "replay"))]
READS = {"recommend": (recommend, "run="), "analyze": (analyze, "run="), "report": (report, "runs=")}
READ_BY_REPORT = ("pickled_predictions", "pickled_config", "pickled_record", "pickled_result")
NODES_IN_CONFIG = ("model", "dataset", "dataset.scale", "task.objective", "callbacks.x", "evil", "a list")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with a trap that is importable; at the end there is no canary, in it or beside it."""
    home = tmp_path / "home"
    home.mkdir()
    canary = corpus.prepare(home)
    monkeypatch.chdir(home)
    monkeypatch.syspath_prepend(home)
    monkeypatch.setenv("SECRET", "s3cr3t")
    yield home
    assert "trap" not in sys.modules
    assert not list(tmp_path.rglob(canary.name))
    assert not [path for path in tmp_path.rglob("*") if "s3cr3t" in path.name]


def run_folder(home: Path, *, finished: bool) -> Path:
    folder = home / "run"
    if folder.exists():
        shutil.rmtree(folder)
    shutil.copytree(OLD, folder)
    if not finished:
        (folder / "result.json").unlink()
    return folder


def with_overrides(folder: Path, overrides: list[str]) -> None:
    record = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps({**record, "overrides": [*record["overrides"], *overrides]}))


def with_node(folder: Path, place: str, node: corpus.Node) -> None:
    config = yaml.safe_load((folder / "config.yaml").read_text())
    *parents, last = place.split(".")
    inner: Any = config
    for parent in parents:
        inner = inner[parent]
    inner[last] = [node] if place == "a list" else node
    (folder / "config.yaml").write_text(yaml.safe_dump(config))


def outcome(command: Any, *arguments: str) -> HydrarecError | None:
    """Run a command in this process; its error, or None."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["hydrarec", *arguments])
        try:
            command._main()
        except HydrarecError as error:
            return error
    return None


def attack(home: Path, verb: str, plant: Callable[[Path], None]) -> HydrarecError | None:
    """Plant an attack in a fresh copy of a run and start a command on it."""
    command, setting = {**STARTS, **READS}[verb]
    folder = run_folder(home, finished=verb != "resume")
    plant(folder)
    error = outcome(command, f"{setting}{folder}", *{"recommend": ["user=1"], "report": ["resamples=10"]}.get(verb, []))
    if verb == "report" and error is None:  # it names damaged folders and goes on with the others
        (run,) = read_all([str(folder)])
        assert run.state == "damaged" or plant.__name__ == "pickled_predictions"
        error = CheckpointError(run.problem, expected="-", fix="-")
    assert not (home / "canary").exists(), verb
    return error


def assert_refused(error: HydrarecError | None, what: object) -> None:
    """A report goes on without a damaged folder; every other command ends with exit code 4."""
    assert error is not None, what
    assert error.exit_code == 4, (what, str(error))
    assert error.expected and error.fix, what


def crossed(home: Path) -> list[tuple[str, str]]:
    """Every call at one place, and one call at every place: enough for whole commands, which take long."""
    calls, places = list(corpus.nodes(home)), list(corpus.PLACES)
    return [(call, places[0]) for call in calls] + [(calls[0], place) for place in places[1:]]


@pytest.mark.parametrize("verb", STARTS)
def test_overrides_of_a_folder(home: Path, verb: str) -> None:
    nodes = corpus.nodes(home)
    attacks = {pair: corpus.PLACES[pair[1]](nodes[pair[0]]) for pair in crossed(home)}
    for what, overrides in {**attacks, **corpus.other_overrides(home)}.items():
        assert_refused(attack(home, verb, lambda folder, added=overrides: with_overrides(folder, added)), (verb, what))


@pytest.mark.e2e
def test_every_call_at_every_place_of_the_overrides(home: Path) -> None:
    """By what both commands take the overrides from, before anything is composed from them."""
    folder = run_folder(home, finished=True)
    clean, refused = RunReader(folder), 0
    kept = saved_overrides(clean)
    for node in corpus.nodes(home).values():
        for place in corpus.PLACES.values():
            overrides = place(node)
            record = {**clean.read_record(), "overrides": [*kept, *overrides]}
            (folder / "run.json").write_text(json.dumps(record))
            with pytest.raises(CheckpointError, match="refused"):
                saved_overrides(clean)
            refused += 1
    assert refused == len(corpus.nodes(home)) * len(corpus.PLACES) >= 500


@pytest.mark.parametrize("verb", VERBS)
def test_names_of_classes_in_the_configuration(home: Path, verb: str) -> None:
    nodes = corpus.nodes(home)
    attacks = [(name, "model") for name in nodes] + [("touch", place) for place in NODES_IN_CONFIG[1:]]
    for name, place in attacks:
        error = attack(home, verb, lambda folder, at=place, planted=nodes[name]: with_node(folder, at, planted))
        assert_refused(error, (verb, name, place))


def test_every_call_at_every_place_of_the_configuration(home: Path) -> None:
    """By the one reader that all commands use."""
    for node in corpus.nodes(home).values():
        for place in NODES_IN_CONFIG:
            folder = run_folder(home, finished=True)
            with_node(folder, place, node)
            with pytest.raises(CheckpointError, match="refused"):
                RunReader(folder).read_config()


@pytest.mark.parametrize("verb", VERBS[:-1])
def test_pickles_in_place_of_data(home: Path, verb: str) -> None:
    files = [file for file in corpus.FILES if (file.__name__ in READ_BY_REPORT) == (verb == "report")]
    attacks = [(file, name, bomb) for file in files for name, bomb in corpus.bombs(home).items()]
    for file, name, bomb in attacks:
        plant = functools.partial(file, bomb=bomb)
        plant.__name__ = file.__name__
        error = attack(home, verb, plant)
        assert_refused(error, (verb, file.__name__, name))
        assert "weights_only" not in str(error)


@pytest.mark.parametrize("verb", [*READS, "replay"])
def test_tags_of_yaml(home: Path, verb: str) -> None:
    for tag in (
        "!!python/object/apply:os.system",
        "!!python/object/new:os.system",
        "!!python/name:trap.boom",
        "!!python/module:trap",
    ):

        def plant(folder: Path, text: str = f"evil: {tag} ['touch {home / 'canary'}']\n") -> None:
            (folder / "config.yaml").write_text((folder / "config.yaml").read_text() + text)

        error = attack(home, verb, plant)
        assert_refused(error, (verb, tag))
