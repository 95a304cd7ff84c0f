"""Follow the prediction of chosen (user, item) pairs over the epochs (reference D1)."""

from __future__ import annotations

import pytorch_lightning as pl
import torch
from torch import Tensor

from hydrarec.data.interactions import Interactions
from hydrarec.models.base import Recommender
from hydrarec.training.callbacks.history import History


class TrackPredictions(pl.Callback):
    """Adds ``prediction/<user>/<item>`` to each epoch's row: the predicted rating of the pair after that epoch.

    Args:
        pairs: ``[[user, item], …]``, raw ids of the dataset.

    Raises:
        DataError: an id is not in the dataset; the message lists the nearest ones.
    """

    def __init__(
        self, *, history: History, interactions: Interactions, pairs: list[tuple[int | str, int | str]]
    ) -> None:
        self.history, self.pairs = history, [tuple(pair) for pair in pairs]
        self.users = torch.tensor([interactions.user_ids.index_of(user) for user, _ in self.pairs])
        self.items = torch.tensor([interactions.item_ids.index_of(item) for _, item in self.pairs])

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        assert isinstance(pl_module, Recommender)
        for (user, item), rating in zip(self.pairs, self._predict(pl_module).tolist(), strict=True):
            self.history.rows[-1][f"prediction/{user}/{item}"] = rating
        self.history.folder.write_history(self.history.rows)

    @torch.no_grad()
    def _predict(self, model: Recommender) -> Tensor:
        training = model.training
        model.eval()
        try:
            return model.objective.predict(model(self.users.to(model.device), self.items.to(model.device)))
        finally:
            model.train(training)
