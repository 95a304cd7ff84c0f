"""Write an analysis: into the run's own folder, or into a separate folder for several runs."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from hydrarec.core import paths
from hydrarec.models.trained import TrainedRun
from hydrarec.reports.document import Document, Section, Table, parts
from hydrarec.reports.embeddings.projector import Projector
from hydrarec.reports.embeddings.projector import write as write_projector
from hydrarec.reports.output import Output
from hydrarec.runs.reader import RunReader


def publish_run(document: Document, folder: RunReader, projector: Projector | None) -> Output:
    """Write the analysis of one run; the caller must hold the run's lock.

    Raises:
        EnvironmentFault: the folder cannot be written.
    """
    output = run_output(folder)
    output.write(document)
    if projector is not None:
        with output.writing():
            write_projector(projector, output.events.parent)
    return output


def run_output(folder: RunReader) -> Output:
    """The output files of a run's analysis, in its own folder."""
    return Output(
        markdown=folder.analysis / "analysis.md",
        html=folder.analysis / "analysis.html",
        figures=folder.figures,
        events=folder.tensorboard / "analysis" / "events.out.tfevents.0.analysis",
        tag="Analysis",
        logdir=folder.path,
        moment=folder.read_start(),
        fix=f"chmod -R u+w {shlex.quote(str(folder.path))}",
    )


def publish_several(
    title: str,
    heading: str,
    notes: Sequence[str],
    sections: Sequence[Section],
    runs: Sequence[TrainedRun],
    folder: Path,
) -> tuple[Document, Output]:
    """Write the analysis of several runs; return the document and its files.

    Raises:
        EnvironmentFault: the folder cannot be written.
    """
    first = shlex.quote(f"run={paths.shown(runs[0].folder.path)}")
    document = Document(f"{heading}: {title}", notes, sections, [title, *notes], f"hydrarec-analyze {first}")
    moment = max(run.folder.read_start() for run in runs)
    output = Output.in_folder(folder, "analysis", "Analysis", moment, lock=folder / ".lock")
    output.write(document)
    return document, output


def table(
    name: str, title: str, columns: Mapping[str, Any] | pd.DataFrame, shown: Sequence[int] | None = None
) -> Table:
    """A table with 7 significant digits in its file; ``shown`` as for :class:`Table`, ``()`` if too long for a page."""
    return Table.of(name, title, columns, {"genres": parts}, digits=7, shown=shown)
