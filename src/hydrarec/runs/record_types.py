"""Types of the YAML and JSON files of a run folder, and a type check, since a run folder is untrusted input.

Other keys are allowed and ignored.
"""

import functools
from types import UnionType
from typing import Any, NotRequired, TypedDict, get_args, get_origin, get_type_hints, is_typeddict


class ObjectiveNode(TypedDict, total=False):
    """Keys of ``task.objective`` that readers rely on."""

    clip: bool


class TaskNode(TypedDict):
    """Keys of ``task`` that readers rely on."""

    name: str
    monitor: NotRequired[str | None]
    objective: NotRequired[ObjectiveNode]


class SplitNode(TypedDict, total=False):
    """Keys of ``split`` that readers rely on."""

    seed: int | None


class FilterNode(TypedDict, total=False):
    """Keys of ``filter`` that readers rely on."""

    min_rating: float | None


class DatasetNode(TypedDict, total=False):
    """Keys of ``dataset`` that readers rely on."""

    name: str


class Config(TypedDict):
    """Keys of ``config.yaml`` that readers rely on; :mod:`hydrarec.config` checks the rest where it is used."""

    seed: int
    task: TaskNode
    model: dict
    split: SplitNode
    dataset: NotRequired[DatasetNode]
    filter: NotRequired[FilterNode]


class DataRecord(TypedDict):
    """``data`` in ``run.json``: the fingerprint, which every run has, and what a report says of the data."""

    fingerprint: str
    name: NotRequired[str]


class PartRecord(TypedDict, total=False):
    """A part of the split in ``run.json``."""

    ratings: int


class SplitRecord(TypedDict):
    """``split`` in ``run.json``."""

    fingerprint: str
    protocol: NotRequired[str]
    parts: NotRequired[dict[str, PartRecord]]


class Provenance(TypedDict, total=False):
    """Code, packages, machine and command of a run, from :mod:`hydrarec.runs.provenance`."""

    git: dict | None
    packages: dict[str, str | None]
    python: str
    machine: dict[str, Any]
    started: str


class Comparison(TypedDict):
    """Comparison of two runs, as text.

    Attributes:
        differences: differing results, ``<name> <first> → <second>``; empty if everything compared is equal.
        compared, not_compared: parts that were compared; parts that were not, with the reason.
        circumstances: differences in code, packages, machine, data or split, from ``run.json``.
    """

    differences: list[str]
    compared: list[str]
    not_compared: list[str]
    circumstances: list[str]


class Replay(Comparison):
    """Comparison of a replay with its original."""

    of: str
    equal: bool


class Units(TypedDict):
    """What the metrics of a part and protocol are means over."""

    n: int
    unit: str


class Record(TypedDict, total=False):
    """``run.json``; a run adds keys as it proceeds."""

    status: str
    overrides: list[str]
    provenance: Provenance
    data: DataRecord
    split: SplitRecord
    device: str
    units: dict[str, dict[str, Units]]
    remarks: list[str]
    replay_of: str
    replay: Replay


class Selected(TypedDict):
    """Epoch whose weights were selected."""

    epoch: int
    by: str
    mode: str


class Seconds(TypedDict):
    """What a run took."""

    training: float
    process: NotRequired[float]
    cpu: NotRequired[float]


class Result(TypedDict):
    """``result.json``. A run with a non-finite metric counts as failed, not as damaged."""

    metrics: dict[str, Any]
    selected: Selected
    epochs: int
    n: dict[str, int]
    seconds: Seconds


class Failure(TypedDict, total=False):
    """``error.json``: :meth:`hydrarec.core.errors.HydrarecError.to_dict`."""

    code: str
    what: str


def find_problem(value: object, kind: Any, name: str = "") -> str:
    """Describe where ``value`` does not match the type ``kind``; empty if it matches."""
    parts: list[tuple[Any, Any, str]] = []
    if isinstance(kind, UnionType):
        problems = [find_problem(value, one, name) for one in get_args(kind) if one is not type(None) or value is None]
        return "" if "" in problems else problems[0]
    if kind is type(None):
        return ""
    container = dict if is_typeddict(kind) else get_origin(kind)
    if container not in (dict, list):
        fits = kind is Any or (isinstance(value, int | float if kind is float else kind))
        return "" if fits and (kind in (Any, bool) or not isinstance(value, bool)) else f"{name} is {value!r}"
    if not isinstance(value, container):
        return f"{name or 'the whole'} is no {'object' if container is dict else 'list'}"
    prefix = f"{name}." if name else ""
    if is_typeddict(kind):
        missing = sorted(kind.__required_keys__ - value.keys())
        if missing:
            return f"{prefix}{missing[0]} is missing"
        parts = [(value[key], of_key, f"{prefix}{key}") for key, of_key in _hints(kind) if key in value]
    elif get_args(kind)[-1] is not Any:
        entries = value.items() if isinstance(value, dict) else enumerate(value)
        parts = [(entry, get_args(kind)[-1], f"{prefix}{key}") for key, entry in entries]
    return next((found for part in parts if (found := find_problem(*part))), "")


@functools.cache
def _hints(kind: type) -> list[tuple[str, Any]]:
    return list(get_type_hints(kind).items())
