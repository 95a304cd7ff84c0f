"""Training curves of the run (reference B4), also as PDF."""

from __future__ import annotations

from hydrarec.figures.curves import training_curves
from hydrarec.reports.document import Picture, Section
from hydrarec.runs.reader import RunReader


def section(folder: RunReader) -> Section | None:
    """The section with training curves; None if the run has no history to draw."""
    rows = folder.read_history()
    selected = int(folder.read_result()["selected"]["epoch"])
    figure = training_curves(rows, selected)
    if figure is None:
        return None
    caption = f"Losses and validation metrics of {len(rows)} epochs; the weights of epoch {selected} are what this page is about."
    return Section("Training", [Picture("curves", caption, figure)])
