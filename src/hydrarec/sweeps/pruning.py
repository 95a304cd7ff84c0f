"""Give up hopeless trials of a search while they train."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hydrarec.training.fit import Parts


def pruned(parts: Parts, trial: dict[str, Any] | None) -> Parts:
    """``parts`` as they are, or with a callback that reports to the trial's study after each epoch."""
    if trial is None:
        return parts
    from hydrarec.sweeps.pruning_callback import Pruning

    others = parts.callbacks
    return dataclasses.replace(
        parts, callbacks=lambda history: [*others(history), Pruning(history, parts.monitor, **trial)]
    )
