"""The estimate of a run's memory, before it takes any: numbers that can be redone by hand."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.conftest import Execute

from hydrarec.core import memory
from hydrarec.core.errors import EnvironmentFault
from hydrarec.models.base import Recommender

# 40 users, 30 items, 600 interactions; task=ranking: 64 MiB for the scores of an evaluation
EVALUATION = 64 * 2**20
RANKING = ("task=ranking", "task.datamodule.num_candidates=9", "task.datamodule.batch_size=16")
CATALOGUE = ("task.objective.loss=softmax", "task.datamodule.num_negatives=catalogue")
NEEDS = {
    "weights": (("model=dot", "model.embedding_dim=8"), 16 * 70 * 8, "560 weights"),
    "one-hot rows": (
        ("model=dot", "model.embedding_dim=8", "model.embedding=one_hot"),
        16 * 70 * 8 + 4 * 32 * 70,
        "one_hot",
    ),
    "dense matrices of EASE": ((*RANKING, "model=ease"), EVALUATION + 12 * 30**2 + 32 * 600, "eval_memory"),
    "softmax over the catalogue": (
        (*RANKING, *CATALOGUE, "model=mf", "model.embedding_dim=8"),
        EVALUATION + 16 * 70 * 9 + 4 + 4 * (2 * 8 + 5) * 16 * 30,
        "eval_memory",
    ),
    "logits of Mult-VAE": (
        (*RANKING, "model=multi_vae", "model.hidden_dims=[4]", "model.latent_dim=2"),
        EVALUATION + 16 * (30 * 4 + 4 + 4 * 4 + 4 + 2 * 4 + 4 + 4 * 30 + 30) + 4 + 6 * 4 * 16 * 30,
        "eval_memory",
    ),
}


@pytest.mark.parametrize(("overrides", "expected", "says"), NEEDS.values(), ids=NEEDS.keys())
def test_run_is_refused_before_it_takes_what_is_not_there(
    execute: Execute,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    overrides: tuple[str, ...],
    expected: int,
    says: str,
) -> None:
    monkeypatch.setattr(memory, "available_bytes", lambda: expected - 1)
    monkeypatch.setattr("hydrarec.data.readers.delimited.MEMORY_PER_BYTE", 0)  # reading the file is judged before
    monkeypatch.setattr(Recommender, "attach", None)  # nothing is built
    with pytest.raises(EnvironmentFault) as caught:
        execute(tmp_path / "run", *overrides)
    assert caught.value.value == expected
    assert says in caught.value.what and caught.value.exit_code == 6
    assert not (tmp_path / "run" / "history.csv").exists()


def test_ease_on_forty_thousand_items_says_what_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    from hydrarec.models.ease import EASE

    model = EASE(num_users=1, num_items=41_140, regularization=200.0)
    assert model.working_bytes(0, 1) == 12 * 41_140**2  # 18.9 GiB
