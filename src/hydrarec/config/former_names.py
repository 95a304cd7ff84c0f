"""Former locations of classes that have moved, still named in older configurations and run folders."""

from __future__ import annotations

from typing import Any

# Former module → current module. A module that is renamed again gets a second row.
FORMER = {
    "hydrarec.callbacks.early_stopping": "hydrarec.training.callbacks.early_stopping",
    "hydrarec.callbacks.embeddings": "hydrarec.training.callbacks.embeddings",
    "hydrarec.callbacks.track_predictions": "hydrarec.training.callbacks.track_predictions",
    "hydrarec.data.archive": "hydrarec.data.sources.archive",
    "hydrarec.data.datamodules.ranking": "hydrarec.data.datamodules.implicit",
    "hydrarec.data.datamodules.rating": "hydrarec.data.datamodules.explicit",
    "hydrarec.data.datasets": "hydrarec.data.datasets.base",
    "hydrarec.data.he2017": "hydrarec.data.datasets.he2017",
    "hydrarec.data.own_files": "hydrarec.data.datasets.own_files",
    "hydrarec.data.packaged": "hydrarec.data.sources.packaged",
    "hydrarec.data.synthetic": "hydrarec.data.datasets.synthetic",
    "hydrarec.models.neighbours": "hydrarec.models.knn",
    "hydrarec.objectives.ranking": "hydrarec.tasks.ranking",
    "hydrarec.objectives.rating": "hydrarec.tasks.rating",
    "hydrarec.optimizers": "hydrarec.training.optim.optimizers",
    "hydrarec.schedulers": "hydrarec.training.optim.schedulers",
    "hydrarec.training": "hydrarec.training.fit",
}


def with_todays_names(node: Any) -> Any:
    """Replace each former ``_target_`` in a configuration of plain containers by the current one."""
    if isinstance(node, list):
        return [with_todays_names(entry) for entry in node]
    if not isinstance(node, dict):
        return node
    renamed = {key: with_todays_names(value) for key, value in node.items()}
    target = renamed.get("_target_")
    if isinstance(target, str):
        module, _, name = target.rpartition(".")
        renamed["_target_"] = f"{FORMER.get(module, module)}.{name}"
    return renamed
