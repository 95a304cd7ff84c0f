"""Analyses of several runs, into a folder of their own: stability over seeds, and one model against another."""

from __future__ import annotations

import itertools
import shlex
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from hydrarec import paths
from hydrarec.analysis.extremes import most_rated
from hydrarec.analyzing.contents import Section
from hydrarec.analyzing.output import Output, started
from hydrarec.analyzing.projection import Projection, project
from hydrarec.analyzing.sections import comparison, meaning, stability
from hydrarec.analyzing.settings import AnalyzeConfig
from hydrarec.analyzing.subject import Floats, Indices, Subject, subject_of_run
from hydrarec.analyzing.summary import Summary
from hydrarec.config.places import folder_in
from hydrarec.console import progress
from hydrarec.errors import ConfigError
from hydrarec.reporting.folders import find
from hydrarec.reporting.reading import read_all
from hydrarec.reporting.run_settings import Settings
from hydrarec.trained import TrainedRun, load_run

FEWEST = 4  # items that embeddings can be compared over


def analyze_seeds(settings: AnalyzeConfig) -> Summary:
    """Hold the components of the run with the lowest seed against those of the others.

    Raises:
        ConfigError: fewer than two finished runs, or runs that differ by more than the seed.
        CheckpointError: a run folder that cannot be read.
    """
    output_folder = folder_in(settings.output_dir, settings.name or "stability")
    folders, notes = _finished(settings)
    with progress("analysing", total=2 * len(folders) + 2, unit="steps") as advance:
        runs = []
        for path in folders:
            runs.append(load_run(path, "runs"))
            advance(1)
        runs.sort(key=lambda run: int(run.config["seed"]))
        _judge_alike(runs)
        subjects = [subject_of_run(run) for run in runs]
        items = most_rated(subjects[0].data.item_counts, settings.top_n)
        projections = []
        for vectors in _item_vectors(subjects, "runs"):
            projections.append(_project(vectors, items, settings))
            advance(1)
        sections = _stability_sections(subjects[0], projections, [run.config["seed"] for run in runs], settings)
        advance(2)
    output = Output.of_several(output_folder, max(started(run.folder) for run in runs))
    title = f"{subjects[0].title}, seeds {', '.join(str(run.config['seed']) for run in runs)}"
    output.write(f"What is found again: {title}", notes, sections)
    run = paths.shown(runs[0].folder.path)
    return Summary(title, notes, sections, output, output.tensorboard, f"hydrarec-analyze {shlex.quote(f'run={run}')}")


def _stability_sections(
    subject: Subject, projections: Sequence[Projection], seeds: Sequence[int], settings: AnalyzeConfig
) -> list[Section]:
    first = projections[0].first(settings.components)
    section = stability.section(
        subject,
        first,
        [projection.first(max(settings.components, projection.kept)) for projection in projections[1:]],
        seeds,
        least=settings.least,
        level=settings.level,
        shuffles=settings.shuffles,
        seed=settings.seed,
        count=settings.extremes,
        min_ratings=settings.min_ratings,
    )
    meant = meaning.section(subject, first, level=settings.level, resamples=settings.resamples, seed=settings.seed)
    return [section] if meant is None else [section, meant]


def analyze_pair(settings: AnalyzeConfig) -> Summary:
    """Hold the item embeddings of two runs against each other, over the items that both know by raw id.

    Raises:
        ConfigError: not two runs, a model without item embeddings, or too few common items.
        CheckpointError: a run folder that is not finished or cannot be read.
    """
    output_folder = folder_in(settings.output_dir, settings.name or "comparison")
    folders = _two(settings)
    with progress("analysing", total=3, unit="steps") as advance:
        runs = []
        for path in folders:
            runs.append(load_run(path, "compare"))
            advance(1)
        subjects = [subject_of_run(run) for run in runs]
        vectors = _item_vectors(subjects, "compare")
        first, second, said = _common_items(subjects, settings)
        section = comparison.section(
            subjects[0],
            vectors[0][first],
            vectors[1][second],
            first,
            k=settings.k,
            metric=settings.metric,
            level=settings.level,
            shuffles=settings.shuffles,
            seed=settings.seed,
        )
        advance(1)
    output = Output.of_several(output_folder, max(started(run.folder) for run in runs))
    names = [f"{each.title}, seed {run.config['seed']}" for each, run in zip(subjects, runs, strict=True)]
    title = " against ".join(names)
    output.write(f"Compared: {title}", [said], [section])
    shown = paths.shown(runs[0].folder.path)
    return Summary(
        title, [said], [section], output, output.tensorboard, f"hydrarec-analyze {shlex.quote(f'run={shown}')}"
    )


def _finished(settings: AnalyzeConfig) -> tuple[list[Path], list[str]]:
    """The folders of the finished ones among ``runs``, and what is to say of the others."""
    found = read_all(find(settings.runs if isinstance(settings.runs, list) else str(settings.runs)))
    finished = [Path(run.folder) for run in found if run.state == "finished"]
    left_out = len(found) - len(finished)
    if len(finished) < 2:
        raise ConfigError(
            f"runs: {len(finished)} finished run{'s' * (len(finished) != 1)}, and {left_out} without a result",
            expected="two or more finished runs that differ by the seed",
            fix="hydrarec-train -m seed=0,1,2 …, then runs=<the folder of that sweep>",
        )
    return finished, [f"{left_out} of the folders hold no result and are left out."] if left_out else []


def _judge_alike(runs: Sequence[TrainedRun]) -> None:
    """Refuse runs of other settings, over other items, or of one seed."""
    reader = Settings()
    first = _settings_of(runs[0], reader)
    for run in runs[1:]:
        other = _settings_of(run, reader)
        differing = [key for key in {**first, **other} if first.get(key) != other.get(key)]
        if differing:
            key = differing[0]
            raise _unlike(
                f"{key} is {first.get(key)} in {runs[0].folder.path.name}, {other.get(key)} in {run.folder.path.name}"
            )
        if run.data.item_ids != runs[0].data.item_ids:
            raise _unlike(f"{runs[0].folder.path.name} and {run.folder.path.name} know other items")
    seeds = [int(run.config["seed"]) for run in runs]
    for one, other_seed in itertools.pairwise(seeds):
        if one == other_seed:
            raise _unlike(f"two of them have seed {one}: the same run twice is no second finding")


def _settings_of(run: TrainedRun, reader: Settings) -> dict[str, object]:
    own, protocol = reader.of(run.config)
    return {"dataset": run.data.name, **own.values, **protocol.values}


def _unlike(what: str) -> ConfigError:
    return ConfigError(
        f"runs: {what}",
        expected="runs of the same settings and data that differ by the seed only",
        fix="compare=<run folder>,<run folder> holds any two models against each other",
    )


def _item_vectors(subjects: Sequence[Subject], setting: str) -> list[Floats]:
    for subject in subjects:
        if subject.item_vectors is None:
            raise ConfigError(
                f"{setting}: model {subject.name} has no item embeddings",
                expected="models with item embeddings, such as biased_dot, svdpp, neumf or lightgcn",
                fix=f"{setting}=<runs of such models>",
                value=subject.name,
            )
    return [subject.item_vectors for subject in subjects if subject.item_vectors is not None]


def _project(vectors: Floats, items: Indices, settings: AnalyzeConfig) -> Projection:
    """With all components, of which each run then gives as many as it keeps."""
    return project(
        vectors,
        items,
        centred=settings.centred,
        components=vectors.shape[1],
        level=settings.level,
        shuffles=settings.shuffles,
        seed=settings.seed,
    )


def _two(settings: AnalyzeConfig) -> list[Path]:
    asked = settings.compare.split(",") if isinstance(settings.compare, str) else list(settings.compare or [])
    if len(asked) != 2:
        raise ConfigError(
            f"compare names {len(asked)} run folder{'s' * (len(asked) != 1)}",
            expected="two",
            fix="compare=<run folder>,<run folder>",
            value=str(settings.compare),
        )
    return [Path(text.strip()) for text in asked]


def _common_items(subjects: Sequence[Subject], settings: AnalyzeConfig) -> tuple[Indices, Indices, str]:
    """Indices in either run of the most rated items that both know, aligned by raw id, and what to say of them."""
    one, other = (subject.data for subject in subjects)
    comparable = one.item_ids.are_integers == other.item_ids.are_integers
    raw = np.intersect1d(one.item_ids.raw, other.item_ids.raw) if comparable else one.item_ids.raw[:0]
    first, second = one.item_ids.indices_of(raw), other.item_ids.indices_of(raw)
    counts = np.minimum(one.item_counts[first], other.item_counts[second])
    least = settings.min_ratings if (counts >= settings.min_ratings).sum() >= FEWEST else 1
    chosen = most_rated(np.where(counts >= least, counts, 0), settings.top_n)
    if len(chosen) < FEWEST:
        raise ConfigError(
            f"compare: the two runs have {len(chosen)} rated items in common",
            expected=f"{FEWEST} or more common item ids",
            fix="compare runs on the same dataset",
        )
    said = (
        f"Of {len(raw):,} common items {len(chosen):,} are compared: the most rated ones, with {counts[chosen].min()} training "
        "ratings or more in either run."
    )
    return first[chosen].astype(np.int64), second[chosen].astype(np.int64), said
