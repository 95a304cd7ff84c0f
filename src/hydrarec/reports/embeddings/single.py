"""The analysis of one run, written into its own folder."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path

from hydrarec.analysis.extremes import most_rated
from hydrarec.core import paths
from hydrarec.core.console import progress
from hydrarec.core.errors import ConfigError
from hydrarec.data.titles import TitleIndex
from hydrarec.models.trained import load_run
from hydrarec.reports.document import Document, Section
from hydrarec.reports.embeddings.analysis_settings import AnalyzeConfig
from hydrarec.reports.embeddings.analysis_subject import Subject, subject_of
from hydrarec.reports.embeddings.projector import projector
from hydrarec.reports.embeddings.publication import publish_run
from hydrarec.reports.embeddings.sections import bias_section as biases
from hydrarec.reports.embeddings.sections import component_section as components
from hydrarec.reports.embeddings.sections import map_section as embeddings
from hydrarec.reports.embeddings.sections import meaning_section as meaning
from hydrarec.reports.embeddings.sections import neighbour_section as neighbours
from hydrarec.reports.embeddings.sections import training_section as training
from hydrarec.reports.output import Output
from hydrarec.runs.folder import RunFolder

QUERIES = 5  # without `item`, neighbours are listed for this many of the most rated items


def analyze_run(settings: AnalyzeConfig) -> tuple[Document, Output]:
    """Analyse ``run`` with every section its model supports; return the document and its files.

    Raises:
        CheckpointError: not a finished run. ConfigError: a model with neither embeddings nor biases.
        DataError: an unknown item. EnvironmentFault: the folder is in use, or cannot be written.
    """
    run = load_run(Path(str(settings.run)))
    subject = subject_of(run.model, run.data, run.task)
    items, item = _named_items(subject, settings)
    folder = RunFolder(run.folder.path)  # its lock excludes a live run and other analyses
    try:
        trained = training.section(folder)
        sections = [] if trained is None else [trained]
        with progress("analysing", unit="sections") as advance:
            for section in _sections(subject, settings, items, item):
                sections.append(section)
                advance(1)
        about, notes = _about(subject), _missing(subject)
        document = Document(
            f"What the model learned: {subject.title}",
            [about, *notes],
            sections,
            [f"{subject.title}: {about}", *notes],
            _next(subject, settings),
        )
        output = publish_run(document, folder, projector(subject, most=settings.projector))
    finally:
        folder.release()
    return document, output


def _named_items(subject: Subject, settings: AnalyzeConfig) -> tuple[list[int] | None, int | None]:
    """The indices of ``items`` and ``item``, looked up before any slow step; None if the setting is None."""
    named = [name for name in ("items", "item") if getattr(settings, name) is not None]
    if named and subject.item_vectors is None:
        raise ConfigError(
            f"model {subject.name} has no item embeddings, which {named[0]} asks for",
            expected="a model with item embeddings, such as biased_dot, svdpp, neumf or lightgcn",
            fix=f"leave out {named[0]}=…, or analyse a run of such a model",
        )
    titles = TitleIndex(subject.data.titles, subject.data.item_ids)
    items = settings.items if isinstance(settings.items, list | None) else [settings.items]
    return (
        None if items is None else [titles.index_of(item, setting="items") for item in items],
        None if settings.item is None else titles.index_of(settings.item),
    )


def _sections(
    subject: Subject, settings: AnalyzeConfig, items: list[int] | None, item: int | None
) -> Iterator[Section]:
    """The sections that the model supports, in page order."""
    if subject.item_vectors is not None or subject.user_vectors is not None:
        yield embeddings.section(subject, items)
    found = components.of_most_rated(subject, settings)
    if found is not None:
        yield found[1]
        meant = meaning.section(subject, found[0], settings)
        yield from [] if meant is None else [meant]
    if subject.item_biases is not None:
        yield biases.of_items(subject, subject.item_biases, settings)
    if subject.user_biases is not None:
        yield biases.of_users(subject, subject.user_biases)
    if subject.item_vectors is not None:
        queries = [item] if item is not None else most_rated(subject.data.item_counts, QUERIES).tolist()
        yield neighbours.section(subject, subject.item_vectors, queries, settings)


def _about(subject: Subject) -> str:
    data = subject.data
    ratings = int(data.item_counts.sum())
    return f"{data.num_users:,} users, {data.num_items:,} items, {ratings:,} training ratings."


def _missing(subject: Subject) -> list[str]:
    """Notes on what the model or its data lack."""
    of_model = {
        "item embeddings": subject.item_vectors,
        "user embeddings": subject.user_vectors,
        "item biases": subject.item_biases,
        "user biases": subject.user_biases,
    }
    of_data = {"titles": subject.data.titles, "genres": subject.data.genres}
    notes = []
    for owner, parts in (("The model has", of_model), ("The data have", of_data)):
        missing = [name for name, part in parts.items() if part is None]
        if missing:
            notes.append(f"{owner} no {' and no '.join(missing)}.")
    return notes


def _next(subject: Subject, settings: AnalyzeConfig) -> str:
    """The next command: neighbours of the most rated item if none were requested, else recommendations."""
    run = paths.shown(Path(str(settings.run)))
    if settings.item is None and subject.item_vectors is not None:
        item = subject.labels[most_rated(subject.data.item_counts, 1)[0]]
        return f"hydrarec-analyze {shlex.quote(f'run={run}')} {shlex.quote(f'item={item}')}"
    return f"hydrarec-recommend {shlex.quote(f'run={run}')} user={subject.data.user_ids.raw[0]}"
