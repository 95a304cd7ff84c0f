"""What identifies a run: one table of which settings decide its numbers, and which decide what these numbers mean."""

from __future__ import annotations

import functools
import hashlib
import json
from dataclasses import dataclass, field
from typing import Any, Literal

from omegaconf import DictConfig, OmegaConf

from hydrarec.config.composition import plain

Purpose = Literal["resume", "replay"]


@dataclass(frozen=True)
class Role:
    """What a setting is to a run.

    Attributes:
        hashed: another value makes another run, with another hash. Decided by the top-level key.
        may_change: when a run is started again, this may have another value.
        use: in a report. ``own``: the model's own, tells groups of runs apart; ``protocol``: decides what a metric means,
            so that runs which differ in it are never compared; ``seed``: tells the runs of a group apart; ``none``: changes
            no number, or is known by a fingerprint.
    """

    hashed: bool = True
    may_change: tuple[Purpose, ...] = ()
    use: Literal["own", "protocol", "seed", "none"] = "own"


_LABEL = Role(hashed=False, may_change=("resume", "replay"), use="none")
_COST = Role(use="none")
_PROTOCOL = Role(use="protocol")
ROLES = {  # each for all keys below it; a longer key has precedence; any other key is the model's own
    "name": _LABEL,
    "resume": _LABEL,
    "replay": _LABEL,
    "output_dir": _LABEL,
    "logger": _LABEL,
    "published": _LABEL,
    "save_data": _LABEL,
    "hydra": Role(hashed=False, use="none"),
    "sweep": _COST,
    "save_predictions": _COST,
    "seed": Role(use="seed"),
    "split": _PROTOCOL,
    "split.seed": Role(use="seed"),
    "filter": _PROTOCOL,
    "dataset": Role(use="none"),
    "dataset.path": Role(may_change=("replay",), use="none"),  # the fingerprint of the ratings is compared
    "task.name": _PROTOCOL,
    "task.objective.protocol": _PROTOCOL,
    "task.objective.num_candidates": _PROTOCOL,
    "task.datamodule.protocol": _PROTOCOL,
    "task.datamodule.num_candidates": _PROTOCOL,
    "task.datamodule.eval_seed": _PROTOCOL,
    "task.datamodule.eval_memory": _COST,
    "task.datamodule.eval_batch_size": _COST,
    "trainer.limit_batches": _PROTOCOL,
    "trainer.epochs": Role(may_change=("resume",)),
    "trainer.threads": _COST,
    "trainer.detect_anomaly": _COST,
    "trainer.checkpoint_seconds": Role(may_change=("resume", "replay"), use="none"),
}
SPLIT_SEED = "split.seed"


@functools.cache
def role_of(key: str) -> Role:
    """The role of a dotted key."""
    while key not in ROLES and "." in key:
        key = key.rpartition(".")[0]
    return ROLES.get(key, Role())


def config_hash(config: dict[str, Any]) -> str:
    """Eight hex digits naming a resolved configuration: seed included, paths and logging excluded."""
    kept = {key: value for key, value in config.items() if role_of(key).hashed}
    return hashlib.sha256(json.dumps(kept, sort_keys=True, default=str).encode()).hexdigest()[:8]


def _resolve(*, _root_: DictConfig) -> str:
    return config_hash(plain(_root_))


# ${confighash:} names folders of runs; in every process that may have to resolve it, whoever started it.
OmegaConf.register_new_resolver("confighash", _resolve, replace=True)


def changed_keys(old: dict[str, Any], new: dict[str, Any], purpose: Purpose = "resume") -> list[str]:
    """The dotted keys in which two resolved configurations differ, without those that may change for ``purpose``.

    More epochs are another run where the schedule stretches over all of them.
    """
    before, after = flat(old), flat(new)
    stretched = str(old["scheduler"]["_target_"]).endswith(".one_cycle")
    keys = [key for key in sorted(before.keys() | after.keys()) if before.get(key) != after.get(key)]
    return [key for key in keys if purpose not in role_of(key).may_change or (stretched and key == "trainer.epochs")]


def value_at(config: dict[str, Any], key: str) -> object:
    """The value under a dotted key; None where there is none."""
    node: Any = config
    for name in key.split("."):
        node = node.get(name) if isinstance(node, dict) else None
    return node


def flat(node: object, path: str = "") -> dict[str, Any]:
    """The leaves of nested mappings by their dotted keys."""
    if isinstance(node, dict) and node:
        return {k: v for key, entry in node.items() for k, v in flat(entry, f"{path}.{key}" if path else key).items()}
    return {path: node}


@dataclass
class Part:
    """Dotted keys to values, and a text that is equal where they are."""

    values: dict[str, Any] = field(default_factory=dict)
    text: str = ""

    def extend(self, other: Part) -> None:
        self.values.update(other.values)
        self.text += other.text


class Settings:
    """Divides configurations; each section once, where they share it (:mod:`hydrarec.runs.section_reader`)."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, int], tuple[Any, Part, Part]] = {}

    def of(self, config: dict[str, Any]) -> tuple[Part, Part]:
        """The model's own settings and the protocol's, both without the seeds of the run and of the split."""
        own, protocol = Part(), Part()
        for name in sorted(config):
            section = config[name]
            if (name, id(section)) not in self._known:
                # The section is kept, so that no other can get its id.
                self._known[name, id(section)] = section, _part(name, section, "own"), _part(name, section, "protocol")
            _, of_own, of_protocol = self._known[name, id(section)]
            own.extend(of_own)
            protocol.extend(of_protocol)
        return own, protocol


def _part(name: str, section: Any, use: str) -> Part:
    values = {key: value for key, value in flat(section, name).items() if role_of(key).use == use}
    return Part(values, json.dumps(values, sort_keys=True, default=str) if values else "")
