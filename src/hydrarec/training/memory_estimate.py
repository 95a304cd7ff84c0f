"""Estimate of the memory that a run needs at its peak, made before it takes any."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch
from omegaconf import DictConfig

from hydrarec.core import memory
from hydrarec.data.interactions import Interactions
from hydrarec.models.base import Recommender

_FEWER = "filter=five_core, fewer items or users by another filter, or another model"


class Need(NamedTuple):
    """Bytes that a part of a run needs, what they are for, and how to need fewer."""

    size: int
    what: str
    fix: str


def check_size(cfg: DictConfig, make_model: Callable[..., Recommender], interactions: Interactions) -> None:
    """Refuse a run that does not fit into memory.

    Raises:
        ConfigError: it needs more than this machine has. EnvironmentFault: more than is free now.
    """
    with torch.device("meta"):  # counts parameters without allocating them
        model = make_model(num_users=interactions.num_users, num_items=interactions.num_items)
    needs = sorted(_needs(cfg, model, interactions), reverse=True)
    total = sum(need.size for need in needs)
    memory.require(total, f"this run, most of it for {needs[0].what},", needs[0].fix)


def _needs(cfg: DictConfig, model: Recommender, interactions: Interactions) -> Iterator[Need]:
    weights, others = (sum(entry.numel() for entry in kind) for kind in (model.parameters(), model.buffers()))
    weights_text = f"{weights:,} weights, their gradients and moments"
    yield Need(memory.PER_WEIGHT * weights + 4 * others, weights_text, "a smaller model.embedding_dim")
    batch = cfg.task.datamodule.batch_size
    size = model.working_bytes(len(interactions), batch)
    whole = model.trains_on == "interactions"
    smaller = f"task.datamodule.batch_size={max(1, batch // 8)}"
    yield Need(size, f"what {type(model).__name__} computes", _FEWER if whole else smaller)
    if cfg.model.get("embedding") == "one_hot":
        rows = batch * (interactions.num_users + interactions.num_items)
        yield Need(
            4 * rows, f"model.embedding=one_hot with batch_size={batch}", f"{smaller}, or model.embedding=library"
        )
    if cfg.task.datamodule.get("num_negatives") == "catalogue" and whole:
        # Measured: the widest layer of each pair and its gradient, the scores and theirs.
        floats = 2 * int(cfg.model.get("embedding_dim") or model.floats_per_pair) + 5
        what = f"scores of all {interactions.num_items:,} items for each of batch_size={batch}"
        yield Need(4 * floats * batch * interactions.num_items, what, f"{smaller}, or task.datamodule.num_negatives=4")
    evaluation = int(cfg.task.datamodule.get("eval_memory") or 0)
    yield Need(evaluation * 2**20, f"task.datamodule.eval_memory={evaluation}", "task.datamodule.eval_memory=64")
