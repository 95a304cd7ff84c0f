"""Stability of components over runs that differ in the seed; the output has its own folder."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path

from hydrarec.analysis.extremes import most_rated
from hydrarec.core.console import progress
from hydrarec.core.errors import ConfigError
from hydrarec.core.paths import folder_in
from hydrarec.models.trained import TrainedRun, load_run
from hydrarec.reports.document import Document
from hydrarec.reports.embeddings.analysis_settings import AnalyzeConfig
from hydrarec.reports.embeddings.analysis_subject import Subject, item_vectors, subject_of
from hydrarec.reports.embeddings.projection import Projection, project
from hydrarec.reports.embeddings.publication import publish_several
from hydrarec.reports.embeddings.sections import meaning_section as meaning
from hydrarec.reports.embeddings.sections import stability_section as stability
from hydrarec.reports.output import Output
from hydrarec.runs.identity import Settings
from hydrarec.runs.survey import find, read_all


def analyze_seeds(settings: AnalyzeConfig) -> tuple[Document, Output]:
    """Compare the components of the run with the lowest seed to those of the others.

    Raises:
        ConfigError: fewer than two finished runs, or runs that differ in more than the seed.
        CheckpointError: a run folder cannot be read.
    """
    folder = folder_in(settings.output_dir, "stability" if settings.name is None else settings.name)
    paths, notes = _finished(settings)
    with progress("analysing", total=2 * len(paths) + 1, unit="steps") as advance:
        runs = []
        for path in paths:
            runs.append(load_run(path, "runs"))
            advance(1)
        runs.sort(key=_seed)
        _require_same_settings(runs)
        subject, *others = [subject_of(run.model, run.data, run.task) for run in runs]
        projections = []
        for projection in _projections([subject, *others], settings):
            projections.append(projection)
            advance(1)
        seeds = [_seed(run) for run in runs]
        sections = [stability.section(subject, projections[0], projections[1:], seeds, settings)]
        meant = meaning.section(subject, projections[0], settings)
        sections += [] if meant is None else [meant]
        advance(1)
    title = f"{subject.title}, seeds {', '.join(map(str, seeds))}"
    return publish_several(title, "Stability over seeds", notes, sections, runs, folder)


def _seed(run: TrainedRun) -> int:
    return int(run.config["seed"])


def _projections(subjects: Sequence[Subject], settings: AnalyzeConfig) -> Iterator[Projection]:
    """The judged components of the first run, then the kept components of each other run, over the same items."""
    items = most_rated(subjects[0].data.item_counts, settings.top_n)
    for number, vectors in enumerate(item_vectors(subjects, "runs")):
        found = project(vectors, items, settings, components=vectors.shape[1])
        yield found.first(settings.components if number == 0 else max(settings.components, found.kept))


def _finished(settings: AnalyzeConfig) -> tuple[list[Path], list[str]]:
    """The folders of the finished runs in ``runs``, and notes on the others."""
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


def _require_same_settings(runs: Sequence[TrainedRun]) -> None:
    """Raise :class:`ConfigError` if runs differ in settings or items, or share a seed."""
    reader = Settings()
    first = _settings_of(runs[0], reader)
    for run in runs[1:]:
        other = _settings_of(run, reader)
        differing = [key for key in {**first, **other} if first.get(key) != other.get(key)]
        if differing:
            key = differing[0]
            raise _mismatch(
                f"{key} is {first.get(key)} in {runs[0].folder.path.name}, {other.get(key)} in {run.folder.path.name}"
            )
        if run.data.item_ids != runs[0].data.item_ids:
            raise _mismatch(f"{runs[0].folder.path.name} and {run.folder.path.name} have different items")
    seeds = [_seed(run) for run in runs]
    for one, other_seed in itertools.pairwise(seeds):
        if one == other_seed:
            raise _mismatch(f"two of them have seed {one}: the same run twice confirms nothing")


def _settings_of(run: TrainedRun, reader: Settings) -> dict[str, object]:
    own, protocol = reader.of(run.config)
    return {"dataset": run.data.name, **own.values, **protocol.values}


def _mismatch(what: str) -> ConfigError:
    return ConfigError(
        f"runs: {what}",
        expected="runs of the same settings and data that differ by the seed only",
        fix="compare=<run folder>,<run folder> compares any two models",
    )
