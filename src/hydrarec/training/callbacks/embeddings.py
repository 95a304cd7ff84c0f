"""Short embedding analysis at the end of a fit; ``hydrarec-analyze`` gives the full one."""

from __future__ import annotations

import pytorch_lightning as pl

from hydrarec.core.errors import ConfigError
from hydrarec.core.kinds import Count, Repeats, Seed, Share
from hydrarec.models.base import Recommender
from hydrarec.reports.document import Document
from hydrarec.reports.embeddings.analysis_settings import ComponentConfig
from hydrarec.reports.embeddings.analysis_subject import subject_of
from hydrarec.reports.embeddings.projector import projector
from hydrarec.reports.embeddings.publication import publish_run
from hydrarec.reports.embeddings.sections import component_section as components
from hydrarec.runs.run_data import read_data
from hydrarec.training.callbacks.history import History
from hydrarec.training.callbacks.selected import Selected


class Embeddings(Selected):
    """Writes scree plot, scatter plot, extremes and TensorBoard projector files of the selected item embeddings.

    Arguments as in ``conf/analyze.yaml``.

    Raises:
        ConfigError: before the first step, if the model has no item embeddings or the run does not save its data.
    """

    def __init__(
        self,
        *,
        history: History,
        top_n: Count,
        centred: bool,
        components: Count,
        extremes: Count,
        min_ratings: Count,
        titled: Count,
        projector: Count,
        level: Share,
        shuffles: Repeats,
        seed: Seed,
    ) -> None:
        self.history, self.projector = history, projector
        self.settings = ComponentConfig(
            top_n=top_n,
            centred=centred,
            components=components,
            extremes=extremes,
            min_ratings=min_ratings,
            titled=titled,
            level=level,
            shuffles=shuffles,
            seed=seed,
        )

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
        found = components.of_most_rated(subject, self.settings)
        document = Document(f"What the model learned: {subject.title}", [], [] if found is None else [found[1]])
        publish_run(document, self.history.folder, projector(subject, most=self.projector))
