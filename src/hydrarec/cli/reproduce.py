"""``hydrarec-reproduce``: rerun published experiments over several seeds and compare with the published results."""

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
from hydrarec.core.files import atomic_write, make_folder
from hydrarec.core.hints import quoted
from hydrarec.reports import reproduction
from hydrarec.runs.identity import config_hash
from hydrarec.runs.reader import RunReader
from hydrarec.tasks.metrics.registry import validation_key
from hydrarec.training.job import execute_as_command
from hydrarec.training.processes import LOG, ChildProcess, end_all, first_to_end, warm_up


@dataclass(frozen=True)
class Work:
    """An experiment run once per seed: a published row or, without ``published``, a prerequisite of others."""

    id: str
    overrides: tuple[str, ...]
    published: Published | None


@dataclass(frozen=True)
class Job:
    """One work with one seed; its folder is named after its configuration, so that a finished run is reused."""

    work: Work
    seed: int
    overrides: list[str]
    config: dict[str, Any]
    folder: Path


def main() -> None:
    """The console script."""
    cli.entry_point(_main)


def _main() -> int:
    arguments = parse(sys.argv[1:])
    passed_on = [override for override in arguments.overrides if _is_of_runs(override)]
    sys.argv[1:] = [argument for argument in arguments.arguments if argument not in passed_on]
    config = configuration("reproduce", ReproduceConfig)
    return 0 if config is None else reproduce(config, passed_on)


def _is_of_runs(override: str) -> bool:
    """Whether an override is for the runs, such as ``dataset.path=…``, and not for the reproduction."""
    names = {field.name for field in dataclasses.fields(TrainConfig)} - {"output_dir"}
    return re.split(r"[=.@/]", override.lstrip("+~"))[0] in names


def reproduce(config: dict[str, Any], overrides: list[str]) -> int:
    """Run missing jobs, with ``overrides`` for each, and write the tables; return 5 if some runs failed, else 0."""
    rows = _chosen(config["ids"], published_rows())
    output = Path(config["output_dir"])
    make_folder(output, "the folder of the reproduction")
    warm_up()  # imports torch while the experiments are composed
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
    for file, text in ((table, reproduction.markdown(lines)), (records, reproduction.comma_separated(lines))):
        with atomic_write(file, "w") as handle:
            handle.write(text)
    console.write(f"{table.read_text(encoding='utf-8')}\ntable: {table}  {records}\nruns: {output / 'runs'}/\n")
    return 5 if problems else 0


def _chosen(ids: str | list[str], known: Mapping[str, PublishedRow]) -> list[PublishedRow]:
    """The rows whose published id or experiment matches one of the patterns in ``ids``."""
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
    """Works in waves: prerequisites first, published or not; works in one wave are independent."""
    first = [_start(command) for row in rows for command in (row.published.starts_from or {}).values()]
    first += [_work(row) for row in rows if not row.published.starts_from]
    return [[*{work.id: work for work in first}.values()], [_work(row) for row in rows if row.published.starts_from]]


def _work(row: PublishedRow) -> Work:
    return Work(row.published.id, tuple(row.overrides), row.published)


def _start(command: str) -> Work:
    """The prerequisite as a work: the published row with these overrides, or an unpublished work."""
    overrides = command.split()
    known = [row for row in published_rows().values() if row.overrides == overrides]
    name = re.sub(r"[^\w.]+", "-", command.removeprefix("experiment="))
    return _work(known[0]) if known else Work(name, tuple(overrides), None)


def _job(work: Work, seed: int, output: Path, more: list[str], before: list[Job]) -> Job:
    """The job of one run; ``before`` holds the jobs that it may start from, with the same seed."""
    overrides = [*work.overrides, f"seed={seed}", "logger=none", "save_predictions=false", *more]
    starts = work.published.starts_from if work.published else None
    for key, command in (starts or {}).items():
        folder = next(job.folder for job in before if (job.work, job.seed) == (_start(command), seed))
        overrides.append(f"{key}={quoted(folder.absolute())}")
    if "seed" in plain(compose_config(overrides))["split"]:  # else the split comes with the data
        overrides.append(f"split.seed={seed}")
    config = plain(compose_config(overrides))
    judge(config)
    return Job(work, seed, overrides, config, output / "runs" / work.id / f"seed-{seed}-{config_hash(config)}")


def _run_all(jobs: list[Job], workers: int) -> dict[Path, str]:
    """Run each job once, ``workers`` at a time, in single-threaded processes; return failure reasons by folder.

    If this process is interrupted, the runs write checkpoints and exit; the same command resumes them.
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
    """Start a run, or resume a stopped one; its live table is in ``train.log``."""
    job.folder.mkdir(parents=True, exist_ok=True)
    config = {**job.config, "resume": str(job.folder)}
    return ChildProcess(execute_as_command, config, job.folder, job.overrides, Path.cwd(), log=job.folder / LOG)


def _problem(job: Job, error: HydrarecError | None) -> str:
    """Why a run that has exited left no published metric; empty if it left one."""
    if isinstance(error, InterruptedRun):
        raise error
    if error is not None:
        return error.what
    published, metrics = job.work.published, RunReader(job.folder).read_result()["metrics"]
    if published is None or published.metric in metrics:  # no published value: a prerequisite of others
        return ""
    return f"published.metric={published.metric} is not among {', '.join(metrics)}"


def _first_epoch(run: RunReader, metric: str) -> float | None:
    """The validation metric after the first epoch; None without a validation part."""
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
