"""``replay=<run folder>``: a finished run again, in a folder of its own, and whether it came out the same."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hydrarec.config.composition import (
    HARMLESS_TO_REPLAY,
    changed_keys,
    compose_config,
    parse_overrides,
    plain,
    value_at,
)
from hydrarec.config.experiments import todays_overrides
from hydrarec.config.judge import judge
from hydrarec.core.errors import CheckpointError, ConfigError
from hydrarec.runs import folder as runs

SHOWN = 8  # differences on the screen; run.json has them all


def named(overrides: Sequence[str]) -> Path | None:
    """The folder that ``replay=`` names among these overrides; None if there is none.

    Raises:
        ConfigError: ``resume=`` stands beside it.
    """
    values = {override.key_or_group: override.value() for override in parse_overrides(overrides)}
    if values.get("replay") is None:
        return None
    if values.get("resume") is not None:
        raise ConfigError(
            "resume= goes on with a run, replay= runs one again from its beginning",
            expected="one of the two",
            fix="drop one; a replay that was stopped goes on by resume=<its own folder>",
        )
    return Path(str(values["replay"]))


def overrides_of(path: Path, overrides: Sequence[str]) -> list[str]:
    """The overrides that repeat the run at ``path``: its own, then the new ones, as far as they change no number.

    Raises:
        CheckpointError: no finished run, or these overrides would not compose its configuration.
    """
    folder = runs.SilentFolder(runs.existing(path, "replay"))
    if not folder.finished:
        raise CheckpointError(
            f"{folder.path} is not finished: it has no result.json to compare with",
            expected="the folder of a finished run",
            fix=f"resume={folder.path} first; or run its settings without replay",
            value=str(folder.path),
        )
    new = [override for override in overrides if not override.startswith("replay=")]
    merged = [*todays_overrides(folder.read_overrides()), *new, f"replay='{folder.path}'"]
    old, config = folder.read_config(), plain(compose_config(merged))
    judge(config)
    changed = changed_keys(old, config, HARMLESS_TO_REPLAY)
    if changed:
        was = value_at(old, changed[0])
        raise CheckpointError(
            f"{folder.path} would not be the same run with another {changed[0]}: "
            f"{was} became {value_at(config, changed[0])}",
            expected=f"the run's own settings; changed: {', '.join(changed[:8])}{' …' if len(changed) > 8 else ''}",
            fix=f"leave these out; where a default has changed since, add the old one: {changed[0]}="
            f"{'null' if was is None else was}",
            value=changed[0],
        )
    return merged


def conclude(folder: runs.RunFolder) -> None:
    """Compare a finished replay with its original, in its ``run.json``; nothing to do for any other run, or once more."""
    record = folder.read_record()
    original = record.get("replay_of")
    if original is None or "replay" in record:
        return
    from hydrarec.runs.differences import compare

    found = compare(runs.SilentFolder(Path(original)), folder)
    folder.update_record(
        replay={
            "of": original,
            "equal": not found.differences and bool(found.compared),
            "differences": found.differences,
            "compared": found.compared,
            "not_compared": found.not_compared,
            "circumstances": found.circumstances,
        }
    )


def words(record: dict[str, Any]) -> list[str]:
    """What a replay's ``run.json`` says of the comparison, in a few lines; none for any other run."""
    replay = record.get("replay")
    if replay is None:
        return []
    lines = [f"replay of {replay['of']}: {_verdict(replay)}"]
    lines.extend(f"  {line}" for line in _shortened(replay["differences"])[1:])
    if replay["not_compared"]:
        lines.append(f"  not compared: {'; '.join(replay['not_compared'])}")
    circumstances = "; ".join(_shortened(replay["circumstances"]))
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


def _shortened(lines: list[str]) -> list[str]:
    more = len(lines) - SHOWN
    return lines if more <= 0 else [*lines[:SHOWN], f"… and {more} more, in run.json"]
