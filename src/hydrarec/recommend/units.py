"""What a score is measured in."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hydrarec.models.trained import TrainedRun


def unit(run: TrainedRun) -> str:
    """``stars`` under the rating task; else ``score``, of which only the order counts."""
    return "stars" if run.task == "rating" else "score"


def displayed(run: TrainedRun, scores: NDArray[np.float32]) -> NDArray[np.float32]:
    """Stars clipped to the scale, where the run's evaluation does the same; other scores as they are.

    Only for the eye: a model that goes beyond the scale still orders what lies there.
    """
    if run.task != "rating" or not run.config["task"]["objective"]["clip"]:
        return scores
    return scores.clip(*run.data.scale)
