"""The subject of an analysis: embeddings and biases of a finished run or a live model, with item metadata."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from hydrarec.core.errors import ConfigError
from hydrarec.models.base import Recommender
from hydrarec.runs.run_data import RunData

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Subject:
    """A model's embeddings and biases, and the data it was trained on.

    Attributes:
        name: name of the model's class. task: the task it was trained on.
        data: the data it was trained on; counts and means are those of the training part.
        item_vectors, user_vectors: float64 [n, D], None for a model without embeddings.
        item_biases, user_biases: float64 [n], None for a model without biases; in units of the raw score.
    """

    name: str
    task: str
    data: RunData
    item_vectors: Floats | None
    user_vectors: Floats | None
    item_biases: Floats | None
    user_biases: Floats | None

    @property
    def title(self) -> str:
        return f"{self.name}, {self.task} on {self.data.name}"

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """The title of each item, or its raw id if there are no titles."""
        return tuple(self.data.label(item) for item in range(self.data.num_items))

    @property
    def rating_name(self) -> str:
        """The axis label of a mean rating."""
        low, high = self.data.scale
        return f"mean rating ({low:g} to {high:g})"

    def described(
        self, items: Sequence[int] | Indices, columns: Mapping[str, object] | None = None, **labels: object
    ) -> pd.DataFrame:
        """A data frame with a row per item index: ``labels``, id, title, ``columns``, mean rating, rating count, genres.

        Titles and genres are included if known; a label is one value for all rows or one per row.
        """
        chosen = np.asarray(items, np.int64)
        found: dict[str, object] = {**labels, "item": self.data.item_ids.raw[chosen]}
        if self.data.titles is not None:
            found["title"] = [self.data.titles[item] for item in chosen]
        found |= columns or {}
        found["mean rating"] = self.data.item_means[chosen]
        found["ratings"] = self.data.item_counts[chosen]
        if self.data.genres is not None:
            found["genres"] = [self.data.genres[item] for item in chosen]
        return pd.DataFrame(found)


@torch.no_grad()
def subject_of(model: Recommender, data: RunData, task: str) -> Subject:
    """The current embeddings and biases of ``model``.

    Raises:
        ConfigError: the model has neither.
    """
    found = Subject(
        name=type(model).__name__,
        task=task,
        data=data,
        item_vectors=_array(model.vectors("item")),
        user_vectors=_array(model.vectors("user")),
        item_biases=_array(model.biases("item")),
        user_biases=_array(model.biases("user")),
    )
    if all(part is None for part in (found.item_vectors, found.user_vectors, found.item_biases, found.user_biases)):
        raise ConfigError(
            f"model {found.name} has neither embeddings nor biases: there is nothing to look into",
            expected="a model that learns them, such as biased_dot, svdpp, mlp, neumf or lightgcn",
            fix="hydrarec-train model=biased_dot, then analyse that run",
            value=found.name,
        )
    return found


def item_vectors(subjects: Sequence[Subject], setting: str) -> list[Floats]:
    """The item vectors of all subjects; ``setting``, which named them, is for the error message.

    Raises:
        ConfigError: a subject has no item vectors.
    """
    for subject in subjects:
        if subject.item_vectors is None:
            raise ConfigError(
                f"{setting}: model {subject.name} has no item embeddings",
                expected="models with item embeddings, such as biased_dot, svdpp, neumf or lightgcn",
                fix=f"{setting}=<runs of such models>",
                value=subject.name,
            )
    return [subject.item_vectors for subject in subjects if subject.item_vectors is not None]


def _array(values: Tensor | None) -> Floats | None:
    return None if values is None else values.cpu().double().numpy()
