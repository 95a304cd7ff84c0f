"""The ranking task: rank the items that a user will interact with above all others."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn import functional
from torchmetrics import MeanMetric

from hydrarec.core.blocks import floats_at_once
from hydrarec.core.errors import ConfigError
from hydrarec.core.kinds import Count
from hydrarec.data.batching.queries import QueryBatch
from hydrarec.tasks.base import Objective, Scorer
from hydrarec.tasks.metrics.corrections import corrected_metrics
from hydrarec.tasks.metrics.exposure import Exposure
from hydrarec.tasks.metrics.ranks import RankCollector, Ranks, count_candidate_ranks, count_ranks
from hydrarec.tasks.metrics.registry import measures
from hydrarec.tasks.metrics.top_list import metrics_of

_PAIRS_AT_ONCE = 2**14  # under the sampled protocol on a CPU, so that intermediate results fit into the caches


def cross_entropy(scores: Tensor, targets: Tensor) -> Tensor:
    """−log σ(s) of positives and −log(1 − σ(s)) of negatives, mean over all (He et al. 2017, eq. 7)."""
    return functional.binary_cross_entropy_with_logits(scores, targets)


def bpr(scores: Tensor, targets: Tensor) -> Tensor:
    """−log σ(s_positive − s_negative), mean over all pairs (Rendle et al. 2009, eq. 4, without its regularisation)."""
    return functional.softplus(scores[:, 1:] - scores[:, :1]).mean()


def softmax(scores: Tensor, targets: Tensor) -> Tensor:
    """−log softmax(s)_positive, over sampled negatives (without a sampling correction) or the whole catalogue."""
    whole_catalogue = targets.dtype == torch.int64
    return functional.cross_entropy(scores, targets if whole_catalogue else targets.new_zeros(len(scores)).long())


LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {"bce": cross_entropy, "bpr": bpr, "softmax": softmax}


class RankingObjective(Objective):
    """Rank of a held-out item among 1 + ``num_candidates`` items, among the whole catalogue, or both.

    One pass over the scores counts better and tied candidates; every metric is computed from these counts, with ties
    counted by expectation. Metrics are means over users, or over held-out items under the sampled protocol.

    Args:
        loss: loss of a positive and its negatives: :func:`cross_entropy` (bce), :func:`bpr` or :func:`softmax`.
        protocol: ``sampled`` ranks among fixed candidates without any interaction of the user; ``full`` ranks among all
            items except those of the user in earlier parts; ``both``.
        ks: lengths of the list.
        num_candidates: candidates in addition to the held-out item, under the sampled protocol.
        popularity: training interactions per item, int64 [num_items].
    """

    task = "ranking"
    popularity: Tensor

    def __init__(
        self,
        *,
        loss: Literal["bce", "bpr", "softmax"],
        protocol: Literal["sampled", "full", "both"],
        ks: list[Count],
        num_candidates: Count,
        popularity: Tensor,
    ) -> None:
        super().__init__()
        if protocol != "sampled":
            judge_lengths(ks, len(popularity), "full")
        self.loss_function, self.protocol, self.ks, self.num_candidates = LOSSES[loss], protocol, ks, num_candidates
        self.sampled_name = f"sampled{num_candidates}"
        self.register_buffer("popularity", popularity, persistent=False)
        self.collectors = {name: RankCollector() for name in _protocol_names(protocol, num_candidates)}
        self.states = torch.nn.ModuleDict(self.collectors)  # registered, so that they move with the model
        self.exposure = Exposure(len(popularity), ks)
        self.catalogue = MeanMetric().set_dtype(torch.float64)  # mean number of candidates under full
        self.thorough = False

    @classmethod
    def produced(cls, settings: Mapping[str, Any]) -> list[str]:
        names = _protocol_names(settings["protocol"], settings["num_candidates"])
        return [f"{measure.name}/{name}" for name in names for measure in measures("ranks", settings["ks"])]

    def loss(self, scores: Tensor, targets: Tensor) -> Tensor:
        """Mean loss of a batch; shapes as in :class:`hydrarec.data.batching.batches.Batch`."""
        return self.loss_function(scores, targets)

    def reset(self, *, thorough: bool) -> None:
        self.thorough = thorough
        self.exposure.reset()
        self.catalogue.reset()
        for collector in self.collectors.values():
            collector.reset()

    def evaluate(self, model: Scorer, batch: QueryBatch) -> None:
        seen = torch.bincount(batch.seen_rows, minlength=len(batch.users))
        candidates = (len(self.popularity) - seen)[batch.rows]
        sampled = (batch.candidates >= 0).sum(1) == self.num_candidates
        self.catalogue.update(candidates[sampled])
        if self.protocol == "sampled":
            users = batch.users[batch.rows].unsqueeze(1)
            items = torch.cat([batch.items.unsqueeze(1), batch.candidates.clamp(min=0)], dim=1)
            pairs = floats_at_once(items.device, _PAIRS_AT_ONCE * model.floats_per_pair) // model.floats_per_pair
            few = max(1, pairs // items.shape[1])
            scores = torch.cat([model(*part) for part in zip(users.split(few), items.split(few), strict=True)])
            self._collect_sampled(batch, scores[:, 0], scores[:, 1:])
            return
        scores = model.catalogue_scores(batch.users)
        if self.protocol == "both":
            target = scores[batch.rows, batch.items]
            others = scores[batch.rows.unsqueeze(1), batch.candidates.clamp(min=0)]
            self._collect_sampled(batch, target, others)
        scores[batch.seen_rows, batch.seen_items] = -torch.inf
        self._collect("full", batch, *count_ranks(scores, batch.rows, batch.items), candidates)
        if self.thorough:
            best = scores.topk(max(self.ks), dim=1)
            self.exposure.update(best.indices.masked_fill(best.values == -torch.inf, -1))

    def report(self) -> dict[str, Tensor]:
        found: dict[str, Tensor] = {}
        for name, collector in self.collectors.items():
            _, ranks = collector.ranks()
            one_each = len(torch.unique_consecutive(ranks.queries)) == len(ranks.queries)
            if name != "full":  # each held-out item has its own candidates: it is its own query
                ranks = ranks._replace(queries=torch.arange(len(ranks.queries), device=ranks.queries.device))
            found |= {f"{key}/{name}": values.mean() for key, values in metrics_of(ranks, self.ks).items()}
            if name != "full" and self.thorough and one_each:  # with several per user, full differs in definition
                found |= self._corrected(name, ranks)
        if self.thorough and "full" in self.collectors:
            found |= {f"{key}/full": value for key, value in self.exposure.compute(self.popularity).items()}
        return found

    def unit(self, protocol: str) -> Literal["users", "held-out items"]:
        return "users" if protocol == "full" else "held-out items"  # which have candidates of their own

    def outcomes(self) -> dict[str, Tensor]:
        """``better``, ``tied`` and ``candidates`` of each held-out item per protocol, int64 [N]."""
        found: dict[str, Tensor] = {}
        for name, collector in self.collectors.items():
            _, ranks = collector.ranks()
            found |= {f"{name}/{field}": getattr(ranks, field) for field in ("better", "tied", "candidates")}
        return found

    def _corrected(self, name: str, ranks: Ranks) -> dict[str, Tensor]:
        """Estimate full-catalogue metrics from the sampled ranks (Krichene & Rendle 2020).

        The catalogue size is the mean over the queries. If the sample holds all items that a user has not interacted with,
        the rank is already exact and is not corrected.
        """
        sampled = ranks.candidates == 1 + self.num_candidates
        size = round(self.catalogue.compute().item()) if sampled.any() else 0
        if size <= 1 + self.num_candidates:
            sampled = torch.zeros_like(sampled)
        exact = metrics_of(Ranks(*(column[~sampled] for column in ranks)), self.ks)
        some = Ranks(*(column[sampled] for column in ranks))
        estimates = corrected_metrics(some, max(size, 2 + self.num_candidates), self.ks, distinct=True)
        found: dict[str, Tensor] = {}
        for key, values in estimates.items():
            metric, estimator = key.split("/")
            found[f"{metric}/{name}/{estimator}"] = torch.cat([values, exact[metric]]).mean()
        return found

    def _collect_sampled(self, batch: QueryBatch, target: Tensor, others: Tensor) -> None:
        valid = batch.candidates >= 0
        better, tied = count_candidate_ranks(target, others, valid)
        self._collect(self.sampled_name, batch, better, tied, 1 + valid.sum(1))

    def _collect(self, name: str, batch: QueryBatch, better: Tensor, tied: Tensor, candidates: Tensor) -> None:
        self.collectors[name].update(batch.ids, Ranks(batch.users[batch.rows], better, tied, candidates))


def _protocol_names(protocol: str, num_candidates: int) -> list[str]:
    """Names of the protocols in metric keys."""
    sampled = f"sampled{num_candidates}"
    return {"sampled": [sampled], "full": ["full"], "both": [sampled, "full"]}[protocol]


def judge_lengths(ks: list[int], candidates: int, protocol: str) -> None:
    """Raise :class:`ConfigError` if a list is longer than the number of candidates: it would always be perfect."""
    if max(ks) > candidates:
        raise ConfigError(
            f"task.objective.ks has {max(ks)}, more than the {candidates:,} candidates of the {protocol} protocol",
            expected=f"1 to {candidates}",
            fix=f"task.objective.ks=[{min(10, candidates)}]",
            value=max(ks),
        )
