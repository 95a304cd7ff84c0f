"""TensorBoard logging of a run."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable
from typing import Any

import pytorch_lightning as pl
import yaml
from pytorch_lightning.loggers import TensorBoardLogger

from hydrarec.tasks.metrics.registry import shown_measure
from hydrarec.training.callbacks.history import History, Row

_SECTIONS = {
    "learning_rate": "optimizer/learning_rate",
    "seconds": "time/epoch_seconds",
    "samples_per_second": "time/samples_per_second",
}


class TensorBoardEpochs(pl.Callback):
    """Logs each number of an epoch's row as a scalar, and a custom-scalars page that groups related ones.

    Also logs, as text, a description of the run and its whole configuration.
    """

    def __init__(self, history: History, config: dict[str, Any]) -> None:
        self.history, self.config = history, config
        self._logged: dict[str, set[int]] = {}  # steps by tag that an earlier process of a resumed run logged
        self.logger = TensorBoardLogger(history.folder.tensorboard, name="", version="", default_hp_metric=False)

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if trainer.ckpt_path is not None:  # resumed: the texts were written when the run began
            self._catch_up()
            return
        writer = self.logger.experiment
        writer.add_text("about", about(self.config, self.history.folder.read_record()), 0)
        text = yaml.safe_dump(self.config, sort_keys=False, allow_unicode=True)
        writer.add_text("config", "```yaml\n" + text + "```", 0)
        writer.flush()  # in case the run is killed

    def _catch_up(self) -> None:
        """Bring the event files to the history, which a kill may have left ahead of them or behind them."""
        from tensorboard.backend.event_processing.event_accumulator import SCALARS, EventAccumulator  # slow to import

        if self.history.folder.tensorboard.is_dir():
            events = EventAccumulator(str(self.history.folder.tensorboard), size_guidance={SCALARS: 0}).Reload()
            for tag in events.Tags()[SCALARS]:
                self._logged[tag] = {event.step for event in events.Scalars(tag)}
        for row in self.history.rows:
            self._log(row)

    def _log(self, row: Row) -> dict[str, Any]:
        """Log those scalars of a row that the event files do not have, and return all of them."""
        scalars = {_SECTIONS.get(name, name): value for name, value in row.items() if name != "epoch"}
        new = {tag: value for tag, value in scalars.items() if row["epoch"] not in self._logged.get(tag, ())}
        self.logger.log_metrics(new, step=row["epoch"])
        return scalars

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        scalars = self._log(self.history.rows[-1])
        if len(self.history.rows) == 1:
            self.logger.experiment.add_custom_scalars(layout(scalars))

    def finish(self, result: dict[str, Any]) -> None:
        """Log the hyper-parameters beside the final metrics, ``final/<metric>``, for the hparams page."""
        metrics = {f"final/{name}": value for name, value in result["metrics"].items()}
        self.logger.log_hyperparams(_flat(self.config), metrics, step=result["selected"]["epoch"])
        self.logger.finalize("success")


def about(config: dict[str, Any], record: dict[str, Any]) -> str:
    """Describe in Markdown how this run differs from others, and the command that repeats it."""
    overrides = [str(override) for override in record.get("overrides") or []]
    data = f"{config['task']['name']} on {config['dataset']['name']}"
    lines = [f"**{config['model']['_target_'].rpartition('.')[2]}**, {data}, seed {config['seed']}", ""]
    lines += [f"    {override}" for override in overrides]  # indented: a code block
    return "\n".join([*lines, "", "again, alone:", "", f"    {shlex.join(['hydrarec-train', *overrides])}"])


def layout(names: Iterable[str]) -> dict[str, dict[str, list[Any]]]:
    """Layout of the custom-scalars page: categories of charts, each of related scalars in ``names``.

    TensorBoard merges the pages of all runs by these titles and treats the names as regular expressions.
    """
    charts: dict[str, dict[str, list[str]]] = {}
    for name in names:
        measure = shown_measure(name)
        if name.startswith("time/"):
            charts.setdefault("time", {})[name.removeprefix("time/").replace("_", " ")] = [name]
        elif measure is not None and measure.metric.basis == "loss":
            charts.setdefault("loss", {}).setdefault("training and validation", []).append(name)
        elif measure is not None:
            category = f"ranking, {measure.protocol}" if measure.protocol else "rating"
            charts.setdefault(category, {})[f"validation {measure.label}"] = [name]
    return {
        category: {title: ["Multiline", [f"^{re.escape(name)}$" for name in tags]] for title, tags in found.items()}
        for category, found in charts.items()
    }


def _flat(node: Any, path: str = "") -> dict[str, Any]:
    """Flatten to plain scalars by dotted key; of the dataset, only its name."""
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
