"""AutoRec: an autoencoder of the ratings of an item or of a user."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn

from hydrarec.core.kinds import Dimension, Fraction, Initialization, NonNegative
from hydrarec.data.batching.batches import Batch, TrainingData
from hydrarec.models.base import Recommender, Side
from hydrarec.models.bias import damped_mean, swept_biases
from hydrarec.models.parts.fold_in import distinct_history
from hydrarec.models.parts.histories import SparseRows, StoredRows
from hydrarec.models.parts.layers import dropped, embedding_table
from hydrarec.models.parts.remembered import Remembered
from hydrarec.models.parts.sampled import SampledProduct

_ROWS = 4096  # rows encoded at a time
_BIAS_SWEEPS = 15  # on ml-100k no bias changes by more than 0.002 stars after these


class AutoRec(Recommender):
    """``h(r) = W · g(V r + m) + b`` with g the sigmoid, r the known ratings of a row and 0 elsewhere (Sedhain et al. 2015).

    A *row* is the encoded entity (:class:`IAutoRec`: an item, :class:`UAutoRec`: a user), a *column* one of the other side.
    With O the training ratings, the model minimises (eqs. 2 and 3)::

        Σ_{(r, c) ∈ O} (R_rc − h_c(R_r))² + λ/2 · (‖V‖² + ‖W‖²)

    divided by |O|. A batch is a set of rows; its loss is Σ over their ratings / batch rows · all rows / |O|, and the penalty
    of each step is that of the formula / |O|, so the meaning of λ does not depend on the batch size.

    Args:
        hidden_dim: width of the hidden layer.
        init, init_scale: initialisation of V and W, see :func:`hydrarec.models.parts.layers.initialize`; biases start at 0.
        regularization: λ, in squared stars.
        input_dropout: dropout on the known input ratings, with rescaling; the loss still covers all ratings.
        bias_regularization: h predicts the residual after the global mean and the regularised user and item biases, which
            are solved as in :class:`hydrarec.models.bias.Bias` with this λ_u = λ_i; None: after the mean only.

    Cost grows with the known ratings only: the first layer sums rows of V, the last one computes only the observed entries.

    Departures: the mean and (unless ``bias_regularization`` is None) the biases are subtracted from the targets, never from
    the inputs (the mean alone only changes the initial b); ``input_dropout`` unless 0; Adam instead of resilient
    propagation. For a user or item without training ratings, the paper predicts 3. Here such a row is encoded from its empty
    history; such a column has zeros in V, W and b, so its prediction is the mean plus the other side's bias.
    """

    tasks = ("rating",)
    histories = StoredRows("history_starts", "history_columns", "history_ratings", columns="num_columns")  # R
    observed = histories.buffers
    history_columns: Tensor  # int64 [N]
    mean: Tensor  # float32 []
    user_bias: Tensor  # float32 [num_users]
    item_bias: Tensor  # float32 [num_items]

    def __init__(
        self,
        *,
        num_users: int,
        num_items: int,
        hidden_dim: Dimension,
        init: Initialization,
        init_scale: NonNegative,
        regularization: NonNegative,
        input_dropout: Fraction,
        bias_regularization: NonNegative | None,
    ) -> None:
        super().__init__(num_users=num_users, num_items=num_items)
        self.regularization, self.input_dropout = regularization, input_dropout
        self.bias_regularization = bias_regularization
        self.num_columns = num_users if self.trains_on == "items" else num_items
        self.encoder = embedding_table("library", self.num_columns, hidden_dim, init, init_scale)  # V, a row per column
        self.decoder = embedding_table("library", self.num_columns, hidden_dim, init, init_scale)  # W
        self.hidden_bias = nn.Parameter(torch.zeros(hidden_dim))
        self.output_bias = nn.Parameter(torch.zeros(self.num_columns))
        self.register_buffer("mean", torch.zeros(()))
        self.register_buffer("user_bias", torch.zeros(num_users))
        self.register_buffer("item_bias", torch.zeros(num_items))
        self._remembered: Remembered[Tensor] = Remembered()

    def observe(self, data: TrainingData) -> None:
        by_user = replace(SparseRows.by_user(data), values=data.targets)
        self.histories = by_user.transposed() if self.trains_on == "items" else by_user
        self.mean.copy_(data.targets.double().mean())
        if self.bias_regularization is not None:
            damping, user_bias = self.bias_regularization, torch.zeros(data.num_users)
            for _ in range(_BIAS_SWEEPS):
                user_bias, item_bias = swept_biases(data, self.mean, user_bias, damping, damping)
            self.user_bias.copy_(user_bias)
            self.item_bias.copy_(item_bias)
        unseen = torch.bincount(self.history_columns, minlength=self.num_columns) == 0
        with torch.no_grad():  # they never receive a gradient
            self.encoder.weight[unseen] = 0
            self.decoder.weight[unseen] = 0

    # -- the network --------------------------------------------------------------------------------------------------

    def encode(self, histories: SparseRows) -> Tensor:
        """g(V r + m) of each history, float32 [num_rows, hidden_dim]."""
        assert histories.values is not None
        inputs = replace(histories, values=dropped(histories.values, self.input_dropout, self.training))
        return torch.sigmoid(inputs.times(self.encoder.weight) + self.hidden_bias)

    def codes(self) -> Tensor:
        """g(V r + m) of every row, float32 [num_rows, hidden_dim]; cached per set of weights if gradients are off."""
        sources = [self.encoder.weight, self.hidden_bias, *(getattr(self, name) for name in self.observed)]
        return self._remembered(self._encode_all, sources)

    def _encode_all(self) -> Tensor:
        histories = self.histories
        rows = torch.arange(histories.num_rows, device=histories.starts.device)
        return torch.cat([self.encode(histories.take(some)) for some in rows.split(_ROWS)])

    def batch_loss(self, batch: Batch) -> Tensor:
        self._remembered.forget()
        rows = batch.items if self.trains_on == "items" else batch.users
        histories = self.histories.take(rows)
        assert histories.values is not None
        places, columns = histories.rows_of_entries(), histories.columns
        users, items = (columns, rows[places]) if self.trains_on == "items" else (rows[places], columns)
        scores = self._scores(self.encode(histories), places, columns) + self._baseline(users, items)
        loss = self.objective.loss(scores, histories.values)
        num_rows, num_ratings = int((self.histories.starts.diff() > 0).sum()), len(self.history_columns)
        return loss * len(columns) / max(1, len(rows)) * (num_rows / num_ratings)

    def penalty(self) -> Tensor | None:
        if self.regularization == 0:
            return None
        norms = self.encoder.weight.square().sum() + self.decoder.weight.square().sum()
        return self.regularization / 2 / len(self.history_columns) * norms

    # -- scores -------------------------------------------------------------------------------------------------------

    def forward(self, users: Tensor, items: Tensor) -> Tensor:
        users, items = torch.broadcast_tensors(users, items)
        rows, columns = (items, users) if self.trains_on == "items" else (users, items)
        scores = self._scores(self.codes(), rows.flatten(), columns.flatten())
        return scores.view(users.shape) + self._baseline(users, items)

    def _scores(self, codes: Tensor, places: Tensor, columns: Tensor) -> Tensor:
        """``⟨W_c, codes_p⟩ + b_c`` for each pair (p, c), float32 [N]."""
        return SampledProduct.apply(codes, self.decoder.weight, places, columns) + self.output_bias[columns]

    def _baseline(self, users: Tensor, items: Tensor | slice) -> Tensor:
        """Mean plus biases for pairs of broadcastable shapes; ``slice(None)``: all items."""
        return self.mean + self.user_bias[users] + self.item_bias[items]

    def _newcomer_bias(self, items: Tensor, ratings: Tensor) -> Tensor:
        """The regularised bias of a user outside the training data, float32 []."""
        centred, one = ratings - self.mean - self.item_bias[items], torch.zeros_like(items)
        return damped_mean(centred, one, 1, self.bias_regularization or 0).squeeze(0)

    # -- learned embeddings and biases --------------------------------------------------------------------------------

    @torch.no_grad()
    def vectors(self, side: Side) -> Tensor:
        """Embeddings, float32 [n, hidden_dim]: hidden codes for rows, decoder weights for columns.

        Without training ratings, a row has the code of the empty history, a column has zeros.
        """
        return self.codes() if side == self.trains_on.removesuffix("s") else self.decoder.weight.detach()

    def biases(self, side: Side) -> Tensor:
        """The biases subtracted from the targets, float32 [n]; for columns plus the output bias."""
        first = self.user_bias if side == "user" else self.item_bias
        return first if side == self.trains_on.removesuffix("s") else first + self.output_bias.detach()


class IAutoRec(AutoRec):
    """AutoRec that encodes items by their ratings; see :class:`AutoRec`."""

    trains_on = "items"

    def catalogue_scores(self, users: Tensor) -> Tensor:
        scores = torch.addmm(self.output_bias[users].unsqueeze(1), self.decoder(users), self.codes().T)
        return scores + self._baseline(users.unsqueeze(1), slice(None))

    @torch.no_grad()
    def scores_of_history(self, items: Tensor, targets: Tensor) -> Tensor:
        """As in the base, by folding in the user.

        A new user has no row in V and W. The row of V would only shift the item codes, and is omitted. The row w of W
        minimises the training objective, all else fixed, over the codes c_i of the rated items::

            Σ_i (r_i − μ − b_u − b_i − ⟨w, c_i⟩)² + λ/2 · ‖w‖²

        This ridge regression is solved exactly in float64. b_u is the user's regularised bias (without
        ``bias_regularization``, the user's mean) and includes the output bias. Without a history the scores are μ + b_i.
        """
        items, ratings = distinct_history(items, targets)
        codes = self.codes()
        offset = self._newcomer_bias(items, ratings) + self.mean + self.item_bias
        inputs, targets = codes[items].double(), (ratings - offset[items]).double()
        ridge = torch.eye(codes.shape[1], dtype=torch.float64, device=codes.device) * max(self.regularization / 2, 1e-6)
        weights = torch.linalg.solve(inputs.T @ inputs + ridge, inputs.T @ targets)
        return offset + codes @ weights.float()


class UAutoRec(AutoRec):
    """AutoRec that encodes users by their ratings; see :class:`AutoRec`."""

    trains_on = "users"

    def catalogue_scores(self, users: Tensor) -> Tensor:
        codes = self.encode(self.histories.take(users))
        scores = torch.addmm(self.output_bias, codes, self.decoder.weight.T)
        return scores + self._baseline(users.unsqueeze(1), slice(None))

    @torch.no_grad()
    def scores_of_history(self, items: Tensor, targets: Tensor) -> Tensor:
        """As in the base: the network's output plus the user's regularised bias."""
        items, ratings = distinct_history(items, targets)
        starts = torch.tensor([0, len(items)], device=items.device)
        code = self.encode(SparseRows(starts, items, ratings, self.num_items))
        scores = torch.addmm(self.output_bias, code, self.decoder.weight.T).squeeze(0)
        bias = 0 if self.bias_regularization is None else self._newcomer_bias(items, ratings)
        return scores + self.mean + bias + self.item_bias
