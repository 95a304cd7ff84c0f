"""``hydrarec-train``: compose a configuration, validate it, train, test.

Only entry points know Hydra. torch and Lightning are imported inside the task, so that ``--help`` and mistyped options
respond at once.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from hydrarec.cli import entry_point as cli
from hydrarec.config.command_line import parse
from hydrarec.config.composition import compose_config, environment_hidden, plain
from hydrarec.config.explain import as_table, explain
from hydrarec.config.judge import judge
from hydrarec.config.location import conf_dir
from hydrarec.core import console, paths
from hydrarec.core.errors import HydrarecError
from hydrarec.core.hints import quoted
from hydrarec.runs import replay
from hydrarec.runs.folder import RunFolder, reserve
from hydrarec.runs.reader import RESULT, RunReader, report_damage
from hydrarec.sweeps.start import start_sweep
from hydrarec.tasks.metrics.registry import shown_measure
from hydrarec.training.job import execute


def main() -> None:
    """The console script."""
    cli.entry_point(_main)


def _main() -> int:
    arguments = parse(sys.argv[1:])
    failures: list[HydrarecError] = []

    def task(config: DictConfig) -> None:
        """Train and test one run; Hydra calls this."""
        try:
            _job(config)
        except HydrarecError as error:
            failures.append(error)  # Hydra would add its own lines to ours

    overrides = arguments.overrides
    sys.argv[1:] = arguments.arguments
    if arguments.explain:
        console.write(as_table(explain(overrides)))
        return 0
    if arguments.multirun and not arguments.shows:
        return start_sweep(overrides)
    if arguments.shows:
        if overrides:
            compose_config(overrides)  # its errors follow the error contract
    else:
        prepared = _prepare(overrides)
        if prepared is None:
            return 0
        sys.argv[1:] = [argument for argument in sys.argv[1:] if argument not in overrides] + prepared
    hydra.main(version_base="1.3", config_path=str(conf_dir()), config_name="train")(task)()
    if failures:
        raise failures[0]
    return 0


def _prepare(overrides: list[str]) -> list[str] | None:
    """Validate the configuration and determine the run folder; return the overrides to run, None if nothing to do."""
    resumed, replayed = replay.named_folders(overrides)
    if resumed is not None:
        return _resumed(resumed, overrides)
    if replayed is not None:
        overrides = replay.merged_overrides(RunReader.of_finished_run(replayed, "replay"), overrides, "replay")
    composed = compose_config(overrides, with_hydra=True)
    config = plain(composed)
    judge(config)
    with environment_hidden():
        path = Path(composed.hydra.run.dir)
    folder = reserve(path)
    return [*overrides, f"hydra.run.dir={quoted(folder)}"]


def _resumed(path: Path, overrides: list[str]) -> list[str] | None:
    """The overrides to resume a run with; None if it is finished."""
    folder = RunFolder(RunReader.of_run(path, "resume").path)
    try:
        if folder.finished:
            replay.refuse_other_settings(folder, overrides)
            replay.conclude(folder)  # in case it was stopped just before this step
            print_summary(folder, folder.read_result(), note="already finished")
            return None
        merged = replay.merged_overrides(folder, overrides, "resume")
    finally:
        folder.release()
    return [*merged, f"hydra.run.dir={quoted(folder.path)}"]


def _job(config: DictConfig) -> None:
    folder = Path(HydraConfig.get().runtime.output_dir)
    os.chdir(HydraConfig.get().runtime.cwd)  # hydra.job.chdir=true must not change what a path means
    given = HydraConfig.get().overrides.task
    overrides = [override for override in given if not override.startswith(("resume=", "replay="))]
    result = execute(plain(config), folder, overrides)
    print_summary(RunReader(folder), result)


def print_summary(run: RunReader, result: dict[str, Any], note: str = "") -> None:
    """Print the summary of a run to stdout: metrics, times, paths, and suggested next commands."""
    with report_damage(run.path / RESULT):  # a finished run that is resumed may be of somebody else
        text = "\n".join(_summary(run, result, note))
    console.write(f"{text}\n")


def _summary(run: RunReader, result: dict[str, Any], note: str) -> list[str]:
    shown = paths.shown(run.path)
    selected, record = result["selected"], run.read_record()
    lines = [note] if note else []
    lines.append(f"selected epoch {selected['epoch']} of {result['epochs']} by {selected['by']}")
    for part in ("val", "test"):
        for protocol, metrics in _shown(result["metrics"], part).items():
            figures = "  ".join(f"{name} {value}" for name, value in metrics.items())
            counted = record.get("units", {}).get(part, {}).get(protocol, {"n": result["n"][part], "unit": ""})
            number = f"n = {counted['n']:,} {counted['unit']}".rstrip()
            lines.append(f"{figures}  ({number})")
    lines.extend(f"note: {remark}" for remark in record.get("remarks", []))
    lines.append(f"{result['seconds']['training']:.1f} s of training, {result['seconds']['process']:.1f} s in all")
    lines.append(f"run folder: {shown}/")
    lines.append(f"look at it: tensorboard --logdir {shown}")
    return [*lines, *replay.describe(record)]


def _shown(metrics: dict[str, float], part: str) -> dict[str, dict[str, str]]:
    """The printed metrics of a part by protocol: errors, or hit rate and gain; result.json has all metrics."""
    protocols: dict[str, dict[str, str]] = {}
    for name, value in metrics.items():
        measure = shown_measure(name)
        if measure is not None and measure.part == part and measure.metric.basis != "loss":
            protocols.setdefault(measure.protocol, {})[name] = measure.metric.format(value)
    return protocols


if __name__ == "__main__":
    main()
