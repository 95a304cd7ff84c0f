"""Name configurations after the settings in which they differ."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from hydrarec.reports.comparison.groups import Group, Protocol
from hydrarec.runs.survey import Run

TARGET = "_target_"
LONGEST = 40  # characters of a value in a name


def name_groups(protocols: Sequence[Protocol]) -> None:
    """Name every group after its model and the settings in which groups of that model differ under some protocol.

    A setting that differs under one protocol is named under all, so that a model can be recognised across tasks.
    """
    models = model_names(run for protocol in protocols for group in protocol.groups for run in group.runs)
    keys: dict[str, set[str]] = defaultdict(set)
    for protocol in protocols:
        for target, groups in _by_model(protocol.groups).items():
            keys[target].update(differing(groups))
    short = short_names({key for found in keys.values() for key in found})
    for protocol in protocols:
        for group in protocol.groups:
            target = str(group.settings.get(f"model.{TARGET}"))
            parts = [f"{short[key]}={shown(group.settings.get(key))}" for key in sorted(keys[target])]
            group.name = " ".join([models[target], *parts])
        _number_equal_names(protocol.groups)


def model_names(runs: Iterable[Run]) -> dict[str, str]:
    """Model names by ``_target_``: the option that selected it, or its class name if several or none did."""
    chosen: dict[str, set[str]] = defaultdict(set)
    for run in runs:
        target = str(run.config.get("model", {}).get(TARGET))
        options = [text.split("=", 1)[1] for text in _overrides(run) if re.fullmatch(r"model=[\w-]+", text)]
        chosen[target].update(options[-1:])
    names = {
        target: next(iter(options)) if len(options) == 1 else last_part(target) for target, options in chosen.items()
    }
    several = {name for name, count in Counter(names.values()).items() if count > 1}
    return {target: target if name in several else name for target, name in names.items()}


def differing(groups: Sequence[Group]) -> list[str]:
    """The settings that differ between ``groups``."""
    keys = dict.fromkeys(key for group in groups for key in group.settings)
    first = groups[0].settings
    return [key for key in keys if any(group.settings.get(key, groups) != first.get(key, groups) for group in groups)]


def short_names(keys: Iterable[str]) -> dict[str, str]:
    """The shortest unique ending of each dotted key; a ``_target_`` takes its parent's name."""
    plain = {key: key.removesuffix(f".{TARGET}") for key in keys}
    counts = Counter(last_part(name) for name in plain.values())
    return {key: last_part(name) if counts[last_part(name)] == 1 else name for key, name in plain.items()}


def shown(value: Any) -> str:
    """Format a setting as a person would write it."""
    if value is None:
        return "–"
    if isinstance(value, str) and value.startswith("hydrarec."):
        return last_part(value)
    text = f"{value:.12g}" if isinstance(value, float) else str(value).replace(" ", "")
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def last_part(dotted: str) -> str:
    """The last part of a dotted name: ``hydrarec.models.dot.Dot`` → ``Dot``."""
    return dotted.rpartition(".")[2]


def _number_equal_names(groups: Iterable[Group]) -> None:
    """Number groups that have equal names but different settings, which shortened long lists can cause."""
    seen: Counter[str] = Counter()
    for group in groups:
        seen[group.name] += 1
        if seen[group.name] > 1:
            group.name = f"{group.name} #{seen[group.name]}"


def _by_model(groups: Iterable[Group]) -> dict[str, list[Group]]:
    found: dict[str, list[Group]] = defaultdict(list)
    for group in groups:
        found[str(group.settings.get(f"model.{TARGET}"))].append(group)
    return found


def _overrides(run: Run) -> list[str]:
    overrides = run.record.get("overrides")
    return [str(text) for text in overrides] if isinstance(overrides, list) else []
