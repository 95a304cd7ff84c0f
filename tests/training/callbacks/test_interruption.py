"""A signal ends a run with a checkpoint to resume from."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest
from tests.conftest import Execute

from hydrarec.core.errors import InterruptedRun
from hydrarec.models.dot import BiasedDot


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 143)])
def test_signal_during_a_step_leaves_a_checkpoint(
    execute: Execute, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, code: int
) -> None:
    original, sent = BiasedDot.batch_loss, list[int]()

    def loss(self: BiasedDot, batch: object) -> object:
        if self.current_epoch == 1 and not sent:
            sent.append(number)
            signal.raise_signal(number)
        return original(self, batch)

    with monkeypatch.context() as patch:
        patch.setattr(BiasedDot, "batch_loss", loss)
        with pytest.raises(InterruptedRun, match=signal.Signals(number).name) as caught:
            execute(tmp_path / "run")
    assert caught.value.exit_code == code
    assert json.loads((tmp_path / "run" / "run.json").read_text())["status"] == "interrupted"
    assert (tmp_path / "run" / "checkpoints" / "last.ckpt").is_file()
    assert execute(tmp_path / "run")["epochs"] == 2
