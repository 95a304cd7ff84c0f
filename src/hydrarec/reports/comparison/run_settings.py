"""What of a configuration decides its numbers, and what decides what these numbers mean."""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass, field
from typing import Any

# What changes no number, or is told by the fingerprint of the data.
NOT_SETTINGS = frozenset(
    {
        "seed",
        "name",
        "resume",
        "replay",
        "output_dir",
        "save_predictions",
        "save_data",
        "logger",
        "published",
        "sweep",
        "dataset",
        "trainer.threads",
        "trainer.checkpoint_seconds",
        "trainer.detect_anomaly",
        "task.datamodule.eval_memory",
        "task.datamodule.eval_batch_size",
    }
)
# What decides what a metric means; with the data and the split, nothing else may differ under one heading.
PROTOCOL = frozenset(
    {
        "split",
        "filter",
        "task.name",
        "task.objective.protocol",
        "task.objective.num_candidates",
        "task.datamodule.protocol",
        "task.datamodule.num_candidates",
        "task.datamodule.eval_seed",
        "trainer.limit_batches",
    }
)
SPLIT_SEED = "split.seed"  # grouping decides whether it is part of the protocol


@dataclass
class Part:
    """Dotted keys to values, and a text that is equal where they are."""

    values: dict[str, Any] = field(default_factory=dict)
    text: str = ""

    def extend(self, other: Part) -> None:
        self.values.update(other.values)
        self.text += other.text


class Settings:
    """Divides configurations; each section once, as far as they share it (:mod:`hydrarec.reports.comparison.section_reader`)."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, int], tuple[Any, Part, Part]] = {}

    def of(self, config: dict[str, Any]) -> tuple[Part, Part]:
        """The model's own settings and the protocol's, both without the seeds of the run and of the split."""
        own, protocol = Part(), Part()
        for name in sorted(config):
            if name in NOT_SETTINGS:
                continue
            section = config[name]
            if (name, id(section)) not in self._known:
                # The section is kept, so that no other can get its id.
                self._known[name, id(section)] = section, *_divided(name, section)
            _, of_own, of_protocol = self._known[name, id(section)]
            own.extend(of_own)
            protocol.extend(of_protocol)
        return own, protocol


def _divided(name: str, section: Any) -> tuple[Part, Part]:
    values = {key: value for key, value in _flat(section, name).items() if not _is_in(key, NOT_SETTINGS)}
    own = {key: value for key, value in values.items() if not _is_in(key, PROTOCOL)}
    protocol = {key: value for key, value in values.items() if key not in own and key != SPLIT_SEED}
    return tuple(Part(part, json.dumps(part, sort_keys=True, default=str)) for part in (own, protocol))  # type: ignore[return-value]


def _flat(node: Any, path: str) -> dict[str, Any]:
    """Dotted keys to everything that is no mapping."""
    if not isinstance(node, dict) or not node:
        return {path: node}
    found: dict[str, Any] = {}
    for key, value in node.items():
        found |= _flat(value, f"{path}.{key}")
    return found


@functools.cache
def _is_in(key: str, names: frozenset[str]) -> bool:
    """Whether ``key`` or something above it is among ``names``."""
    parts = key.split(".")
    return any(".".join(parts[: length + 1]) in names for length in range(len(parts)))
