"""``resume=`` continues a run; ``replay=`` repeats it in a new folder and compares the results."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hydrarec.config.composition import parse_overrides
from hydrarec.core.errors import CheckpointError, ConfigError
from hydrarec.core.hints import quoted
from hydrarec.runs.folder import RunFolder
from hydrarec.runs.identity import Purpose, changes
from hydrarec.runs.reader import RECORD, RunReader
from hydrarec.runs.saved_overrides import composed, saved_overrides

SHOWN = 8  # number of differences to print


def named_folders(overrides: Sequence[str]) -> tuple[Path | None, Path | None]:
    """The folders that ``resume=`` and ``replay=`` name; None without it.

    Raises:
        ConfigError: both ``replay=`` and ``resume=`` are given.
    """
    values = {override.key_or_group: override.value() for override in parse_overrides(overrides)}
    resumed, replayed = (None if values.get(key) is None else Path(str(values[key])) for key in ("resume", "replay"))
    if resumed is not None and replayed is not None:
        raise ConfigError(
            "resume= continues a run, replay= repeats one from its beginning",
            expected="one of the two",
            fix="drop one; a replay that was stopped goes on by resume=<its own folder>",
        )
    return resumed, replayed


def merged_overrides(run: RunReader, overrides: Sequence[str], purpose: Purpose) -> list[str]:
    """Overrides that start ``run`` again: its own, then the new ones, which must not change its identity.

    Raises:
        CheckpointError: they change its identity, do not compose its configuration, or its folder is damaged.
    """
    saved = saved_overrides(run)
    new = [*_without(purpose, overrides), f"{purpose}={quoted(run.path)}"]
    changed = changes(run.read_config(), composed(run, saved, new), purpose)
    if not changed:
        return [*saved, *new]
    key, (before, after) = next(iter(changed.items()))
    what = {"resume": "cannot be resumed with", "replay": "would not be the same run with"}[purpose]
    fixes = {
        "resume": "leave these out (only trainer.epochs and logging may change), or start a new run",
        "replay": f"leave these out; where a default has changed since, add the old one: {key}="
        f"{'null' if before is None else before}",
    }
    raise CheckpointError(
        f"{run.path} {what} another {key}: {before} became {after}",
        expected=f"the run's own settings; changed: {', '.join(_shortened(list(changed)))}",
        fix=fixes[purpose],
        value=key,
    )


def refuse_other_settings(run: RunReader, overrides: Sequence[str]) -> None:
    """Refuse to resume a finished run with settings under which it would not be the same run, more epochs included.

    Raises:
        CheckpointError: there are such settings, or the folder is not one that may be resumed.
    """
    saved, new = saved_overrides(run), _without("resume", overrides)
    changed = changes(run.read_config(), composed(run, saved, new), "replay") if new else {}
    if changed:
        key, (before, after) = next(iter(changed.items()))
        raise CheckpointError(
            f"{run.path} is finished with {key}={before}, and its test part was evaluated; it cannot go on with {after}",
            expected="no other settings: a run that has seen its test part trains no more",
            fix=f"start a new run: {shlex.join(['hydrarec-train', *saved, *new])}",
            value=key,
        )


def _without(purpose: Purpose, overrides: Sequence[str]) -> list[str]:
    return [override for override in overrides if not override.startswith(f"{purpose}=")]


def conclude(folder: RunFolder) -> None:
    """Compare a finished replay with its original once and store the comparison in its ``run.json``; ignore other runs."""
    record = folder.read_record()
    original = record.get("replay_of")
    if original is None or "replay" in record:
        return
    from hydrarec.runs.differences import compare

    comparison = compare(RunReader(Path(original)), folder)
    equal = not comparison["differences"] and bool(comparison["compared"])
    folder.update_record(replay={"of": original, "equal": equal, **comparison})


def describe(record: dict[str, Any]) -> list[str]:
    """Format the comparison stored in a replay's record; no lines for other runs."""
    replay = record.get("replay")
    if replay is None:
        return []
    lines = [f"replay of {replay['of']}: {_verdict(replay)}"]
    lines.extend(f"  {line}" for line in _shortened(replay["differences"], f", in {RECORD}")[1:])
    if replay["not_compared"]:
        lines.append(f"  not compared: {'; '.join(replay['not_compared'])}")
    circumstances = "; ".join(_shortened(replay["circumstances"], f", in {RECORD}"))
    if replay["equal"] and circumstances:
        lines.append(f"  although this was different: {circumstances}")
    elif replay["differences"]:
        lines.append(
            f"  what may explain it: {circumstances}"
            if circumstances
            else "  nothing recorded explains it: the same code, packages, machine, data and split"
        )
    return lines


def _verdict(replay: dict[str, Any]) -> str:
    if replay["equal"]:
        return f"equal, bit for bit: {', '.join(replay['compared'])}"
    return f"differs: {replay['differences'][0]}" if replay["differences"] else "nothing could be compared"


def _shortened(lines: list[str], place: str = "") -> list[str]:
    more = len(lines) - SHOWN
    return lines if more <= 0 else [*lines[:SHOWN], f"… and {more} more{place}"]
