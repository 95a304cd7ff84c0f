"""``hydrarec-reproduce``: run the published experiments over several seeds and set the results beside the published ones."""

from __future__ import annotations

import contextlib
import dataclasses
import fnmatch
import multiprocessing
import os
import re
import sys
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hydra

from hydrarec.cli import entry_point as cli
from hydrarec.config.command_line import parse
from hydrarec.config.composition import compose_config, plain
from hydrarec.config.judge import judge, judge_against
from hydrarec.config.location import conf_dir
from hydrarec.config.schema import Published, ReproduceConfig, TrainConfig
from hydrarec.core import console
from hydrarec.core.contract import FULL_ERROR
from hydrarec.core.errors import ConfigError, HydrarecError, InterruptedRun, did_you_mean
from hydrarec.core.files import atomic_write
from hydrarec.reports import reproduction
from hydrarec.runs.identity import config_hash
from hydrarec.runs.reader import RunReader
from hydrarec.tasks.metrics.registry import validation_key


@dataclass(frozen=True)
class Job:
    """One experiment with one seed, in a folder named after what it computes, so that a finished one is found again."""

    id: str
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
    arguments = parse(sys.argv[1:])
    passed_on = [override for override in arguments.overrides if _is_of_runs(override)]
    sys.argv[1:] = [argument for argument in sys.argv[1:] if argument not in passed_on]
    if not arguments.shows:
        own = [override for override in arguments.overrides if override not in passed_on]
        judge_against(ReproduceConfig, plain(compose_config(own, "reproduce")))
    asked: list[dict[str, Any]] = []
    hydra.main(version_base="1.3", config_path=str(conf_dir()), config_name="reproduce")(
        lambda config: asked.append(plain(config))
    )()
    return reproduce(asked[0], passed_on) if asked else 0  # after Hydra, which would add lines of its own to an error


def _is_of_runs(override: str) -> bool:
    """Whether an override is a setting of the runs, ``dataset.path=…``, and not of the reproduction."""
    names = {field.name for field in dataclasses.fields(TrainConfig)} - {"output_dir"}
    return re.split(r"[=.@/]", override.lstrip("+~"))[0] in names


def reproduce(config: dict[str, Any], overrides: list[str]) -> int:
    """Run what is missing, with ``overrides`` for every run, write the tables; 5 if some runs failed, else 0."""
    known = experiments()
    wanted = _wanted(config["ids"], known)
    output = Path(config["output_dir"])
    jobs: list[Job] = []
    outcomes: list[Outcome] = []
    for names in _in_waves(wanted, known):
        wave = [_job(name, seed, output, overrides, jobs) for name in names for seed in range(config["seeds"])]
        outcomes += _run_all(wave, config["workers"])
        jobs += wave
    rows = [
        _row(known[name], [outcome for job, outcome in zip(jobs, outcomes, strict=True) if job.id == name])
        for name in wanted
    ]
    table, records = output / "table.md", output / "table.csv"
    output.mkdir(parents=True, exist_ok=True)
    for file, text in ((table, reproduction.markdown(rows)), (records, reproduction.comma_separated(rows))):
        with atomic_write(file, "w") as handle:
            handle.write(text)
    sys.stdout.write(f"{table.read_text(encoding='utf-8')}\ntable: {table}  {records}\nruns: {output / 'runs'}/\n")
    return 5 if any(outcome.problem for outcome in outcomes) else 0


def _wanted(ids: str | list[str], known: dict[str, Published]) -> list[str]:
    if ids == "all":
        return [name for name, entry in known.items() if not entry.on_request]
    wanted = [ids] if isinstance(ids, str) else ids
    if not wanted:
        raise ConfigError("ids is empty", expected="all, or a list of experiments", fix="ids=all")
    found: list[str] = []
    for pattern in wanted:
        names = fnmatch.filter(known, pattern)
        if not names:
            raise ConfigError(
                f"ids: there is no published experiment '{pattern}'",
                expected=did_you_mean(pattern, known),
                fix="ids=all",
                value=pattern,
            )
        found += [name for name in names if name not in found]
    return found


def _in_waves(wanted: list[str], known: dict[str, Published]) -> list[list[str]]:
    """What others start from comes first, published or not; within a wave nothing waits."""
    sources = {name: list((known[name].starts_from or {}).values()) for name in wanted}
    first = list(dict.fromkeys(source for names in sources.values() for source in names))
    first += [name for name in wanted if not sources[name] and name not in first]
    return [first, [name for name in wanted if sources[name]]]


def experiments() -> dict[str, Published]:
    """Every experiment with a published value, by id."""
    found = {}
    for path in sorted((conf_dir() / "experiment").glob("*.yaml")):
        published = (
            plain(compose_config([f"experiment={path.stem}"]))["published"]
            if "published:" in path.read_text()
            else None
        )
        if published:
            found[published["id"]] = Published(**published)
    return found


def _job(name: str, seed: int, output: Path, more: list[str], before: list[Job]) -> Job:
    """One run; ``before`` holds those that it may start from, of the same seed."""
    overrides = [f"experiment={name}", f"seed={seed}", "logger=none", "save_predictions=false", *more]
    published = plain(compose_config(overrides))["published"] or {}
    for key, source in (published.get("starts_from") or {}).items():
        folder = next(job.folder for job in before if job.id == source and f"seed={seed}" in job.overrides)
        overrides.append(f"{key}='{folder.absolute()}'")
    if "seed" in plain(compose_config(overrides))["split"]:  # else the split is one of its own
        overrides.append(f"split.seed={seed}")
    config = plain(compose_config(overrides))
    judge(config)
    return Job(name, overrides, config, output / "runs" / name / f"seed-{seed}-{config_hash(config)}")


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
    if job.config["published"] is None:  # only others start from it
        return Outcome(seconds=result["seconds"]["training"])
    metric = job.config["published"]["metric"]
    if metric not in result["metrics"]:
        return Outcome(problem=f"published.metric={metric} is not among {', '.join(result['metrics'])}")
    return Outcome(
        result["metrics"][metric], _first_epoch(RunReader(job.folder), metric), result["seconds"]["training"]
    )


def _first_epoch(run: RunReader, metric: str) -> float | None:
    """The metric on the validation part after the first epoch; None without that part."""
    key = validation_key(metric)
    return run.read_history(key)[0].get(key)


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
