"""Training curves show exactly what the history contains."""

from __future__ import annotations

from pathlib import Path

import pytest

from hydrarec.figures.curves import training_curves
from hydrarec.figures.style import save

RATING = [
    {"epoch": epoch, "train/loss": 1 / epoch, "val/loss": 2 / epoch, "val/rmse": 3 / epoch, "val/mae": 1.0}
    for epoch in (1, 2, 3)
]


def test_losses_and_rmse_over_epochs() -> None:
    figure = training_curves(RATING, selected=2)
    assert figure is not None
    losses, errors = figure.axes
    drawn = {line.get_label(): list(zip(*line.get_data(), strict=True)) for line in losses.lines}
    assert drawn["training"] == [(1, 1.0), (2, 0.5), (3, 1 / 3)]
    assert drawn["validation"] == [(1, 2.0), (2, 1.0), (3, 2 / 3)]
    assert drawn["selected: 2"][0][0] == 2
    assert [axis.get_xlabel() for axis in figure.axes] == ["epoch", "epoch"]
    assert (losses.get_ylabel(), errors.get_ylabel()) == ("loss", "RMSE")


def test_a_line_per_protocol() -> None:
    row = {"epoch": 1, "val/hr@10/sampled99": 0.5, "val/hr@10/full": 0.1, "val/ndcg@10/full": 0.05, "val/auc": 0.9}
    figure = training_curves([row], selected=1)
    assert figure is not None
    assert [axis.get_ylabel() for axis in figure.axes] == ["HR@10", "NDCG@10"]
    assert [line.get_label() for line in figure.axes[0].lines] == ["validation, sampled99", "validation, full"]


def test_epochs_without_validation_leave_gaps_and_not_zeros() -> None:
    rows = [{"epoch": 1, "train/loss": 1.0}, {"epoch": 2, "train/loss": 0.5, "val/loss": 0.7}]
    figure = training_curves(rows, selected=None)
    assert figure is not None
    [axis] = figure.axes
    assert [list(line.get_xdata()) for line in axis.lines] == [[1, 2], [2]]


def test_nothing_to_draw() -> None:
    assert training_curves([{"epoch": 1, "seconds": 0.1}], selected=1) is None


@pytest.mark.parametrize("kind", ["png", "pdf"])
def test_the_same_figure_gives_the_same_bytes(kind: str, tmp_path: Path) -> None:
    written = []
    for name in ("one", "two"):
        figure = training_curves(RATING, selected=2)
        assert figure is not None
        written += save(figure, tmp_path / name / "curves", [kind])
    assert [path.name for path in written] == [f"curves.{kind}"] * 2
    assert written[0].read_bytes() == written[1].read_bytes()
