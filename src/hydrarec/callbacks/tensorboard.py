"""TensorBoard: a view of the run folder."""

from __future__ import annotations

from typing import Any

import pytorch_lightning as pl
import yaml
from pytorch_lightning.loggers import TensorBoardLogger

from hydrarec.callbacks.history import History

_SECTIONS = {
    "learning_rate": "optimizer/learning_rate",
    "seconds": "time/epoch_seconds",
    "samples_per_second": "time/samples_per_second",
}


class TensorBoardEpochs(pl.Callback):
    """Every number of an epoch's row as a scalar over epochs; the configuration as text."""

    def __init__(self, history: History, config: dict[str, Any]) -> None:
        self.history, self.config = history, config

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        for logger in _writers(trainer):
            text = yaml.safe_dump(self.config, sort_keys=False, allow_unicode=True)
            logger.experiment.add_text("config", "```yaml\n" + text + "```", 0)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        row = self.history.rows[-1]
        scalars = {_SECTIONS.get(name, name): value for name, value in row.items() if name != "epoch"}
        for logger in _writers(trainer):
            logger.log_metrics(scalars, step=row["epoch"])


def log_final(logger: TensorBoardLogger | None, config: dict[str, Any], result: dict[str, Any]) -> None:
    """The hyper-parameters beside the final metrics, for the hparams page, as ``final/<metric>``, each once."""
    if logger is None:
        return
    metrics = {f"final/{name}": value for name, value in result["metrics"].items()}
    logger.log_hyperparams(_flat(config), metrics, step=result["selected"]["epoch"])
    logger.finalize("success")


def _writers(trainer: pl.Trainer) -> list[TensorBoardLogger]:
    return [logger for logger in trainer.loggers if isinstance(logger, TensorBoardLogger)]


def _flat(node: Any, path: str = "") -> dict[str, Any]:
    """Dotted keys to plain scalars; the descriptions of the data set say nothing that its name does not."""
    flat: dict[str, Any] = {}
    for key, value in node.items():
        name = f"{path}.{key}" if path else str(key)
        if name.startswith("dataset.") and name != "dataset.name":
            continue
        if isinstance(value, dict):
            flat |= _flat(value, name)
        elif value is not None and not str(key).startswith("_"):
            flat[name] = value if isinstance(value, bool | int | float | str) else str(value)
    return flat
