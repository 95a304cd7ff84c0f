"""Several runs that differ by the seed: which of their components are findings, into a folder of its own."""

from __future__ import annotations

import itertools
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path

from hydrarec.analysis.extremes import most_rated
from hydrarec.core import paths
from hydrarec.core.console import progress
from hydrarec.core.errors import ConfigError
from hydrarec.core.paths import folder_in
from hydrarec.models.trained import TrainedRun, load_run
from hydrarec.reports.embeddings.analysis_output import Output
from hydrarec.reports.embeddings.analysis_settings import AnalyzeConfig
from hydrarec.reports.embeddings.analysis_subject import Subject, item_vectors, subject_of_run
from hydrarec.reports.embeddings.analysis_summary import Summary
from hydrarec.reports.embeddings.projection import Projection, project
from hydrarec.reports.embeddings.section_contents import Section
from hydrarec.reports.embeddings.sections import meaning_section as meaning
from hydrarec.reports.embeddings.sections import stability_section as stability
from hydrarec.runs.identity import Settings
from hydrarec.runs.survey import find, read_all


def analyze_seeds(settings: AnalyzeConfig) -> Summary:
    """Hold the components of the run with the lowest seed against those of the others.

    Raises:
        ConfigError: fewer than two finished runs, or runs that differ by more than the seed.
        CheckpointError: a run folder that cannot be read.
    """
    output_folder = folder_in(settings.output_dir, "stability" if settings.name is None else settings.name)
    folders, notes = _finished(settings)
    with progress("analysing", total=2 * len(folders) + 1, unit="steps") as advance:
        runs = []
        for path in folders:
            runs.append(load_run(path, "runs"))
            advance(1)
        runs.sort(key=_seed)
        _judge_alike(runs)
        subjects = [subject_of_run(run) for run in runs]
        projections = []
        for projection in _projections(subjects, settings):
            projections.append(projection)
            advance(1)
        sections = _sections(subjects[0], projections, [_seed(run) for run in runs], settings)
        advance(1)
    output = Output.of_several(output_folder, max(run.folder.read_start() for run in runs))
    title = f"{subjects[0].title}, seeds {', '.join(str(_seed(run)) for run in runs)}"
    output.write(f"What is found again: {title}", notes, sections)
    shown = paths.shown(runs[0].folder.path)
    return Summary(
        title, notes, sections, output, output.tensorboard, f"hydrarec-analyze {shlex.quote(f'run={shown}')}"
    )


def _seed(run: TrainedRun) -> int:
    return int(run.config["seed"])


def _projections(subjects: Sequence[Subject], settings: AnalyzeConfig) -> Iterator[Projection]:
    """Of the first run the components that are judged, of each other one as many as it keeps, over the same items."""
    items = most_rated(subjects[0].data.item_counts, settings.top_n)
    for number, vectors in enumerate(item_vectors(subjects, "runs")):
        found = project(
            vectors,
            items,
            centred=settings.centred,
            components=vectors.shape[1],
            level=settings.level,
            shuffles=settings.shuffles,
            seed=settings.seed,
        )
        yield found.first(settings.components if number == 0 else max(settings.components, found.kept))


def _sections(
    subject: Subject, projections: Sequence[Projection], seeds: Sequence[int], settings: AnalyzeConfig
) -> list[Section]:
    first, *others = projections
    section = stability.section(
        subject,
        first,
        others,
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
    seeds = [_seed(run) for run in runs]
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
