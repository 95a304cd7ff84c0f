"""A run folder that somebody deletes or replaces while the run writes to it: a fault of the environment."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.conftest import Execute

from hydrarec.core.errors import EnvironmentFault
from hydrarec.models.dot import BiasedDot


def replace_by_file(path: Path) -> None:
    shutil.rmtree(path)
    path.write_text("no folder")


CHANGES: dict[str, tuple[str, Callable[[Path], None]]] = {
    "run folder deleted": (".", shutil.rmtree),
    "run folder a file": (".", replace_by_file),
    "checkpoints deleted": ("checkpoints", shutil.rmtree),
    "checkpoints a file": ("checkpoints", replace_by_file),
    "tensorboard deleted": ("tensorboard", shutil.rmtree),
    "tensorboard a file": ("tensorboard", replace_by_file),
}
HOOKS = {"in an epoch": "on_train_epoch_start", "before the test": "on_test_epoch_start"}
GOES_ON = ("checkpoints deleted", "checkpoints a file", "tensorboard deleted")  # nothing that is still needed


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")  # TensorBoard's writer
@pytest.mark.parametrize(
    ("change", "hook"),
    [
        pytest.param(change, hook, id=f"{change} {when}")
        for change in CHANGES
        for when, hook in HOOKS.items()
        if not (when == "before the test" and change in GOES_ON)
    ],
)
def test_folder_that_changes_while_a_run_writes_to_it(
    execute: Execute, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str, hook: str
) -> None:
    name, act = CHANGES[change]
    original = getattr(BiasedDot, hook)

    def interfere(model: BiasedDot) -> None:
        if model.current_epoch >= 1:
            act(tmp_path / "run" / name)
        original(model)

    monkeypatch.setattr(BiasedDot, hook, interfere)
    with pytest.raises(EnvironmentFault) as caught:
        execute(tmp_path / "run", "logger=tensorboard", "trainer.checkpoint_seconds=1000")
    assert caught.value.exit_code == 6
    assert str((tmp_path / "run" / name).resolve()) in caught.value.what
    assert len(str(caught.value).splitlines()) == 3


def test_tensorboard_is_a_file_from_the_start(execute: Execute, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "tensorboard").write_text("no folder")
    with pytest.raises(EnvironmentFault, match="tensorboard"):
        execute(tmp_path / "run", "logger=tensorboard")
