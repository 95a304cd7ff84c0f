"""``replay=<run folder>`` repeats a run: equal bit for bit, or a report of differences and possible causes."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import TINY, Execute, Train, killed_after, tree_digest

from hydrarec.cli.train import _prepare
from hydrarec.config.composition import compose_config, plain
from hydrarec.core.errors import CheckpointError
from hydrarec.runs import folder as runs
from hydrarec.runs import provenance
from hydrarec.runs import replay as replaying
from hydrarec.runs.reader import RunReader
from hydrarec.training.job import execute as execute_config

Replay = Callable[..., Path]


@pytest.fixture
def original(execute: Execute, tmp_path: Path) -> Path:
    execute(tmp_path / "original", "model=biased_dot", "trainer.epochs=1")
    return tmp_path / "original"


@pytest.fixture
def replay(workplace: Path) -> Replay:
    """``replay(folder, "key=value", …)`` runs the command in this process and returns the new run's folder."""

    def run(folder: Path, *overrides: str) -> Path:
        prepared = _prepare([f"replay='{folder}'", *overrides])
        assert prepared is not None
        composed = compose_config(prepared, with_hydra=True)
        new = Path(composed.hydra.run.dir)
        execute_config(plain(composed), new, [word for word in prepared if word.startswith(TINY)])
        return new

    return run


def record_of(folder: Path) -> dict[str, Any]:
    return RunReader(folder).read_record()


def told(folder: Path) -> str:
    return "\n".join(replaying.describe(record_of(folder)))


def change(path: Path, edit: Callable[[dict[str, Any]], None]) -> None:
    content = json.loads(path.read_text())
    edit(content)
    path.write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("overrides", "outcomes"),
    [
        (("model=mlp",), "metrics, 2 epochs, "),
        (("task=ranking", "model=gmf", "task.datamodule.num_candidates=9"), "arrays of ranks.npz"),
    ],
)
def test_replay_on_the_cpu_is_bit_equal(
    execute: Execute, replay: Replay, tmp_path: Path, overrides: tuple[str, ...], outcomes: str
) -> None:
    execute(tmp_path / "original", *overrides)
    before = tree_digest(tmp_path / "original")
    again = replay(tmp_path / "original")
    assert tree_digest(tmp_path / "original") == before
    record = record_of(again)
    assert record["replay_of"] == str(tmp_path / "original")
    assert record["replay"]["equal"] is True
    assert (
        record["replay"]["differences"] == record["replay"]["not_compared"] == record["replay"]["circumstances"] == []
    )
    assert record["config_hash"] == record_of(tmp_path / "original")["config_hash"]
    assert RunReader(again).read_config()["replay"] is None
    assert "equal, bit for bit" in told(again)
    assert outcomes in told(again)


@pytest.mark.e2e
def test_command_says_it_and_ends_well(original: Path, train: Train, workplace: Path) -> None:
    done = train(f"replay={original}", "name=again", "logger=none")
    assert done.returncode == 0, done.stderr
    assert f"replay of {original}: equal, bit for bit: " in done.stdout
    [folder] = (workplace / "outputs" / "again").iterdir()
    assert record_of(folder)["overrides"] == [*record_of(original)["overrides"], "name=again", "logger=none"]


def test_other_numbers_are_told_with_what_may_explain_them(original: Path, replay: Replay) -> None:
    def other_metric(result: dict[str, Any]) -> None:
        result["metrics"]["test/rmse"] += 0.5

    def other_torch(record: dict[str, Any]) -> None:
        record["provenance"]["packages"]["torch"] = "1.0"

    change(original / "result.json", other_metric)
    unexplained = replay(original)
    differences = record_of(unexplained)["replay"]["differences"]
    assert len(differences) == 1
    assert differences[0].startswith("test/rmse ")
    assert differences[0].endswith(" (-0.5)")
    assert f"differs: {differences[0]}" in told(unexplained)
    assert "nothing recorded explains it" in told(unexplained)
    change(original / "run.json", lambda record: record.pop("device"))  # an older version did not tell
    assert "nothing recorded explains it" in told(replay(original))
    change(original / "run.json", other_torch)
    assert "what may explain it: package torch 1.0 → " in told(replay(original))


def test_other_ratings_are_told(original: Path, replay: Replay, workplace: Path) -> None:
    text = (workplace / "ratings.csv").read_text()
    (workplace / "other.csv").write_text(
        text.replace("\n1,1,5,", "\n1,1,4,").replace("\n1,3,5,", "\n1,3,1,").replace("\n2,2,3,", "\n2,2,5,")
    )
    again = replay(original, "dataset.path=other.csv")
    replayed = record_of(again)["replay"]
    assert replayed["equal"] is False
    assert any("the learning curve from epoch 1 on: " in line for line in replayed["differences"])
    assert any("tensors of best.ckpt" in line for line in replayed["differences"])
    assert any("arrays of predictions.npz" in line for line in replayed["differences"])
    assert [line.split(" ")[0] for line in replayed["circumstances"]] == ["data"]


def test_files_that_are_gone_or_damaged_are_not_compared_and_said(original: Path, replay: Replay) -> None:
    (original / "predictions.npz").unlink()
    (original / "checkpoints" / "best.ckpt").write_bytes(b"damaged")
    again = replay(original)
    assert record_of(again)["replay"]["equal"] is True
    assert "not compared: best.ckpt: the checkpoint is damaged" in told(again)
    assert f"predictions.npz: there is no {original / 'predictions.npz'}" in told(again)


def test_stopped_replay_goes_on_and_is_compared(original: Path, replay: Replay, workplace: Path) -> None:
    with killed_after(3):
        replay(original)
    [folder] = (workplace / "outputs" / "rating-csv").iterdir()
    config = {**RunReader(folder).read_config(), "resume": str(folder)}
    execute_config(config, folder, [*TINY])
    assert record_of(folder)["replay"]["equal"] is True
    change(folder / "run.json", lambda record: record.pop("replay"))  # as if stopped just before the comparison
    assert _prepare([f"resume='{folder}'"]) is None
    assert record_of(folder)["replay"]["equal"] is True


@pytest.mark.parametrize("override", ["seed=1", "trainer.epochs=3", "model=dot"])
def test_replay_with_other_settings_is_refused(original: Path, override: str) -> None:
    with pytest.raises(CheckpointError, match=rf"would not be the same run with another {override.split('=')[0]}"):
        _prepare([f"replay='{original}'", override])


def test_changed_default_can_be_put_back(original: Path, replay: Replay, tmp_path: Path) -> None:
    """The configuration of the run counts, not what its overrides mean today."""
    path = original / "config.yaml"
    path.write_text(path.read_text().replace("learning_rate: 0.0", "learning_rate: 0.1"))
    with pytest.raises(CheckpointError) as raised:
        _prepare([f"replay='{original}'"])
    setting = raised.value.fix.rpartition("add the old one: ")[2]
    assert setting.startswith("optimizer.learning_rate=0.1")
    assert record_of(replay(original, setting))["replay"]["equal"] is False


def test_what_is_no_finished_run_is_refused_and_left_alone(
    execute: Execute, train: Train, tmp_path: Path, workplace: Path
) -> None:
    with killed_after(3):
        execute(tmp_path / "stopped")
    before = tree_digest(tmp_path)
    for folder, says in ((tmp_path / "stopped", "resume="), (Path("nowhere"), "replay="), (workplace, "replay=")):
        with pytest.raises(CheckpointError) as raised:
            _prepare([f"replay='{folder}'"])
        assert says in raised.value.fix
    assert tree_digest(tmp_path) == before
    for words in (("replay=x", "resume=x"), ("-m", "replay=x", "seed=0,1")):
        refused = train(*words)
        assert refused.returncode == 2, refused.stderr
        assert "replay=" in refused.stderr
    assert not (workplace / "outputs").exists()


@pytest.mark.parametrize("override", ["trainer.epochs=3", "model=mlp", "seed=1"])
def test_finished_run_does_not_go_on_with_other_settings(original: Path, override: str) -> None:
    """Its test part was evaluated, and must not be before all training."""
    before = tree_digest(original)
    with pytest.raises(CheckpointError, match=f"is finished with {override.split('=')[0]}") as caught:
        _prepare([f"resume='{original}'", override])
    assert f"hydrarec-train {TINY[0]} " in caught.value.fix
    assert override in caught.value.fix
    assert tree_digest(original) == before


@pytest.mark.parametrize("override", ["trainer.epochs=1", "logger=none", "name=other", "trainer.checkpoint_seconds=5"])
def test_finished_run_stays_finished_under_settings_that_change_no_number(
    original: Path, override: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _prepare([f"resume='{original}'", override]) is None
    assert "already finished" in capsys.readouterr().out


# -- the record --------------------------------------------------------------------------------------------------------


def test_record_has_what_the_run_cost(original: Path) -> None:
    record = record_of(original)
    assert record["seconds"].keys() == {"training", "process", "cpu"}
    assert record["seconds"]["cpu"] > 0
    assert record["peak_memory_bytes"] > 2**20
    assert record["device"].startswith("CPU")


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A git repository in place of the clone that hydrarec runs from."""
    root = tmp_path / "clone"
    package = root / "src" / "hydrarec"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("x = 1\n")
    for words in (["init", "-q"], ["add", "."], ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "a"]):
        subprocess.run(["git", "-C", str(root), *words], check=True)
    monkeypatch.setattr(provenance.hydrarec, "__file__", str(package / "__init__.py"))
    monkeypatch.setattr(provenance, "conf_dir", lambda: package)
    return root


def test_changed_and_new_code_is_kept_beside_the_commit(clone: Path, tmp_path: Path) -> None:
    folder = runs.RunFolder(tmp_path / "run")
    git = provenance.provenance(folder)["git"]
    assert (git["dirty"], git["diff"]) == (False, None)
    package = clone / "src" / "hydrarec"
    (package / "__init__.py").write_text("x = 2\n")
    (package / "mine.py").write_text("y = 'é'\n")
    (package / "notes.txt").write_text("of no matter\n")
    git = provenance.provenance(folder)["git"]
    assert git["dirty"] is True
    assert git["diff"]["file"] == "git.diff"
    assert git["diff"]["cut_at_bytes"] is None
    subprocess.run(["git", "-C", str(clone), "stash", "-q"], check=True)
    (package / "mine.py").unlink()
    subprocess.run(["git", "-C", str(clone), "apply", str(folder.path / "git.diff")], check=True)
    assert (package / "__init__.py").read_text() == "x = 2\n"
    assert (package / "mine.py").read_text() == "y = 'é'\n"


def test_long_diff_is_cut_and_says_so(clone: Path, tmp_path: Path) -> None:
    (clone / "src" / "hydrarec" / "mine.py").write_text("y = 1\n" * 300_000)
    folder = runs.RunFolder(tmp_path / "run")
    diff = provenance.provenance(folder)["git"]["diff"]
    assert diff["bytes"] > diff["cut_at_bytes"] == (folder.path / "git.diff").stat().st_size == 1_000_000
