"""Interactions of ML-20M's shape with a truth to learn, and the parts of a run on them."""

from __future__ import annotations

import functools
import tempfile
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks.figures import built
from gpu.harness import Here
from hydrarec.config.composition import compose_config
from hydrarec.config.factory import factory
from hydrarec.data.batching.samples import ContrastedSamples
from hydrarec.data.datasets.synthetic import SyntheticRatings

NCF = {  # with 64 factors, as NVIDIA's reference; MLP 256-256-128-64
    "MF-64": ["model=mf", "model.embedding_dim=64"],
    "GMF-64": ["model=gmf", "model.embedding_dim=64"],
    "MLP-64": ["model=ncf_mlp", "model.embedding_dim=128", "model.hidden_dims=[256,128,64]"],
    "NeuMF-64": ["model=neumf", "model.gmf_dim=64", "model.mlp_dim=128", "model.hidden_dims=[256,128,64]"],
}
_RATE = "optimizer.learning_rate=0.0045"  # NVIDIA's, for batches of 2²⁰
_TRUTH: dict[str, Tensor] = {}


def settings() -> list[str]:
    """The settings of every run on the planted data."""
    shape = [f"dataset.num_users={Here.users}", f"dataset.num_items={Here.items}", f"dataset.num_ratings={Here.rows}"]
    written = ["save_data=false", "save_predictions=false", "logger=none", "trainer.checkpoint_seconds=100000"]
    batches = [f"task.datamodule.batch_size={Here.batch}", "dataset.rank=0", Here.trainer]
    return ["task=ranking", "task/protocol=sampled", "dataset=synthetic", *shape, *batches, *written]


@functools.lru_cache(1)
def planted() -> Any:
    """Parts, folder and configuration of a NeuMF run on the planted pairs; made once."""
    SyntheticRatings._distinct_pairs = _structured  # type: ignore[method-assign]  # noqa: SLF001
    made = built([*settings(), *NCF["NeuMF-64"], _RATE], tempfile.mkdtemp())
    type(made[0].datamodule).device = property(lambda _: Here.device)  # type: ignore[assignment]  no Trainer yet
    return made


def samples() -> ContrastedSamples:
    """The training samples, on the device."""
    found = planted()[0].datamodule.train_dataloader().samples
    assert isinstance(found, ContrastedSamples)
    return found


def model_of(name: str, *more: str) -> tuple[Any, Any]:
    """A new model on the device for the planted data, and how to make its optimiser."""
    cfg = compose_config([*settings(), *NCF.get(name, []), *more])
    torch.manual_seed(0)
    model = factory(cfg.model)(num_users=Here.users, num_items=Here.items)
    model.objective = planted()[0].model.objective.to(Here.device)
    return model.to(Here.device), lambda: factory(cfg.optimizer)(model.parameters())


def _structured(self: SyntheticRatings, rng: object) -> np.ndarray:
    """Each user takes the top of log popularity + ⟨p, q⟩ / 2 + Gumbel noise: a draw from a softmax without replacement."""
    torch.manual_seed(5)
    p, q = (torch.randn(number, 16, device=Here.device) for number in (self.num_users, self.num_items))
    popularity = -torch.log(torch.arange(self.num_items, device=Here.device) + 0.05 * self.num_items)
    degrees = torch.rand(self.num_users, device=Here.device).pow(2) * 3 + 0.05
    degrees = (
        (degrees / degrees.mean() * self.num_ratings / self.num_users).round().long().clamp(2, self.num_items // 2)
    )
    keys, most = [], int(degrees.max())
    for some in torch.arange(self.num_users, device=Here.device).split(2048):
        uniform = torch.rand(len(some), self.num_items, device=Here.device).clamp(1e-9, 1 - 1e-7)
        top = (p[some] @ q.T * 0.5 + popularity - torch.log(-torch.log(uniform))).topk(most, dim=1).indices
        taken = torch.arange(most, device=Here.device) < degrees[some].unsqueeze(1)
        keys.append((some.unsqueeze(1) * self.num_items + top)[taken])
    found = torch.cat(keys)
    absent = (torch.bincount(found % self.num_items, minlength=self.num_items) == 0).nonzero().squeeze(1)
    found = torch.cat([found, (absent % self.num_users) * self.num_items + absent]).unique()  # each item has one
    _TRUTH.update(p=p, q=q, popularity=popularity)
    return np.asarray(found.cpu().numpy())


def hit_rate_of_the_truth() -> float:
    """HR@10 on the validation part of the scores by which the data were drawn."""
    queries, hits = planted()[0].datamodule.val_dataloader().queries, 0
    for rows in torch.arange(len(queries.users), device=Here.device).split(4096):
        items = torch.cat([queries.items[rows].unsqueeze(1), queries.candidates[rows].long()], dim=1)
        scores = (_TRUTH["p"][queries.users[rows]].unsqueeze(1) * _TRUTH["q"][items]).sum(-1) * 0.5
        scores += _TRUTH["popularity"][items]
        hits += int(((scores[:, 1:] > scores[:, :1]).sum(1) < 10).sum())
    return hits / len(queries.users)
