"""A first look at the embeddings when a fit ends; ``hydrarec-analyze`` shows more."""

from __future__ import annotations

from dataclasses import dataclass

import pytorch_lightning as pl

from hydrarec.core.errors import ConfigError
from hydrarec.core.kinds import Count, Seed, Share
from hydrarec.models.base import Recommender
from hydrarec.models.trained import read_data
from hydrarec.reports.embeddings.analysis_output import Output
from hydrarec.reports.embeddings.analysis_subject import subject_of
from hydrarec.reports.embeddings.projector import projector
from hydrarec.reports.embeddings.sections import component_section as components
from hydrarec.training.callbacks.history import History
from hydrarec.training.callbacks.selected import Selected


@dataclass(kw_only=True, eq=False)
class Embeddings(Selected):
    """Writes scree, scatter, extremes and TensorBoard's projector of the selected item embeddings into the run folder.

    The arguments are those of ``conf/analyze.yaml``.

    Raises:
        ConfigError: before the first step, for a model without item embeddings, or a run that keeps no data.
    """

    history: History
    top_n: Count
    centred: bool
    components: Count
    extremes: Count
    min_ratings: Count
    titled: Count
    projector: Count
    level: Share
    shuffles: Count
    seed: Seed

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        assert isinstance(pl_module, Recommender)
        if not self.history.folder.data_file.is_file():
            raise ConfigError(
                "callbacks=embeddings with save_data=false: the items would have no titles or ratings",
                expected="save_data=true, the default",
                fix="save_data=true, or callbacks=none",
            )
        if pl_module.vectors("item") is None:
            raise ConfigError(
                f"callbacks=embeddings: model {type(pl_module).__name__} has no item embeddings",
                expected="a model with item embeddings, such as biased_dot, svdpp, neumf or lightgcn",
                fix="callbacks=none, or another model",
                value=type(pl_module).__name__,
            )

    def on_selected(self, trainer: pl.Trainer, model: Recommender) -> None:
        if not trainer.is_global_zero:
            return
        subject = subject_of(
            model, read_data(self.history.folder), str(self.history.folder.read_config()["task"]["name"])
        )
        found = components.of_most_rated(subject, self)
        sections = [] if found is None else [found[1]]
        output = Output.of_run(self.history.folder)
        output.write(f"What was learnt: {subject.title}", [], sections, projector(subject, most=self.projector))
