"""``hydrarec-reproduce``: run the published experiments over several seeds and set the results beside the published ones."""

from __future__ import annotations

import contextlib
import csv
import dataclasses
import multiprocessing
import os
import re
import sys
from collections.abc import Mapping
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from hydrarec.cli import entry_point as cli
from hydrarec.config.command_line import configuration, parse
from hydrarec.config.composition import compose_config, config_hash, plain
from hydrarec.config.experiments import PublishedRow, published_rows
from hydrarec.config.judge import judge
from hydrarec.config.schema import Published, ReproduceConfig, TrainConfig
from hydrarec.core import console
from hydrarec.core.contract import FULL_ERROR
from hydrarec.core.errors import ConfigError, HydrarecError, InterruptedRun, did_you_mean
from hydrarec.core.files import atomic_write
from hydrarec.reports import reproduction


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


@dataclass(frozen=True)
class Outcome:
    """What a run left: the published metric, the first epoch's RMSE, seconds; or the reason why not."""

    value: float | None = None
    first_epoch: float | None = None
    seconds: float = 0.0
    problem: str = ""


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
    rows = _chosen(config["ids"], published_rows())
    output = Path(config["output_dir"])
    jobs: list[Job] = []
    outcomes: list[Outcome] = []
    for works in _waves(rows):
        wave = [_job(work, seed, output, overrides, jobs) for work in works for seed in range(config["seeds"])]
        outcomes += _run_all(wave, config["workers"])
        jobs += wave
    lines = [
        _row(row.published, [end for job, end in zip(jobs, outcomes, strict=True) if job.work.id == row.published.id])
        for row in rows
    ]
    table, records = output / "table.md", output / "table.csv"
    output.mkdir(parents=True, exist_ok=True)
    for file, text in ((table, reproduction.markdown(lines)), (records, reproduction.comma_separated(lines))):
        with atomic_write(file, "w") as handle:
            handle.write(text)
    sys.stdout.write(f"{table.read_text(encoding='utf-8')}\ntable: {table}  {records}\nruns: {output / 'runs'}/\n")
    return 5 if any(outcome.problem for outcome in outcomes) else 0


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


def _run_all(jobs: list[Job], workers: int) -> list[Outcome]:
    """Each job once, in worker processes of one thread each; an outcome per job, in order.

    An interruption reaches the workers too, which write their checkpoints and end; the same command then goes on.
    """
    if not jobs:
        return []
    outcomes: dict[int, Outcome] = {}
    context = multiprocessing.get_context("spawn")  # torch does not survive a fork
    with (
        ProcessPoolExecutor(min(workers, len(jobs)), mp_context=context) as pool,
        console.progress("reproducing", total=len(jobs), unit="runs") as advance,
    ):
        futures = {pool.submit(_run, job): index for index, job in enumerate(jobs)}
        try:
            for future in as_completed(futures):
                outcomes[futures[future]] = _outcome(future)
                advance(1)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for worker in multiprocessing.active_children():
                worker.terminate()
            raise
    return [outcomes[index] for index in range(len(jobs))]


def _outcome(future: Future[Outcome]) -> Outcome:
    """What a worker returned; a worker that died without a word is a failure of its run alone."""
    try:
        return future.result()
    except BrokenProcessPool:
        return Outcome(problem="its process died")


def _run(job: Job) -> Outcome:
    """In a worker: one run, its live table in ``train.log``; goes on where a killed one stopped."""
    os.environ[FULL_ERROR] = "1"
    from hydrarec.training.job import execute

    job.folder.mkdir(parents=True, exist_ok=True)
    config = {**job.config, "resume": str(job.folder)}
    with (job.folder / "train.log").open("a", encoding="utf-8") as log, contextlib.redirect_stderr(log):
        try:
            result = execute(config, job.folder, job.overrides)
        except InterruptedRun:
            raise
        except HydrarecError as error:
            return Outcome(problem=error.what)
    if job.work.published is None:  # only others start from it
        return Outcome(seconds=result["seconds"]["training"])
    metric = job.work.published.metric
    if metric not in result["metrics"]:
        return Outcome(problem=f"published.metric={metric} is not among {', '.join(result['metrics'])}")
    return Outcome(result["metrics"][metric], _first_epoch(job.folder / "history.csv"), result["seconds"]["training"])


def _first_epoch(history: Path) -> float | None:
    """The validation RMSE after the first epoch; None without a validation part."""
    with history.open(encoding="utf-8", newline="") as file:
        value = next(csv.DictReader(file)).get("val/rmse")
    return None if value is None else float(value)


def _row(published: Published, outcomes: list[Outcome]) -> reproduction.Row:
    done = [outcome for outcome in outcomes if outcome.value is not None]
    problems = [outcome.problem for outcome in outcomes if outcome.problem]
    return reproduction.Row(
        published,
        values=[outcome.value for outcome in done if outcome.value is not None],
        first_epochs=[outcome.first_epoch for outcome in done if outcome.first_epoch is not None],
        seconds=[outcome.seconds for outcome in done],
        problem=f"{len(problems)} of {len(outcomes)} runs failed: {problems[0]}" if problems else "",
    )


if __name__ == "__main__":
    main()
