"""Execute one run in its folder: from a configuration to a result or to ``error.json``."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydrarec.config.judge import judge
from hydrarec.core.contract import as_contract
from hydrarec.core.errors import CheckpointError, EnvironmentFault, HydrarecError
from hydrarec.runs import folder as runs
from hydrarec.runs import replay as replaying
from hydrarec.runs.identity import config_hash

if TYPE_CHECKING:
    from hydrarec.training.fit import Parts


_MOVED = (errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EEXIST)  # the folder is not as this run left it

Prepare = Callable[["Parts"], "Parts"]


def execute(config: dict[str, Any], path: Path, overrides: list[str], prepare: Prepare | None = None) -> dict[str, Any]:
    """Validate a configuration, run it in its folder and return the result.

    Args:
        prepare: function that modifies the built parts before training, for example adds the callback of a search.

    Raises:
        HydrarecError: after ``error.json`` and the status are written.
    """
    judge(config)
    folder = runs.RunFolder(path)
    try:
        if folder.finished:
            return folder.read_result()
        return _train(config, folder, overrides, prepare)
    except BaseException as raised:
        error = _changed_folder(folder, raised) or as_contract(raised)
        with contextlib.suppress(OSError):  # a full disk must not hide the original error
            folder.write_error(error)
        if error is raised:
            raise
        raise error from raised
    finally:
        folder.release()


def _changed_folder(folder: runs.RunFolder, raised: BaseException) -> EnvironmentFault | None:
    """The fault behind ``raised``, if somebody deleted, moved or replaced parts of the run folder while the run wrote to it."""
    if isinstance(raised, HydrarecError) and not isinstance(raised, CheckpointError):
        return None
    changed = next((path for path in (folder.path, folder.checkpoints) if not path.is_dir()), None)
    cause: BaseException | None = raised
    while changed is None and cause is not None:  # Lightning wraps those of its loggers
        if isinstance(cause, OSError) and cause.errno in _MOVED and cause.filename is not None:
            place = Path(os.fsdecode(cause.filename))
            changed = place if place.is_relative_to(folder.path) else None
        cause = cause.__cause__
    if changed is None:
        return None
    return EnvironmentFault(
        f"{changed} was deleted, moved or replaced while the run wrote to it",
        expected="a run folder that nobody else changes before the run ends",
        fix="run the same command again, in a new folder",
        value=str(changed),
    )


def execute_as_command(
    config: dict[str, Any], path: Path, overrides: list[str], cwd: Path, prepare: Prepare | None = None
) -> None:
    """Call :func:`execute` in a child process as if ``hydrarec-train overrides…`` had been started in ``cwd``."""
    os.chdir(cwd)
    sys.argv = ["hydrarec-train", *overrides]  # for run.json
    execute(config, path, overrides, prepare)


def _train(
    config: dict[str, Any], folder: runs.RunFolder, overrides: list[str], prepare: Prepare | None
) -> dict[str, Any]:
    from hydrarec.runs.provenance import provenance
    from hydrarec.training.assembly import build, settings_of
    from hydrarec.training.ddp_workers import ddp_workers
    from hydrarec.training.fit import run

    resume = config["resume"] is not None and folder.last_checkpoint.exists()
    if config["resume"] is not None and not resume:
        sys.stderr.write("there is no checkpoint yet: this run begins at its first epoch\n")
    if config["replay"] is not None:
        folder.update_record(replay_of=config["replay"])
    config = {**config, "replay": None}  # from here on, an ordinary run
    folder.write_config({**config, "resume": None})  # the current one: a resumed run may have more epochs
    folder.update_record(
        status="starting",
        seed=config["seed"],
        config_hash=config_hash(config),
        overrides=overrides,
        provenance=provenance(folder),
    )
    with ddp_workers(settings_of(config).devices, folder.path, resume=resume) as workers:
        parts = build(config, folder)
        if prepare is not None:
            parts = prepare(parts)
        workers.wait_until_built()
        result = run(parts, folder, config, resume=resume)
    replaying.conclude(folder)
    return result
