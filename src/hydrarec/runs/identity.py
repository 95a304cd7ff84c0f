"""Identity of a run: one table of which settings affect its results, and which affect what the results mean."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from omegaconf import DictConfig, OmegaConf

from hydrarec.config.composition import flat, plain

Purpose = Literal["resume", "replay"]


@dataclass(frozen=True)
class Role:
    """The part a setting plays in the identity of a run.

    Attributes:
        hashed: a different value means a different run and hash. Depends on the top-level key only.
        may_change: the purposes (resume, replay) for which the value may change when a run is started again.
        use: the setting's use in a report. ``own``: a setting of the model; runs that differ in it form different groups;
            ``protocol``: affects what a metric means; runs that differ in it are never compared; ``seed``: distinguishes the
            runs of a group; ``none``: cannot affect results, or is covered by a fingerprint.
    """

    hashed: bool = True
    may_change: tuple[Purpose, ...] = ()
    use: Literal["own", "protocol", "seed", "none"] = "own"


_LABEL = Role(hashed=False, may_change=("resume", "replay"), use="none")
_COST = Role(use="none")
_PROTOCOL = Role(use="protocol")
ROLES = {  # applies to all keys below; the longest match wins; all other keys are the model's own
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
    """Role of a dotted key."""
    while key not in ROLES and "." in key:
        key = key.rpartition(".")[0]
    return ROLES.get(key, Role())


def config_hash(config: dict[str, Any]) -> str:
    """Hash of a resolved configuration, eight hex digits: covers the seed, but neither paths nor logging."""
    kept = {key: value for key, value in config.items() if role_of(key).hashed}
    return hashlib.sha256(json.dumps(kept, sort_keys=True, default=str).encode()).hexdigest()[:8]


def _resolve(*, _root_: DictConfig) -> str:
    return config_hash(plain(_root_))


# ${confighash:} names run folders. Registered on import, so that every process can resolve it.
OmegaConf.register_new_resolver("confighash", _resolve, replace=True)


def changes(old: dict[str, Any], new: dict[str, Any], purpose: Purpose) -> dict[str, tuple[Any, Any]]:
    """Dotted keys that ``purpose`` does not allow to change but that differ, with the old and the new value.

    ``trainer.epochs`` must not change if the schedule depends on the total number of epochs. A setting that a section
    of the old configuration lacks is newer than the run: its default means what was before.
    """
    before, after = flat(old), flat(new)
    stretched = str(before.get("scheduler._target_")).endswith(".one_cycle")
    sections = {key.rpartition(".")[0] for key in before}
    newer = {key for key in after.keys() - before.keys() if key.rpartition(".")[0] in sections}
    pairs = {key: (before.get(key), after.get(key)) for key in sorted((before.keys() | after.keys()) - newer)}
    return {
        key: pair
        for key, pair in pairs.items()
        if pair[0] != pair[1] and (purpose not in role_of(key).may_change or (stretched and key == "trainer.epochs"))
    }


class Part(NamedTuple):
    """Values by dotted key, and their text form, which is equal if and only if the values are."""

    values: dict[str, Any]
    text: str


class Settings:
    """Splits configurations into parts; sections shared by :func:`hydrarec.runs.reader.parse_config` are split once."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, int], tuple[Any, list[Part]]] = {}

    def of(self, config: dict[str, Any]) -> tuple[Part, Part]:
        """Return the model's settings and the protocol's, both without the seeds of the run and of the split."""
        sections = [self._divided(name, config[name]) for name in sorted(config)]
        own, protocol = zip(*sections, strict=True)
        return _joined(own), _joined(protocol)

    def _divided(self, name: str, section: Any) -> list[Part]:
        known = self._known.get((name, id(section)))
        if known is None:  # keep a reference to the section, so that its id is not reused
            known = section, [_part(name, section, use) for use in ("own", "protocol")]
            self._known[name, id(section)] = known
        return known[1]


def _joined(parts: Iterable[Part]) -> Part:
    values: dict[str, Any] = {}
    for part in parts:
        values |= part.values
    return Part(values, "".join(part.text for part in parts))


def _part(name: str, section: Any, use: str) -> Part:
    values = {key: value for key, value in flat(section, name).items() if role_of(key).use == use}
    return Part(values, json.dumps(values, sort_keys=True, default=str) if values else "")
