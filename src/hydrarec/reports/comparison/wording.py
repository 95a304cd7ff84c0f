"""Comparisons, protocols and failures in words."""

from __future__ import annotations

import math

from hydrarec.reports.comparison.content import Contents, Section
from hydrarec.reports.comparison.contrasts import Comparison
from hydrarec.runs.survey import STATES


def sentence(comparison: Comparison) -> str:
    """``A beats B by 0.8 % ± 0.3 (95 %), p = .002 after Holm``, or why the two are not distinguishable."""
    amount = f"{size(comparison)}, {p_value(comparison.holm)} after Holm"
    if comparison.distinguishable:
        return f"{better_first(comparison)[0]} beats {better_first(comparison)[1]} by {amount}{_over(comparison)}"
    reason = _reason(comparison)
    return (
        f"{comparison.first} and {comparison.second} are not distinguishable: they differ by {amount}"
        f"{_over(comparison)}{reason}"
    )


def better_first(comparison: Comparison) -> tuple[str, str]:
    """The names of the two groups, the better one first."""
    names = comparison.first, comparison.second
    return names if comparison.first_is_better else (names[1], names[0])


def size(comparison: Comparison) -> str:
    """The difference relative to the worse mean, with half the width of its interval: ``0.8 % ± 0.3 (95 %)``."""
    base = abs(comparison.mean_second if comparison.first_is_better else comparison.mean_first)
    low, high = comparison.interval
    level = f"({100 * (1 - comparison.alpha):g} %)"
    if base == 0:
        return f"{abs(comparison.difference):.4f} ± {(high - low) / 2:.4f} {level}"
    relative = f"{100 * abs(comparison.difference) / base:.1f} %"
    if math.isnan(low):
        return relative
    half = 100 * (high - low) / 2 / base
    return f"{relative} ± {half:.1f} {level}" if half >= 0.05 else f"{relative} ± {half:.2g} {level}"


def p_value(p: float) -> str:
    """Format p: ``p = .002``, ``p < .001``, or ``p unknown`` if nothing could be tested."""
    if math.isnan(p):
        return "p unknown"
    if p < 0.001:
        return "p < .001"
    return "p = 1" if p > 0.9995 else f"p = {p:.3f}".replace("0.", ".", 1)


def outlook(comparison: Comparison) -> str:
    """The smallest difference that an evaluation of this size could have detected."""
    if math.isnan(comparison.detectable):
        return ""
    base = abs(comparison.mean_second)
    share = f" ({100 * comparison.detectable / base:.1f} %)" if base else ""
    return f"{comparison.count:,} {comparison.unit} could have shown {comparison.detectable:.4f}{share}"


def counts(contents: Contents) -> str:
    """The run counts by state: ``30 run folders: 27 finished, 2 failed, 1 damaged``."""
    total = sum(contents.states.values())
    states = [f"{contents.states[state]:,} {state}" for state in STATES]
    return f"{total:,} run folders: " + ", ".join(text for text in states if not text.startswith("0 "))


def looks(section: Section) -> str:
    """How often the test part was evaluated, and what this implies."""
    count, groups = section.looks, len(section.groups)
    if not count:
        return "The test part was not looked at."
    text = f"The test part was looked at {count:,} {'time' if count == 1 else 'times'}"
    text += f", by {groups:,} configuration{'' if groups == 1 else 's'}."
    most = max(section.groups, key=lambda group: group.looks)
    excess = most.looks - len(most.runs)
    if excess:
        text += (
            f" {most.name} was run {most.looks} times for {len(most.runs)} seeds: the first run of each seed counts."
        )
    return text


def notes(section: Section) -> str:
    """Notes for readers of the table: evaluations on the test part, missing runs, limits."""
    lost = [(group.name, len(group.lost)) for group in section.groups if group.lost]
    listed = ", ".join(f"{name} ({count})" for name, count in lost[:5])
    further = f" and {len(lost) - 5} more" if len(lost) > 5 else ""
    missing = f"Runs without a result, in no mean: {listed}{further}." if lost else ""
    compared = max((len(found) for found in section.comparisons.values()), default=0)
    others = len(section.groups) - 1
    limit = f"Compared with the best: the next {compared} of {others:,}." if 0 < compared < others else ""
    pruned = f"Given up early, by validation: {len(section.protocol.pruned)}." if section.protocol.pruned else ""
    return " ".join(filter(None, [looks(section), missing, pruned, limit]))


def _over(comparison: Comparison) -> str:
    if not comparison.count:
        return ""
    number = len(comparison.seeds)
    if comparison.unit == "seeds":
        return f" ({number} seeds)"
    seeds = f"{number} seeds" if number > 1 else "one seed: its noise is unknown" if number else "seeds of their own"
    return f" ({comparison.count:,} {comparison.unit}, {seeds})"


def _reason(comparison: Comparison) -> str:
    if comparison.same_configuration:
        return "; they are one configuration, and what differs is the noise of the seed"
    if comparison.holm < comparison.alpha:
        count = len(comparison.seeds)
        return f"; over the {count or 'unpaired'} seeds {p_value(comparison.p_seeds)}: as much as seeds may differ"
    text = outlook(comparison)
    return f"; {text}" if text else ""
