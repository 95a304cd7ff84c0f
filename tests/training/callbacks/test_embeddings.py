"""``callbacks=embeddings``: files written at the end of a fit, from the selected weights; errors before the fit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from tests.conftest import Execute, history_of, tree_digest

from hydrarec.config.composition import compose_config, plain
from hydrarec.core.errors import ConfigError
from hydrarec.models.trained import load_run
from hydrarec.runs.checkpoint import load
from hydrarec.runs.reader import RunReader

SMALL = ("callbacks=embeddings", "callbacks.embeddings.shuffles=5", "callbacks.embeddings.min_ratings=5")


def projected(folder: Path) -> np.ndarray:
    """The vectors in the projector, by item index."""
    analysis = folder / "tensorboard" / "analysis"
    rows = (analysis / "metadata.tsv").read_text().splitlines()
    ids = [int(row.split("\t")[0]) for row in rows[1:]]
    vectors = np.loadtxt(analysis / "items.tsv", delimiter="\t")
    return vectors[np.argsort(ids)]


def test_the_selected_weights_are_looked_into(execute: Execute, tmp_path: Path) -> None:
    """Not the last ones: with steps this large the first epochs are the best."""
    folder = tmp_path / "run"
    result = execute(folder, *SMALL, "trainer.epochs=6", "optimizer.learning_rate=0.3")
    assert result["selected"]["epoch"] < 6
    best = load_run(folder).model.vectors("item")
    assert best is not None
    np.testing.assert_allclose(projected(folder), best.numpy(), atol=1e-5)
    last = load(folder / "checkpoints/last.ckpt")["state_dict"]["item_embedding.weight"]
    assert not torch.allclose(last, best, atol=1e-3)
    assert {path.stem for path in (folder / "figures").iterdir()} == {"curves", "scree", "scatter", "extremes"}
    written = {path.name for path in (folder / "analysis").iterdir()}
    assert written == {"analysis.md", "analysis.html", "components.csv", "extremes.csv", "projection.csv"}


@pytest.mark.parametrize(
    "overrides",
    [
        ("split.test=0",),
        ("split.val=0",),
        ("task=ranking", "model=gmf", "task.datamodule.num_candidates=9", "task.objective.num_candidates=9"),
    ],
)
def test_without_a_part_and_under_the_other_task(execute: Execute, tmp_path: Path, overrides: tuple[str, ...]) -> None:
    execute(tmp_path / "run", *SMALL, *overrides)
    assert (tmp_path / "run/figures/scree.png").is_file()
    assert len(projected(tmp_path / "run")) > 20  # all that are rated in the training part


def test_numbers_are_those_of_a_run_without_it(execute: Execute, tmp_path: Path) -> None:
    plain_result, looked = execute(tmp_path / "plain"), execute(tmp_path / "looked", *SMALL)
    assert plain_result["metrics"] == looked["metrics"]


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (("model=bias",), "model Bias has no item embeddings"),
        (("save_data=false",), "callbacks=embeddings with save_data=false"),
    ],
)
def test_refused_before_the_first_step(
    execute: Execute, tmp_path: Path, overrides: tuple[str, ...], words: str
) -> None:
    with pytest.raises(ConfigError, match=words):
        execute(tmp_path / "run", *SMALL, *overrides)
    assert history_of(tmp_path / "run") == []
    assert not (tmp_path / "run/analysis").exists()


def test_beside_other_callbacks() -> None:
    for chosen in ("[early_stopping,embeddings]", "[embeddings,early_stopping]"):
        callbacks = plain(compose_config([f"callbacks={chosen}"]))["callbacks"]
        assert {name for name, node in callbacks.items() if node is not None} == {"early_stopping", "embeddings"}


def test_its_defaults_are_those_of_the_command() -> None:
    command = plain(compose_config([], "analyze"))
    callback = plain(compose_config(["callbacks=embeddings"]))["callbacks"]["embeddings"]
    assert {key: command[key] for key in callback if key != "_target_"} == {
        key: value for key, value in callback.items() if key != "_target_"
    }


def test_silent_processes_write_nothing(execute: Execute, tmp_path: Path) -> None:
    """Every process of a run over several devices is told; one writes."""
    from hydrarec.training.callbacks.embeddings import Embeddings
    from hydrarec.training.callbacks.history import History

    execute(tmp_path / "run", *SMALL)
    before = tree_digest(tmp_path / "run")
    settings = {
        key: value
        for key, value in plain(compose_config(SMALL))["callbacks"]["embeddings"].items()
        if key != "_target_"
    }
    callback = Embeddings(history=History(RunReader(tmp_path / "run")), **settings)

    class Second:
        is_global_zero = False

    (tmp_path / "run/analysis/analysis.md").unlink()
    callback.on_selected(Second(), load_run(tmp_path / "run").model)  # type: ignore[arg-type]
    assert tree_digest(tmp_path / "run").keys() == before.keys() - {"analysis/analysis.md"}
