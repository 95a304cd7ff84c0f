"""``hydrarec-reproduce``: run the published experiments over several seeds and compare with the published results."""

from __future__ import annotations

import dataclasses
import fnmatch
import itertools
import re
import sys
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
from hydrarec.core.errors import ConfigError, HydrarecError, InterruptedRun, did_you_mean
from hydrarec.core.files import atomic_write
from hydrarec.reports import reproduction
from hydrarec.runs.identity import config_hash
from hydrarec.runs.reader import RunReader
from hydrarec.tasks.metrics.registry import validation_key
from hydrarec.training.job import execute_as_command
from hydrarec.training.processes import LOG, ChildProcess, end_all, first_to_end, warm_up


@dataclass(frozen=True)
class Job:
    """One experiment with one seed, in a folder named by its configuration, so that a finished run is recognised."""

    id: str
    overrides: list[str]
    config: dict[str, Any]
    folder: Path


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
    warm_up()  # it imports torch while the experiments are composed
    known = experiments()
    chosen = _matching(config["ids"], known)
    output = Path(config["output_dir"])
    jobs: list[Job] = []
    problems: dict[Path, str] = {}
    for names in _in_waves(chosen, known):
        wave = [_job(name, seed, output, overrides, jobs) for name in names for seed in range(config["seeds"])]
        problems |= _run_all(wave, config["workers"])
        jobs += wave
    rows = [_row(known[name], [job.folder for job in jobs if job.id == name], problems) for name in chosen]
    table, records = output / "table.md", output / "table.csv"
    output.mkdir(parents=True, exist_ok=True)
    for file, text in ((table, reproduction.markdown(rows)), (records, reproduction.comma_separated(rows))):
        with atomic_write(file, "w") as handle:
            handle.write(text)
    sys.stdout.write(f"{table.read_text(encoding='utf-8')}\ntable: {table}  {records}\nruns: {output / 'runs'}/\n")
    return 5 if problems else 0


def _matching(ids: str | list[str], known: dict[str, Published]) -> list[str]:
    """The experiments that the setting ``ids`` names, by patterns or by ``all``."""
    if ids == "all":
        return [name for name, entry in known.items() if not entry.on_request]
    if not ids:
        raise ConfigError("ids is empty", expected="all, or a list of experiments", fix="ids=all")
    chosen: dict[str, None] = {}
    for pattern in [ids] if isinstance(ids, str) else ids:
        names = fnmatch.filter(known, pattern)
        if not names:
            raise ConfigError(
                f"ids: there is no published experiment '{pattern}'",
                expected=did_you_mean(pattern, known),
                fix="ids=all",
                value=pattern,
            )
        chosen |= dict.fromkeys(names)
    return list(chosen)


def _in_waves(chosen: list[str], known: dict[str, Published]) -> list[list[str]]:
    """What others start from comes first, published or not; within a wave nothing waits."""
    sources = {name: list((known[name].starts_from or {}).values()) for name in chosen}
    first = dict.fromkeys(source for names in sources.values() for source in names)
    first |= dict.fromkeys(name for name in chosen if not sources[name])
    return [list(first), [name for name in chosen if sources[name]]]


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
                    running[_start(job)] = job
                process = first_to_end(running)
                job = running.pop(process)
                problem = _problem(job, process.failure())
                if problem:
                    problems[job.folder] = problem
                advance(1)
    finally:
        end_all(running)
    return problems


def _start(job: Job) -> ChildProcess:
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
    published, metrics = job.config["published"], RunReader(job.folder).read_result()["metrics"]
    if published is None or published["metric"] in metrics:  # without a published value, others start from it
        return ""
    return f"published.metric={published['metric']} is not among {', '.join(metrics)}"


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
