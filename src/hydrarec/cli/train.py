"""``hydrarec-train``: compose a configuration, judge it, train, test.

Only entry points know Hydra. torch and Lightning are imported inside the task, so that ``--help`` and a mistyped option
answer at once.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from hydrarec.cli import entry_point as cli
from hydrarec.config.command_line import parse
from hydrarec.config.composition import (
    changed_keys,
    compose_config,
    plain,
    register_resolvers,
    value_at,
)
from hydrarec.config.experiments import todays_overrides
from hydrarec.config.explain import as_table, explain
from hydrarec.config.judge import judge, judge_hydra
from hydrarec.config.location import conf_dir
from hydrarec.core import paths
from hydrarec.core.errors import CheckpointError, HydrarecError
from hydrarec.runs import folder as runs
from hydrarec.runs import replay as replaying
from hydrarec.sweeps.start import start_sweep
from hydrarec.training.job import execute


def main() -> None:
    """The console script."""
    cli.entry_point(_main)


def _main() -> int:
    arguments = parse(sys.argv[1:])
    failures: list[HydrarecError] = []

    def task(config: DictConfig) -> None:
        """What Hydra calls for a run."""
        try:
            _job(config)
        except HydrarecError as error:
            failures.append(error)  # Hydra would add lines of its own to ours

    overrides = arguments.overrides
    if arguments.explain:
        sys.stdout.write(as_table(explain(overrides)))
        return 0
    if arguments.multirun and not arguments.shows:
        return start_sweep(overrides)
    if arguments.shows:
        if overrides:
            compose_config(overrides)  # whose errors keep the contract
    else:
        prepared = _prepare(overrides)
        if prepared is None:
            return 0
        sys.argv[1:] = [argument for argument in sys.argv[1:] if argument not in overrides] + prepared
    register_resolvers()
    hydra.main(version_base="1.3", config_path=str(conf_dir()), config_name="train")(task)()
    if failures:
        raise failures[0]
    return 0


def _prepare(overrides: list[str]) -> list[str] | None:
    """Judge the configuration and settle the run folder; the overrides to go on with, None if there is nothing to do."""
    replayed = replaying.named(overrides)
    if replayed is not None:
        overrides = replaying.overrides_of(replayed, overrides)
    composed = compose_config(overrides, with_hydra=True)
    config = plain(composed)
    if config["resume"] is not None:
        return _resumed(Path(str(config["resume"])), overrides)
    judge(config)
    judge_hydra(OmegaConf.to_container(composed.hydra))
    folder = runs.reserve(Path(composed.hydra.run.dir))
    return [*overrides, f"hydra.run.dir='{folder}'"]


def _resumed(path: Path, overrides: list[str]) -> list[str] | None:
    """The overrides of a run that goes on: its own, then the new ones, as far as they are harmless."""
    path = runs.existing(path, "resume")
    folder = runs.RunFolder(path)
    try:
        if folder.finished:
            replaying.conclude(folder)  # if it was stopped just before
            print_summary(folder.path, folder.read_result(), note="already finished")
            return None
        old = folder.read_config()
        new = [override for override in overrides if not override.startswith("resume=")]
        merged = [*todays_overrides(folder.read_overrides()), *new, f"resume='{folder.path}'"]
        config = plain(compose_config(merged))
        judge(config)
        changed = changed_keys(old, config)
        if changed:
            raise CheckpointError(
                f"{folder.path} cannot go on with another {changed[0]}: {value_at(old, changed[0])} became {value_at(config, changed[0])}",
                expected=f"the run's own settings; changed: {', '.join(changed[:8])}{' …' if len(changed) > 8 else ''}",
                fix="leave these out (only trainer.epochs and logging may change), or start a new run",
                value=changed[0],
            )
    finally:
        folder.release()
    return [*merged, f"hydra.run.dir='{folder.path}'"]


def _job(config: DictConfig) -> None:
    folder = Path(HydraConfig.get().runtime.output_dir)
    given = HydraConfig.get().overrides.task
    overrides = [override for override in given if not override.startswith(("resume=", "replay="))]
    result = execute(plain(config), folder, overrides)
    print_summary(folder, result)


def print_summary(folder: Path, result: dict[str, Any], note: str = "") -> None:
    """The end of a run, on stdout: metrics, times, paths, and what to try next."""
    shown = paths.shown(folder)
    selected = result["selected"]
    lines = [note] if note else []
    lines.append(f"selected epoch {selected['epoch']} of {result['epochs']} by {selected['by']}")
    for part in ("val", "test"):
        for metrics in _shown(result["metrics"], part):
            figures = "  ".join(f"{name} {value:.4f}" for name, value in metrics.items())
            lines.append(f"{figures}  (n = {result['n'][part]:,})")
    lines.append(f"{result['seconds']['training']:.1f} s of training, {result['seconds']['process']:.1f} s in all")
    lines.append(f"run folder: {shown}/")
    lines.append(f"look at it: tensorboard --logdir {shown}")
    lines.extend(replaying.words(runs.SilentFolder(folder).read_record()))
    sys.stdout.write("\n".join(lines) + "\n")


def _shown(metrics: dict[str, float], part: str) -> list[dict[str, float]]:
    """What is printed of a part, a line per protocol: errors, or hit rate and gain; the rest is in result.json."""
    protocols: dict[str, dict[str, float]] = {}
    for name, value in metrics.items():
        match = re.fullmatch(rf"{part}/(?:rmse|mae|(?:hr|ndcg)@\d+/(full|sampled\d+))", name)
        if match:
            protocols.setdefault(match[1] or "", {})[name] = value
    return list(protocols.values())


if __name__ == "__main__":
    main()
