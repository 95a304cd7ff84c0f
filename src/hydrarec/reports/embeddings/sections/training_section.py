"""How the model was trained: the curves of its run (reference B4), as a PDF too."""

from __future__ import annotations

import pandas as pd

from hydrarec.figures.curves import training_curves
from hydrarec.reports.document import Picture, Section
from hydrarec.runs.folder import RunFolder


def section(folder: RunFolder) -> Section | None:
    """None for a run without a history to draw."""
    path = folder.path / "history.csv"
    if not path.is_file():
        return None
    frame = pd.read_csv(path)
    rows = [{str(name): row[name] for name in frame.columns if pd.notna(row[name])} for _, row in frame.iterrows()]
    selected = int(folder.read_result()["selected"]["epoch"])
    figure = training_curves(rows, selected)
    if figure is None:
        return None
    caption = f"Losses and validation metrics of {len(rows)} epochs; the weights of epoch {selected} are what this page is about."
    return Section("Training", [Picture("curves", caption, figure)])
