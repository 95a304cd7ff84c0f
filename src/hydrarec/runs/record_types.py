"""What the YAML and JSON files of a run folder hold, and the check of their types: a run folder is untrusted input.

Other keys than these are allowed, and never read.
"""

import functools
from typing import Any, TypedDict, get_args, get_origin, get_type_hints, is_typeddict


class Config(TypedDict):
    """``config.yaml``, as far as its readers count on it; :mod:`hydrarec.config` judges the rest where it is used."""

    seed: int
    task: dict
    model: dict
    split: dict


class Fingerprinted(TypedDict):
    """``data`` and ``split`` of a record, as far as every run has it."""

    fingerprint: str


class Provenance(TypedDict, total=False):
    """Which code ran, and where: :mod:`hydrarec.runs.provenance`."""

    git: dict | None
    packages: dict[str, str | None]
    python: str
    machine: dict[str, Any]
    started: str


class Comparison(TypedDict):
    """Two runs, in words.

    Attributes:
        differences: of the numbers, ``<what> <first> → <second>``; none: all that was compared is equal.
        compared, not_compared: which parts of the runs, and why not.
        circumstances: differences of the records: code, packages, machine, data or split.
    """

    differences: list[str]
    compared: list[str]
    not_compared: list[str]
    circumstances: list[str]


class Replay(Comparison):
    """A replay beside its original."""

    of: str
    equal: bool


class Record(TypedDict, total=False):
    """``run.json``, which grows while a run goes on."""

    status: str
    overrides: list[str]
    provenance: Provenance
    data: Fingerprinted
    split: Fingerprinted
    device: str
    replay_of: str
    replay: Replay


class Selected(TypedDict):
    """The epoch whose weights were kept."""

    epoch: int
    by: str
    mode: str


class Result(TypedDict):
    """``result.json``. A metric that is no finite number makes a failed run of it, not a damaged one."""

    metrics: dict[str, Any]
    selected: Selected
    epochs: int
    n: dict[str, int]
    seconds: dict[str, float]


class Failure(TypedDict, total=False):
    """``error.json``: :meth:`hydrarec.core.errors.HydrarecError.to_dict`."""

    code: str
    what: str


def find_problem(value: object, kind: Any, name: str = "") -> str:
    """Where ``value`` is not of ``kind``, in words; empty if it is."""
    parts: list[tuple[Any, Any, str]] = []
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
