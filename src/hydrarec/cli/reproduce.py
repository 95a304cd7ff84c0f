"""``hydrarec-reproduce``: run the published experiments over several seeds and compare with the published results."""

from __future__ import annotations

import dataclasses
import itertools
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from hydrarec.cli import entry_point as cli
from hydrarec.config.command_line import configuration, parse
from hydrarec.config.composition import compose_config, plain
from hydrarec.config.experiments import PublishedRow, published_rows
from hydrarec.config.judge import judge
from hydrarec.config.schema import Published, ReproduceConfig, TrainConfig
from hydrarec.core import console
from hydrarec.core.errors import ConfigError, HydrarecError, InterruptedRun, did_you_mean
from hydrarec.core.files import atomic_write
from hydrarec.reports import reproduction
from hydrarec.runs.identity import config_hash
from hydrarec.runs.reader import RunReader
from hydrarec.tasks.metrics.registry import validation_key
from hydrarec.training.job import execute_as_command
from hydrarec.training.processes import LOG, ChildProcess, end_all, first_to_end, warm_up


@dataclass(frozen=True)
class Work:
    """What is run once per seed: a published row, or, without ``published``, something that others start from."""

    id: str
    overrides: tuple[str, ...]
    published: Published | None


@dataclass(frozen=True)
class Job:
    """One work with one seed, in a folder named after what it computes, so that a finished one is found again."""

    work: Work
    seed: int
    overrides: list[str]
    config: dict[str, Any]
    folder: Path


def main() -> None:
    """The console script."""
    cli.entry_point(_main)


def _main() -> int:
    passed_on = [override for override in parse(sys.argv[1:]).overrides if _is_of_runs(override)]
    sys.argv[1:] = [argument for argument in sys.argv[1:] if argument not in passed_on]
    config = configuration("reproduce", ReproduceConfig)
    return 0 if config is None else reproduce(config, passed_on)


def _is_of_runs(override: str) -> bool:
    """Whether an override is a setting of the runs, ``dataset.path=…``, and not of the reproduction."""
    names = {field.name for field in dataclasses.fields(TrainConfig)} - {"output_dir"}
    return re.split(r"[=.@/]", override.lstrip("+~"))[0] in names


def reproduce(config: dict[str, Any], overrides: list[str]) -> int:
    """Run what is missing, with ``overrides`` for every run, write the tables; 5 if some runs failed, else 0."""
    warm_up()  # it imports torch while the experiments are composed
    rows = _chosen(config["ids"], published_rows())
    output = Path(config["output_dir"])
    jobs: list[Job] = []
    problems: dict[Path, str] = {}
    for works in _waves(rows):
        wave = [_job(work, seed, output, overrides, jobs) for work in works for seed in range(config["seeds"])]
        problems |= _run_all(wave, config["workers"])
        jobs += wave
    lines = [
        _row(row.published, [job.folder for job in jobs if job.work.id == row.published.id], problems) for row in rows
    ]
    table, records = output / "table.md", output / "table.csv"
    output.mkdir(parents=True, exist_ok=True)
    for file, text in ((table, reproduction.markdown(lines)), (records, reproduction.comma_separated(lines))):
        with atomic_write(file, "w") as handle:
            handle.write(text)
    sys.stdout.write(f"{table.read_text(encoding='utf-8')}\ntable: {table}  {records}\nruns: {output / 'runs'}/\n")
    return 5 if problems else 0


def _chosen(ids: str | list[str], known: Mapping[str, PublishedRow]) -> list[PublishedRow]:
    """The rows that patterns name by their published ids, or by their experiments."""
    if ids == "all":
        return [row for row in known.values() if not row.published.on_request]
    patterns = [ids] if isinstance(ids, str) else ids
    if not patterns:
        raise ConfigError("ids is empty", expected="all, or a list of experiments", fix="ids=all")
    chosen: dict[str, PublishedRow] = {}
    for pattern in patterns:
        named = {key: row for key, row in known.items() if fnmatch(key, pattern) or fnmatch(row.experiment, pattern)}
        if not named:
            raise ConfigError(
                f"ids: there is no published experiment '{pattern}'",
                expected=did_you_mean(pattern, [*known, *(row.experiment for row in known.values())]),
                fix="ids=all",
                value=pattern,
            )
        chosen |= named
    return list(chosen.values())


def _waves(rows: list[PublishedRow]) -> list[list[Work]]:
    """What others start from comes first, published or not; within a wave nothing waits."""
    first = [_start(command) for row in rows for command in (row.published.starts_from or {}).values()]
    first += [_work(row) for row in rows if not row.published.starts_from]
    return [[*{work.id: work for work in first}.values()], [_work(row) for row in rows if row.published.starts_from]]


def _work(row: PublishedRow) -> Work:
    return Work(row.published.id, tuple(row.overrides), row.published)


def _start(command: str) -> Work:
    """The published row with these overrides, or a work of its own."""
    overrides = command.split()
    known = [row for row in published_rows().values() if row.overrides == overrides]
    name = re.sub(r"[^\w.]+", "-", command.removeprefix("experiment="))
    return _work(known[0]) if known else Work(name, tuple(overrides), None)


def _job(work: Work, seed: int, output: Path, more: list[str], before: list[Job]) -> Job:
    """One run; ``before`` holds those that it may start from, of the same seed."""
    overrides = [*work.overrides, f"seed={seed}", "logger=none", "save_predictions=false", *more]
    starts = work.published.starts_from if work.published else None
    for key, command in (starts or {}).items():
        folder = next(job.folder for job in before if (job.work, job.seed) == (_start(command), seed))
        overrides.append(f"{key}='{folder.absolute()}'")
    if "seed" in plain(compose_config(overrides))["split"]:  # else the split is one of its own
        overrides.append(f"split.seed={seed}")
    config = plain(compose_config(overrides))
    judge(config)
    return Job(work, seed, overrides, config, output / "runs" / work.id / f"seed-{seed}-{config_hash(config)}")


def _run_all(jobs: list[Job], workers: int) -> dict[Path, str]:
    """Run each job once, ``workers`` at a time, in processes of one thread each; why which folders have no result.

    When this process is interrupted, the runs write their checkpoints and end; the same command then goes on.
    """
    problems: dict[Path, str] = {}
    running: dict[ChildProcess, Job] = {}
    waiting = iter(jobs)
    try:
        with console.progress("reproducing", total=len(jobs), unit="runs") as advance:
            for _ in jobs:
                for job in itertools.islice(waiting, workers - len(running)):
                    running[_begin(job)] = job
                process = first_to_end(running)
                job = running.pop(process)
                problem = _problem(job, process.failure())
                if problem:
                    problems[job.folder] = problem
                advance(1)
    finally:
        end_all(running)
    return problems


def _begin(job: Job) -> ChildProcess:
    """A run that has begun, or goes on where it was stopped; its live table is in ``train.log``."""
    job.folder.mkdir(parents=True, exist_ok=True)
    config = {**job.config, "resume": str(job.folder)}
    return ChildProcess(execute_as_command, config, job.folder, job.overrides, Path.cwd(), log=job.folder / LOG)


def _problem(job: Job, error: HydrarecError | None) -> str:
    """Why a run that has ended left no published metric; empty if it did."""
    if isinstance(error, InterruptedRun):
        raise error
    if error is not None:
        return error.what
    published, metrics = job.work.published, RunReader(job.folder).read_result()["metrics"]
    if published is None or published.metric in metrics:  # without a published value, others start from it
        return ""
    return f"published.metric={published.metric} is not among {', '.join(metrics)}"


def _first_epoch(run: RunReader, metric: str) -> float | None:
    """The metric on the validation part after the first epoch; None without that part."""
    key = validation_key(metric)
    return run.read_history(key)[0].get(key)


def _row(published: Published, folders: list[Path], problems: dict[Path, str]) -> reproduction.Row:
    reasons = [problems[folder] for folder in folders if folder in problems]
    done = [folder for folder in folders if folder not in problems]
    results = [RunReader(folder).read_result() for folder in done]
    first_epochs = [_first_epoch(RunReader(folder), published.metric) for folder in done]
    return reproduction.Row(
        published,
        values=[result["metrics"][published.metric] for result in results],
        first_epochs=[value for value in first_epochs if value is not None],
        seconds=[result["seconds"]["training"] for result in results],
        problem=f"{len(reasons)} of {len(folders)} runs failed: {reasons[0]}" if reasons else "",
    )


if __name__ == "__main__":
    main()
