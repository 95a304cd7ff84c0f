"""One comparison of two runs, or of two folders whose runs differ only in the seed."""

from __future__ import annotations

import math
from pathlib import Path

from hydrarec.core.errors import ConfigError
from hydrarec.core.paths import two_folders
from hydrarec.reports.comparison import wording
from hydrarec.reports.comparison.comparison_settings import ReportConfig
from hydrarec.reports.comparison.comparison_tables import measured
from hydrarec.reports.comparison.content import Cell, contents
from hydrarec.reports.comparison.contrasts import Comparer, Comparison, corrected
from hydrarec.reports.comparison.groups import Group, Protocol
from hydrarec.reports.comparison.naming import differing, shown
from hydrarec.runs.survey import Run, find, read_all

EXPECTED = "two run folders, or two folders of runs that differ by the seed only"


def check(settings: ReportConfig) -> str:
    """Compare the two sides and describe the result metric by metric.

    Raises:
        ConfigError: not exactly two folders; a folder has no finished run or several configurations; the two have
            different protocols.
    """
    folders = two_folders("check", settings.check, expected=EXPECTED)
    first, second = (_runs(folder) for folder in folders)
    together = contents([*first, *second], settings, compare=False)
    if len(together.sections) > 1:
        raise _incomparable(together.sections[0].protocol, together.sections[1].protocol)
    [section] = together.sections
    sides = [_side(runs, section.groups) for runs in (first, second)]
    names = [group.name for group in sides]
    if names[0] == names[1]:
        for group, letter in zip(sides, "AB", strict=True):
            group.name = f"{letter} ({group.name}, seed {', '.join(map(str, group.seeds))})"
    comparer = Comparer(settings)
    comparisons = corrected([comparer.compare(sides[0], sides[1], metric) for metric in section.metrics])
    lines = [section.title]
    lines += [
        f"  {group.name}: {len(group.runs)} run{'s' * (len(group.runs) > 1)} in {folder}"
        for group, folder in zip(sides, folders, strict=True)
    ]
    if sides[0].settings != sides[1].settings:
        keys = differing(sides)
        lines.append(
            f"  they differ by {', '.join(_difference(key, sides) for key in keys[:6])}{' …' if len(keys) > 6 else ''}"
        )
    for comparison in comparisons:
        lines += ["", *_lines(comparison, sides)]
    return "\n".join(lines) + "\n"


def _lines(comparison: Comparison, sides: list[Group]) -> list[str]:
    cells = [Cell.of(list(group.values(comparison.metric).values())) for group in sides]
    figures = "  ".join(
        f"{group.name} {measured(cell).words}" for group, cell in zip(sides, cells, strict=True) if cell
    )
    low, high = comparison.interval
    lines = [f"{comparison.metric}: {wording.sentence(comparison)}", f"  {figures}"]
    if not math.isnan(low):
        lines.append(
            f"  difference {comparison.difference:+.4f}, interval {low:+.4f} to {high:+.4f}, d = {comparison.effect:.3f}"
        )
    lines.append(
        f"  over {comparison.count:,} {comparison.unit}: t {wording.p_value(comparison.p)}, Wilcoxon {wording.p_value(comparison.p_wilcoxon)};"
        f" over seeds: {wording.p_value(comparison.p_seeds)}"
    )
    text = wording.outlook(comparison)
    return [*lines, f"  {text}"] if text else lines


def _runs(folder: str) -> list[Run]:
    try:
        runs = read_all(find(folder))
    except ConfigError as error:
        raise ConfigError(
            f"check={folder}: {error.what.partition(': ')[2]}",
            expected="a run folder",
            fix="check=<run folder>,<run folder>",
            value=folder,
        ) from error
    finished = [run for run in runs if run.state == "finished"]
    if not finished:
        raise ConfigError(
            f"check={folder}: no run in it is finished: {runs[0].state}: {runs[0].problem}",
            expected="a run with a result.json",
            fix=f"hydrarec-train resume={runs[0].folder}",
            value=folder,
        )
    return finished


def _side(runs: list[Run], groups: list[Group]) -> Group:
    """The runs of one side as a single group, named as in the report."""
    folders = {run.folder for run in runs}
    homes = [group for group in groups if folders & {run.folder for run in [*group.runs, *group.repeats]}]
    if len(homes) > 1:
        raise ConfigError(
            f"check: {Path(runs[0].folder).parent} holds {len(homes)} configurations: {homes[0].name}, {homes[1].name}",
            expected="runs of one configuration on each side",
            fix="hydrarec-report runs=<folder> compares all of them",
        )
    by_seed = {run.seed: run for run in sorted(runs, key=lambda run: run.started, reverse=True)}
    return Group(homes[0].settings, [by_seed[seed] for seed in sorted(by_seed)], name=homes[0].name)


def _difference(key: str, sides: list[Group]) -> str:
    return f"{key} {' / '.join(shown(group.settings.get(key)) for group in sides)}"


def _incomparable(first: Protocol, second: Protocol) -> ConfigError:
    """The error that lists how the two protocols differ."""
    if first.dataset != second.dataset:
        reason = f"data {first.dataset} and {second.dataset}"
    elif first.data_fingerprint != second.data_fingerprint:
        reason = f"data fingerprints {first.data_fingerprint[:8]} and {second.data_fingerprint[:8]}"
    else:
        keys = [
            key for key in {**first.settings, **second.settings} if first.settings.get(key) != second.settings.get(key)
        ]
        reason = ", ".join(
            f"{key} {shown(first.settings.get(key))} and {shown(second.settings.get(key))}" for key in keys[:3]
        )
    return ConfigError(
        f"check: the two were measured under different protocols: {reason or 'their splits have different fingerprints'}",
        expected="runs on the same data, split and protocol",
        fix="run one of them again under the other's protocol",
    )
